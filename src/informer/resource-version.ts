/**
 * Whether resourceVersion `a` is older than `b`. By contract they are ordered decimal numbers only since 1.35. Every
 * API server that stores in etcd has always used such numbers. Anything else compares as not older.
 */
export function isOlder(a: string, b: string): boolean {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return false;
  return a.length === b.length ? a < b : a.length < b.length;
}

/** How far one watch and its lists have told. */
export class Progress {
  #until = '';

  /** An event has arrived. */
  heard(version: string): void {
    if (this.#until === '' || isOlder(this.#until, version)) this.#until = version;
  }

  /** A list is complete. After a restore of etcd it is older than what was heard before, and is believed. */
  listed(snapshot: string | undefined): void {
    this.#until = snapshot ?? '';
  }

  /**
   * Whether `version` of an object is an answer to a write since the list at `snapshot` was made. False after a restore of
   * etcd: such a list is older than what was heard before it.
   */
  isSince(snapshot: string | undefined, version: string): boolean {
    return snapshot !== undefined && isOlder(snapshot, version) && !isOlder(snapshot, this.#until);
  }
}
