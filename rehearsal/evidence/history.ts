import { MESSAGES, type Reason } from '../../src/policy/decision.ts';
import type { LogLine } from '../../testkit/log-lines.ts';
import type { PodView } from '../../testkit/pods.ts';
import { NotYet } from '../../testkit/until.ts';
import type { PodChange } from './pod-watch.ts';

/** The response to one eviction request. */
export interface EvictionResponse {
  /** The pod name in the request. */
  readonly pod: string;
  /** 201 if it was allowed. */
  readonly code: number;
  /** In the words of the hook. */
  readonly text: string;
  /** The hook had the request in hand from then on, and had responded by then. */
  readonly from: number;
  readonly to: number;
  /** Who sent the request. */
  readonly sender: 'drainer' | 'rehearsal';
  /** Their user, if the hook has said it. */
  readonly user?: string;
  /** It was allowed because it is a dry run, or because the pod is ending already. */
  readonly endsNothing?: true;
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

/** A draining node. */
export interface Draining extends Span {
  readonly node: string;
}

/** What was answered to drainers, and where each instance and how each node was at that moment. Times are on one clock. */
export interface History {
  readonly responses: readonly EvictionResponse[];
  readonly stays: readonly Stay[];
  readonly drainings: readonly Draining[];
}

export interface HistoryOptions {
  readonly namespace: string | undefined;
  readonly monotonicNow: () => number;
  /** Epoch milliseconds, on the clock of the hook's log. */
  readonly now: () => number;
}

export interface RetriesWanted {
  readonly names: readonly string[];
  readonly count: number;
  readonly since: number;
  readonly timeoutMs: number;
}

const ENDS_NOTHING: readonly Reason[] = ['DryRun', 'EndingInstanceNamed', 'Corpse'];

/** The hook, or the kubectl that prints its response, says that a pod has been marked before and is still to be moved. */
export const isWaiting = ({ code, text }: EvictionResponse) => code === 429 && text.startsWith(MESSAGES.waiting);

/** Writes the history while it happens. */
export class HistoryKeeper implements History {
  readonly #options: HistoryOptions;
  readonly #responses: EvictionResponse[] = [];
  readonly #stays = new Map<string, Stay>();
  readonly #drainings: Draining[] = [];
  readonly #listeners = new Set<(response: EvictionResponse) => void>();

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  get responses(): readonly EvictionResponse[] {
    return this.#responses;
  }

  get stays(): readonly Stay[] {
    return [...this.#stays.values()];
  }

  get drainings(): readonly Draining[] {
    return this.#drainings;
  }

  pod(change: PodChange, { uid, name, node }: PodView): void {
    const from = this.#options.monotonicNow();
    if (change === 'scheduled' && node !== undefined) this.#stays.set(uid, { uid, name, node, from, to: Infinity });
    const stay = this.#stays.get(uid);
    if (change === 'gone' && stay !== undefined) this.#stays.set(uid, { ...stay, to: from });
  }

  /** A node as it is now. To repeat it does no harm. */
  node(node: string, isDraining: boolean): void {
    const at = this.#options.monotonicNow();
    const i = this.#drainings.findIndex((one) => one.node === node && one.to === Infinity);
    const open = this.#drainings[i];
    if (isDraining && open === undefined) this.#drainings.push({ node, from: at, to: Infinity });
    if (!isDraining && open !== undefined) this.#drainings[i] = { ...open, to: at };
  }

  /** A line of the hook's log, which says when it was written. */
  hookLine({ namespace, pod, decision, reason, code, answer, user, time, durationMs }: LogLine): void {
    if (namespace !== this.#options.namespace || typeof pod !== 'string' || decision === undefined) return;
    const { monotonicNow, now } = this.#options;
    const writtenAgoMs = now() - Date.parse(String(time));
    const to = monotonicNow() - Math.max(0, writtenAgoMs || 0);
    const from = to - Number(durationMs ?? 0);
    const refused = { code: Number(code ?? 429), text: String(answer ?? MESSAGES.marked) };
    this.response({
      pod,
      ...(decision === 'allow' ? { code: 201, text: '' } : refused),
      from,
      to,
      sender: 'drainer',
      ...(typeof user === 'string' ? { user } : {}),
      ...(ENDS_NOTHING.includes(reason as Reason) ? { endsNothing: true } : {}),
    });
  }

  response(response: EvictionResponse): void {
    this.#responses.push(response);
    for (const listener of this.#listeners) listener(response);
  }

  /**
   * Resolves when a drainer has received one more response about so many of the names after those that marked them; another
   * refusal counts, too. Rejects if the signal aborts, or with NotYet after `timeoutMs`.
   */
  async retried({ names, count, since, timeoutMs }: RetriesWanted, signal: AbortSignal): Promise<void> {
    const wanted = new Set(names);
    const retried = new Set<string>();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const listener = (response: EvictionResponse) => {
      const isMark = response.code === 429 && !isWaiting(response);
      const isIt = response.sender === 'drainer' && response.from >= since && wanted.has(response.pod);
      if (isIt && !isMark) retried.add(response.pod);
      if (retried.size >= count) resolve();
    };
    const giveUp = () => reject(signal.reason);
    const timer = setTimeout(() => reject(new NotYet(`asked again for ${retried.size} pods of ${count}`)), timeoutMs);
    this.#listeners.add(listener);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    for (const response of this.#responses) listener(response);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      this.#listeners.delete(listener);
    }
  }
}
