interface Timer {
  readonly dueAt: number;
  readonly owner: object;
  readonly callback: () => void;
}

/**
 * Lets everything run that can run without time passing. Product code waits only for promises here, and every promise is
 * settled before a macrotask begins; so when this returns nothing is under way but what is parked at a port.
 */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Virtual time in ms. It moves only when a step moves it. */
export class SimClock {
  now = 0;
  readonly #timers = new Set<Timer>();
  #nextDue = Number.POSITIVE_INFINITY;

  /** No timer goes off before; one that has been cancelled may have been the first. */
  get nextDue(): number {
    return this.#nextDue;
  }

  setTimer(owner: object, callback: () => void, ms: number): { cancel(): void } {
    const timer = { owner, callback, dueAt: this.now + ms };
    this.#timers.add(timer);
    this.#nextDue = Math.min(this.#nextDue, timer.dueAt);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** What a process that has died was waiting for. */
  dropTimersOf(owner: object): void {
    for (const timer of this.#timers) {
      if (timer.owner === owner) this.#timers.delete(timer);
    }
  }

  /** Moves on; what falls due on the way runs at its time, in order, each to its end, which `after` waits for. */
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
