/**
 * `now`, with the parts that are as they were `before` taken from there: of an object that changes again and again only what
 * changed is new. The rest would outlive the young generation each time and fill the old one (docs/performance.md).
 * Both are projections: one level deep, or two, and frozen; so is the result.
 */
export function sharing<T extends object>(before: T, now: T): T {
  const earlier = before as Readonly<Record<string, unknown>>;
  const result = { ...now } as Record<string, unknown>;
  for (const key of Object.keys(result)) {
    if (isSame(earlier[key], result[key])) result[key] = earlier[key];
  }
  return Object.freeze(result) as T;
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), b as Readonly<Record<string, unknown>>];
  return (
    left.length === Object.keys(b).length && left.every(([key, value]) => Object.hasOwn(b, key) && right[key] === value)
  );
}
