import { ignore, unlessAborted } from './abort.ts';
import { Bulkhead } from './bulkhead.ts';

/**
 * Heavy calls, a few at a time; owners take turns. A request joins an equal call that has not begun. It cannot join one that
 * has, because what that one returns may be older than what the request has seen before.
 */
export class SharedCalls<T> {
  readonly #places: Bulkhead;
  readonly #waiting = new Map<string, Promise<T>>();

  constructor(limits: { readonly running: number; readonly waiting: number }) {
    this.#places = new Bulkhead(limits);
  }

  /** `key` tells equal calls. `signal` ends the wait alone: others may wait for the same call, which has a limit of its own. */
  run(key: string, owner: string, call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return unlessAborted(this.#waiting.get(key) ?? this.#begin(key, owner, call), signal);
  }

  #begin(key: string, owner: string, call: () => Promise<T>): Promise<T> {
    const made = this.#make(key, owner, call);
    this.#waiting.set(key, made);
    // Everybody who waited for it may have left.
    made.catch(ignore);
    return made;
  }

  async #make(key: string, owner: string, call: () => Promise<T>): Promise<T> {
    let leave: () => void;
    try {
      leave = await this.#places.enter(owner, new AbortController().signal);
    } finally {
      this.#waiting.delete(key);
    }
    try {
      return await call();
    } finally {
      leave();
    }
  }
}
