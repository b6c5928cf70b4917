/** Puts the entry last, and drops the oldest beyond `max`. */
export function putNewest<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > max && oldest !== undefined) map.delete(oldest);
}

/** Forgets every key that `keep` does not have. */
export function keepOnly(map: Map<string, unknown>, keep: { has(key: string): boolean }): void {
  for (const key of map.keys()) if (!keep.has(key)) map.delete(key);
}
