import type { Observer } from '../cache/observer.ts';
import { describeError } from '../kube/errors.ts';
import type { Log } from '../log/messages.ts';
import { type Decision, MESSAGES, type Observation } from '../policy/decision.ts';
import type { EvictionRequest, PolicySettings } from '../policy/model.ts';
import { decide, isFinal } from '../policy/next.ts';
import { logDecision } from './decision-log.ts';
import type { MarkDecision } from './marker.ts';

export interface AdmitterOptions {
  readonly observer: Pick<Observer, 'fromCache' | 'live' | 'cacheKnows'>;
  readonly marker: { mark(decision: MarkDecision, signal: AbortSignal): Promise<'marked' | 'changed'> };
  readonly settings: PolicySettings;
  readonly log: Log;
  readonly monotonicNow: () => number;
  /** A signal that aborts in so many milliseconds. */
  readonly timeoutSignal: (ms: number) => AbortSignal;
  /** Told of every decision, for metrics. */
  readonly onDecision?: (decision: Decision, durationMs: number) => void;
}

/** How often one request is decided anew because the world changed under it. */
const MAX_ATTEMPTS = 8;
/** How long to wait for the cache to see an instance that a live read found. */
const CACHE_CATCH_UP_MS = 2_000;

/** Handles one eviction: observe, decide, act, and again on a live read where the decision or the world asks for it. */
export class Admitter {
  readonly #options: AdmitterOptions;

  constructor(options: AdmitterOptions) {
    this.#options = options;
  }

  /**
   * Never throws: whatever goes wrong is doubt, and doubt waits (S6). A drainer that waits is answered here and now; only
   * what takes calls is a promise, and needs the deadline.
   */
  admit(request: EvictionRequest, deadline: { readonly signal: AbortSignal }): Decision | Promise<Decision> {
    const startedAt = this.#options.monotonicNow();
    let seen: Observation;
    try {
      seen = this.#options.observer.fromCache(request);
      const first = decide(seen, this.#options.settings);
      if (isWaiting(first, seen)) return this.#told(request, first, startedAt);
    } catch (error) {
      return this.#told(request, doubt(describeError(error)), startedAt);
    }
    return this.#afterCalls(request, seen, deadline.signal, startedAt);
  }

  async #afterCalls(request: EvictionRequest, seen: Observation, signal: AbortSignal, startedAt: number) {
    const settled = this.#settle(request, seen, signal);
    let decision: Decision;
    try {
      decision = await beforeAbort(settled, signal);
    } catch (error) {
      decision = doubt(signal.aborted ? 'the answer was due before the API server had answered' : describeError(error));
      if (signal.aborted) void settled.then((late) => this.#tellLate(request, late, startedAt), ignore);
    }
    return this.#told(request, decision, startedAt);
  }

  /** A mark that had begun is carried through after its answer has left (Marker.mark); anything else is of no more use. */
  #tellLate(request: EvictionRequest, decision: Decision, startedAt: number): void {
    if (decision.kind === 'mark') this.#told(request, decision, startedAt);
  }

  #told(request: EvictionRequest, decision: Decision, startedAt: number): Decision {
    const durationMs = Math.round(this.#options.monotonicNow() - startedAt);
    logDecision(this.#options.log, request, decision, durationMs);
    this.#options.onDecision?.(decision, durationMs);
    return decision;
  }

  async #settle(request: EvictionRequest, seen: Observation, signal: AbortSignal): Promise<Decision> {
    const { observer, marker, settings } = this.#options;
    let observation = seen;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      signal.throwIfAborted();
      const decision = decide(observation, settings);
      if (!isFinal(decision, observation)) {
        // What is to be written into a tracking resource must not be decided on one that is out of date as well.
        observation = await observer.live(request, { freshTracker: decision.rule === '9', signal });
      } else if (decision.rule === '8d' && (await this.#cacheCaughtUp(observation, signal))) {
        observation = await observer.live(request, { freshTracker: true, signal });
      } else if (decision.kind !== 'mark' || (await marker.mark(decision, signal)) === 'marked') {
        return decision;
      } else {
        observation = await observer.live(request, { freshTracker: true, signal });
      }
    }
    return doubt(`the pod or its tracking resource changed ${MAX_ATTEMPTS} times meanwhile`);
  }

  async #cacheCaughtUp({ pod }: Observation, signal: AbortSignal): Promise<boolean> {
    const { observer, timeoutSignal } = this.#options;
    return pod !== undefined && observer.cacheKnows(pod, AbortSignal.any([signal, timeoutSignal(CACHE_CATCH_UP_MS)]));
  }
}

/** A denial that may be given as it is: nothing to write, nothing to read, nothing to wait for. */
function isWaiting(decision: Decision, observation: Observation): boolean {
  return decision.kind === 'deny' && decision.rule !== '8d' && isFinal(decision, observation);
}

/** S6: 429 with the cause, so that the drainer comes again. */
export function doubt(cause: string): Decision {
  return { kind: 'deny', rule: 'S6', reason: 'Doubt', code: 429, message: `${MESSAGES.waiting} (${cause})` };
}

/** The answer leaves at the deadline whatever is still under way. */
async function beforeAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // What is still under way may fail later; that is of no more use.
    work.catch(ignore);
    promise.catch(ignore);
  }
}

const ignore = () => undefined;
