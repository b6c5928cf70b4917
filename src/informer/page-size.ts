/** A fifth of client-go's page, so that parsing one page never delays an eviction for long. */
const MOST_OBJECTS = 100;
/** What a page should weigh. Parsing so much takes 10 ms, and 100 pods are seldom heavier. */
const TARGET_BYTES = 512 * 1024;
/**
 * A heavier page is not read to its end, because parsing takes up to six times its weight in memory. Anybody who may
 * create a pod can make it weigh 1.2 MB.
 */
export const PAGE_MAX_BYTES = 2 * TARGET_BYTES;
const SHRINK = 4;

/** How many objects to ask for in the next page of a list, by what the pages before it weighed. */
export class PageSize {
  #limit = MOST_OBJECTS;

  get limit(): number {
    return this.#limit;
  }

  /** A single object has no limit, because the hook must know it. etcd keeps none of more than about 1.5 MB. */
  get maxBytes(): number | undefined {
    return this.#limit === 1 ? undefined : PAGE_MAX_BYTES;
  }

  /** The page weighed more than `maxBytes`. */
  tooHeavy(): void {
    this.#limit = Math.max(1, Math.floor(this.#limit / SHRINK));
  }

  weighed(bytes: number, objects: number): void {
    const fitting = Math.floor(TARGET_BYTES / (bytes / Math.max(1, objects)));
    this.#limit = Math.max(1, Math.min(fitting, this.#limit * SHRINK, MOST_OBJECTS));
  }
}
