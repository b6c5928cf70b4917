import { MESSAGES } from '../../src/policy/decision.ts';
import type { LogLine } from '../../testkit/log-lines.ts';
import type { PodView } from '../../testkit/pods.ts';
import { NotYet } from '../../testkit/until.ts';
import type { PodChange } from './pod-watch.ts';

/** What came of one request for an eviction. */
export interface Answer {
  /** The name that was asked for. */
  readonly pod: string;
  /** 201 where it was allowed. */
  readonly code: number;
  /** In the words of the hook. */
  readonly text: string;
  /** It was in hand from then on, and was given by then. */
  readonly from: number;
  readonly to: number;
  readonly asker: 'drainer' | 'rehearsal';
}

/** A time during which something was so. */
export interface Span {
  readonly from: number;
  /** Infinity while it is still so. */
  readonly to: number;
}

/** An instance on its node. */
export interface Stay extends Span {
  readonly uid: string;
  readonly name: string;
  readonly node: string;
}

/** A node that was drained by somebody. */
export interface Closure extends Span {
  readonly node: string;
}

export interface Testimony {
  readonly answers: readonly Answer[];
  readonly stays: readonly Stay[];
  readonly closures: readonly Closure[];
}

export interface WitnessOptions {
  readonly namespace: string;
  readonly monotonicNow: () => number;
  /** Epoch milliseconds, on the clock that the hook's log is written by. */
  readonly now: () => number;
}

export interface AskedAgain {
  readonly names: readonly string[];
  readonly count: number;
  readonly since: number;
  readonly timeoutMs: number;
}

/** The hook, or the kubectl that tells of it, says that a pod has been marked before and is still to be moved. */
export const isWaiting = ({ code, text }: Answer) => code === 429 && text.startsWith(MESSAGES.waiting);

/** Keeps what was answered, and where each instance and how each node was at that moment. Times are on its clock. */
export class Witness implements Testimony {
  readonly #options: WitnessOptions;
  readonly #answers: Answer[] = [];
  readonly #stays = new Map<string, Stay>();
  readonly #closures: Closure[] = [];
  readonly #listeners = new Set<(answer: Answer) => void>();

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  get answers(): readonly Answer[] {
    return this.#answers;
  }

  get stays(): readonly Stay[] {
    return [...this.#stays.values()];
  }

  get closures(): readonly Closure[] {
    return this.#closures;
  }

  pod(change: PodChange, { uid, name, node }: PodView): void {
    const from = this.#options.monotonicNow();
    if (change === 'scheduled' && node !== undefined) this.#stays.set(uid, { uid, name, node, from, to: Infinity });
    const stay = this.#stays.get(uid);
    if (change === 'gone' && stay !== undefined) this.#stays.set(uid, { ...stay, to: from });
  }

  /** A node as it is now; told again it does no harm. */
  node(node: string, isDraining: boolean): void {
    const at = this.#options.monotonicNow();
    const i = this.#closures.findIndex((one) => one.node === node && one.to === Infinity);
    const open = this.#closures[i];
    if (isDraining && open === undefined) this.#closures.push({ node, from: at, to: Infinity });
    if (!isDraining && open !== undefined) this.#closures[i] = { ...open, to: at };
  }

  /** A line of the hook's log, which says when it was written. */
  hookLine({ namespace, pod, decision, code, answer, time, durationMs }: LogLine): void {
    if (namespace !== this.#options.namespace || typeof pod !== 'string' || decision === undefined) return;
    const { monotonicNow, now } = this.#options;
    const writtenAgoMs = now() - Date.parse(String(time));
    const to = monotonicNow() - Math.max(0, writtenAgoMs || 0);
    const from = to - Number(durationMs ?? 0);
    const refused = { code: Number(code ?? 429), text: String(answer ?? MESSAGES.marked) };
    this.answered({ pod, ...(decision === 'allow' ? { code: 201, text: '' } : refused), from, to, asker: 'drainer' });
  }

  answered(answer: Answer): void {
    this.#answers.push(answer);
    for (const listener of this.#listeners) listener(answer);
  }

  /**
   * Resolves when a drainer has been answered once more about so many of the names after it was told of their marks, be it
   * with a refusal. Rejects where the signal aborts, or with NotYet after `timeoutMs`.
   */
  async askedAgain({ names, count, since, timeoutMs }: AskedAgain, signal: AbortSignal): Promise<void> {
    const wanted = new Set(names);
    const asked = new Set<string>();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const listener = (answer: Answer) => {
      const isMark = answer.code === 429 && !isWaiting(answer);
      const isIt = answer.asker === 'drainer' && answer.from >= since && wanted.has(answer.pod);
      if (isIt && !isMark) asked.add(answer.pod);
      if (asked.size >= count) resolve();
    };
    const giveUp = () => reject(signal.reason);
    const timer = setTimeout(() => reject(new NotYet(`asked again for ${asked.size} pods of ${count}`)), timeoutMs);
    this.#listeners.add(listener);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    for (const answer of this.#answers) listener(answer);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      this.#listeners.delete(listener);
    }
  }
}
