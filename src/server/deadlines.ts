/** The API server's own default and maximum for `timeoutSeconds` of a webhook. */
const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_TIMEOUT_MS = 30_000;

/** What the deadlines need of time. */
export interface DeadlineClock {
  monotonicNow(): number;
  setTimer(callback: () => void, ms: number): { cancel(): void };
}

/** When one answer is due. To be closed when the answer has left. */
export class Deadline {
  /** On the monotonic clock. */
  readonly dueAt: number;
  /** Called once, when it is due or has been hurried. */
  whenDue: (() => void) | undefined;
  readonly #open: Set<Deadline>;
  #controller: AbortController | undefined;
  #cause: Error | undefined;

  /** `open` is where it stays until it is closed. */
  constructor(dueAt: number, open: Set<Deadline>) {
    this.dueAt = dueAt;
    this.#open = open;
    open.add(this);
  }

  /** Made when it is asked for: most answers leave before anybody needs it. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#cause !== undefined) this.#controller.abort(this.#cause);
    return this.#controller.signal;
  }

  expire(cause: Error): void {
    this.#cause = cause;
    this.#controller?.abort(cause);
    this.whenDue?.();
  }

  close(): void {
    this.#open.delete(this);
  }
}

/**
 * The deadlines of all answers in hand, on one timer: a timer and two signals for each answer cost more than to make the
 * answer from the cache. The timer is for the earliest that was open when it was set, and finds the next one itself.
 */
export class Deadlines {
  readonly #clock: DeadlineClock;
  readonly #open = new Set<Deadline>();
  #timer: { readonly at: number; cancel(): void } | undefined;
  #isHurried = false;

  constructor(clock: DeadlineClock) {
    this.#clock = clock;
  }

  open(ms: number): Deadline {
    const deadline = new Deadline(this.#clock.monotonicNow() + ms, this.#open);
    if (this.#isHurried) deadline.expire(hurried());
    if (this.#timer === undefined || deadline.dueAt < this.#timer.at) this.#setTimer(deadline.dueAt);
    return deadline;
  }

  /** Every answer is due now, those to come too. */
  hurry(): void {
    this.#isHurried = true;
    for (const deadline of this.#open) deadline.expire(hurried());
  }

  /** To be called when the last answer has left: the timer would keep the process for as long as an answer may take. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #setTimer(at: number): void {
    this.#timer?.cancel();
    const timer = this.#clock.setTimer(() => this.#expireDue(), Math.max(0, at - this.#clock.monotonicNow()));
    this.#timer = { at, cancel: () => timer.cancel() };
  }

  #expireDue(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonicNow();
    let next = Number.POSITIVE_INFINITY;
    for (const deadline of this.#open) {
      if (deadline.dueAt > now) next = Math.min(next, deadline.dueAt);
      else {
        this.#open.delete(deadline);
        deadline.expire(new Error('the answer is due'));
      }
    }
    if (next !== Number.POSITIVE_INFINITY) this.#setTimer(next);
  }
}

const hurried = () => new Error('the process is stopping');

/**
 * How long an answer may take: the API server's `?timeout=`, less three tenths, at most three seconds. Its clock begins before
 * the handshake; with hundreds of evictions at once that, and the way back, take seconds (docs/reliability.md).
 */
export function answerWithinMs(url: string): number {
  const given = goDurationMs(timeoutOf(url));
  const timeoutMs = given > 0 ? Math.min(given, MAX_TIMEOUT_MS) : DEFAULT_TIMEOUT_MS;
  return Math.round(timeoutMs - Math.min(timeoutMs * 0.3, 3000));
}

/** `10s`, `1m0s`, `1.5s` or `500ms` as Go writes them; 0 for anything else. */
function goDurationMs(text: string): number {
  // What every API server sends for whole seconds.
  if (/^\d{1,5}s$/.test(text)) return Number.parseInt(text, 10) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|m))+$/.test(text)) return 0;
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m)/g)];
  return parts.reduce((sum, [, digits, unit]) => sum + Number(digits) * (units[unit as string] as number), 0);
}

/** The value of `?timeout=`; empty if there is none, or more than one. */
function timeoutOf(url: string): string {
  const query = url.slice(url.indexOf('?') + 1);
  if (query.startsWith('timeout=') && !/[&%+]/.test(query)) return query.slice('timeout='.length);
  const [timeout = '', ...others] = new URLSearchParams(query).getAll('timeout');
  return others.length === 0 ? timeout : '';
}
