import type { Clock } from '../async/clock.ts';

/** The API server's own default and maximum for `timeoutSeconds` of a webhook. */
const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_TIMEOUT_MS = 30_000;

/** When one response is due. */
export interface Deadline {
  /** Aborts when the response is due, or when the process stops. */
  readonly signal: AbortSignal;
  /** Aborts the signal now: nobody waits for the response any more. */
  abandon(why: Error): void;
  /** Call it when the response is made: its timer would keep the process alive. */
  close(): void;
}

/** The deadlines of all requests in hand. */
export class Deadlines {
  readonly #clock: Pick<Clock, 'setTimer'>;
  readonly #open = new Set<AbortController>();
  #isHurried = false;

  constructor(clock: Pick<Clock, 'setTimer'>) {
    this.#clock = clock;
  }

  open(ms: number): Deadline {
    const controller = new AbortController();
    const timer = this.#clock.setTimer(() => controller.abort(new Error('the answer is due')), ms);
    const close = () => {
      timer.cancel();
      this.#open.delete(controller);
    };
    this.#open.add(controller);
    if (this.#isHurried) controller.abort(hurried());
    return { signal: controller.signal, abandon: (why) => controller.abort(why), close };
  }

  /** Every response is due now, those to come too. */
  hurry(): void {
    this.#isHurried = true;
    for (const controller of this.#open) controller.abort(hurried());
  }
}

const hurried = () => new Error('the process is stopping');

/**
 * How long a response may take: the API server's `?timeout=`, less three tenths, at most three seconds. Its clock begins before
 * the handshake; with hundreds of evictions at once that, and the way back, take seconds (docs/reliability.md).
 */
export function answerWithinMs(url: string): number {
  const given = goDurationMs(timeoutOf(url));
  const timeoutMs = given > 0 ? Math.min(given, MAX_TIMEOUT_MS) : DEFAULT_TIMEOUT_MS;
  return Math.round(timeoutMs - Math.min(timeoutMs * 0.3, 3000));
}

/** `10s`, `1m0s`, `1.5s` or `500ms` as Go writes them; 0 for anything else. */
function goDurationMs(text: string): number {
  // What API servers send.
  if (/^\d{1,5}s$/.test(text)) return Number.parseInt(text, 10) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|m))+$/.test(text)) return 0;
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m)/g)];
  return parts.reduce((sum, [, digits, unit]) => sum + Number(digits) * (units[unit as string] as number), 0);
}

/** The value of `?timeout=`; empty if there is none, or more than one. */
function timeoutOf(url: string): string {
  const query = url.slice(url.indexOf('?') + 1);
  const [timeout = '', ...others] = new URLSearchParams(query).getAll('timeout');
  return others.length === 0 ? timeout : '';
}
