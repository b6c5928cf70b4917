import { type ReadEntry, readEntry } from '../policy/entry-lifecycle.ts';
import type { Tracker } from '../policy/model.ts';
import { keepOnly } from './bounded-map.ts';

/** The entries of one tracker, each decoded once for as long as its value stays the same. */
export class DecodedEntries {
  readonly #byKey = new Map<string, { readonly value: string; readonly read: ReadEntry | undefined }>();

  /** undefined if the annotation is not the hook's. */
  get(tracker: Pick<Tracker, 'namespace' | 'name'>, key: string, value: string): ReadEntry | undefined {
    const known = this.#byKey.get(key);
    if (known?.value === value) return known.read;
    const read = readEntry(tracker, key, value);
    this.#byKey.set(key, { value, read });
    return read;
  }

  /** Forgets every key that `keep` does not have. */
  keepOnly(keep: { has(key: string): boolean }): void {
    keepOnly(this.#byKey, keep);
  }
}
