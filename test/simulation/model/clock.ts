interface Timer {
  readonly dueAt: number;
  readonly owner: object;
  readonly callback: () => void;
}

/**
 * Runs everything that can run without time passing. The product's code waits only for promises here, and all promises
 * settle before a macrotask begins. So after this only calls and timers of the simulation are pending.
 */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Virtual time in ms. Only a step advances it. */
export class SimClock {
  now = 0;
  readonly #timers = new Set<Timer>();
  #nextDue = Number.POSITIVE_INFINITY;

  /** No timer fires earlier. If the first timer was cancelled, the next one fires later than this. */
  get nextDue(): number {
    return this.#nextDue;
  }

  setTimer(owner: object, callback: () => void, ms: number): { cancel(): void } {
    const timer = { owner, callback, dueAt: this.now + ms };
    this.#timers.add(timer);
    this.#nextDue = Math.min(this.#nextDue, timer.dueAt);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Drops the timers of a dead process. */
  dropTimersOf(owner: object): void {
    for (const timer of this.#timers) {
      if (timer.owner === owner) this.#timers.delete(timer);
    }
  }

  /** Advances the clock. Each due timer fires at its time, in order, and `after` waits for its work. */
  async advance(ms: number, after: () => Promise<void> = quiet): Promise<void> {
    const end = this.now + ms;
    while (this.#nextDue <= end) {
      const timer = this.#takeDue(end);
      if (timer === undefined) break;
      this.now = Math.max(this.now, timer.dueAt);
      timer.callback();
      await after();
    }
    this.now = end;
  }

  #takeDue(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (first === undefined || timer.dueAt < first.dueAt) first = timer;
    }
    this.#nextDue = first?.dueAt ?? Number.POSITIVE_INFINITY;
    if (first === undefined || first.dueAt > end) return undefined;
    this.#timers.delete(first);
    return first;
  }
}
