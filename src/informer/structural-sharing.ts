/**
 * Returns `now`, but takes the parts that did not change from `before`, so that an update adds only what changed to the
 * heap. Otherwise unchanged parts would outlive the young generation at each update and fill the old one
 * (docs/performance.md).
 * Both arguments are projections: at most two levels deep, and frozen. The result is frozen too.
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
