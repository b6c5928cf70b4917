import { ignore, unlessAborted } from '../async/abort.ts';
import { Bulkhead, BulkheadFullError } from '../async/bulkhead.ts';
import { type Clock, timeLimit } from '../async/clock.ts';
import type { Observer } from '../cache/observer.ts';
import { describeError } from '../kube/errors.ts';
import type { Log } from '../log/messages.ts';
import { type Decision, type Mark, MESSAGES, wait } from '../policy/decision.ts';
import { withoutItsWords } from '../policy/in-background.ts';
import type { EvictionRequest } from '../policy/model.ts';
import { type AwaitCacheThen, next } from '../policy/next.ts';
import type { Look, Observation, Subject } from '../policy/observation.ts';
import type { PolicySettings } from '../policy/profiles/profile.ts';
import { createDecisionLog } from './decision-log.ts';
import type { MarkOutcome } from './marker.ts';

export interface AdmitterOptions {
  readonly observer: Pick<Observer, 'begin' | 'look' | 'lookAgain' | 'cacheKnows'>;
  readonly marker: { mark(decision: Mark, signal: AbortSignal): Promise<MarkOutcome> };
  readonly settings: PolicySettings;
  readonly log: Log;
  readonly clock: Pick<Clock, 'monotonicNow' | 'setTimer'>;
  /** Called with every decision, for metrics. */
  readonly onDecision?: (decision: Decision, durationMs: number, request: EvictionRequest) => void;
  /** Called for each request that is refused because too many wait for a look. */
  readonly onFull?: () => void;
}

/** The client left before its response. Nobody hears of a decision, so there is none. */
export class ClientLeftError extends Error {
  override readonly name = 'ClientLeftError';
}

/** How often to decide one request again because the cluster changed meanwhile. */
const MAX_CHANGES = 8;
/** How long to wait for the cache to see an instance that a live read found. */
const CACHE_CATCH_UP_MS = 2_000;

/**
 * Live looks at pods and nodes, by client. Anybody who reaches the port can ask for them with made-up reviews. Clients
 * take turns, and what waits is over in about a second. The controllers keep eight connections of those for live reads. As
 * many may wait as there are connections, for each has one request in hand; a single client takes half of that.
 */
const LOOKS = { running: 56, waiting: 1_000 };
/** No conversion webhook stands before these, and none of them waits for lists. */
const TAKE_TURNS: readonly Subject[] = ['metadata', 'pod', 'node', 'registration'];

/** What was seen last, for a decision that comes to no end. */
interface Last {
  seen?: Observation;
}

/** Handles one eviction: observes, decides, acts, and decides again if the cluster changed meanwhile. */
export class Admitter {
  readonly #options: AdmitterOptions;
  readonly #looks = new Bulkhead(LOOKS);
  readonly #logDecision: ReturnType<typeof createDecisionLog>;

  constructor(options: AdmitterOptions) {
    this.#options = options;
    this.#logDecision = createDecisionLog(options.log, () => options.clock.monotonicNow());
  }

  /**
   * Never rejects: any failure is doubt, and doubt waits (S6). `signal` aborts when the response is due. A mark that
   * has begun by then continues, and is logged when it is done. Any other work stops. `client` is an address: those with
   * another one take turns with it. `review` is the UID of the review, for the log.
   */
  async admit(request: EvictionRequest, signal: AbortSignal, client = '', review?: string): Promise<Decision> {
    const startedAt = this.#options.clock.monotonicNow();
    const report = (decision: Decision) => this.#report(request, decision, startedAt, review);
    const last: Last = {};
    const doubtful = (cause: string) => doubt(cause, last.seen?.profile?.name);
    const deciding = this.#decide(request, last, signal, client);
    try {
      return report(await unlessAborted(deciding, signal));
    } catch (error) {
      if (!signal.aborted) return report(doubtful(describeError(error)));
      void deciding.then((late) => late.kind === 'mark' && report(late), ignore);
      const due = doubtful('the answer was due before the API server had answered');
      return signal.reason instanceof ClientLeftError ? due : report(due);
    }
  }

  /** Carries out looks and marks until a decision stands. */
  async #decide(request: EvictionRequest, last: Last, signal: AbortSignal, client: string): Promise<Decision> {
    const { observer, settings } = this.#options;
    let seen = observer.begin(request);
    for (let changes = 0; changes < MAX_CHANGES; ) {
      signal.throwIfAborted();
      last.seen = seen;
      const step = next(seen, settings);
      if (step.kind === 'look') {
        seen = await this.#look(seen, step, signal, client);
        continue;
      }
      const decision = await this.#carryOut(step, seen, signal);
      if (typeof decision !== 'string') return decision;
      seen = decision === 'joined' ? observer.begin(request) : await observer.lookAgain(seen, signal);
      changes++;
    }
    return doubt(`the pod or its tracking resource changed ${MAX_CHANGES} times meanwhile`, seen.profile?.name);
  }

  /** Only looks that each eviction may need take turns: a slow one at something else must not hold up those who need none. */
  async #look(seen: Observation, look: Look, signal: AbortSignal, client: string): Promise<Observation> {
    const { observer, onFull } = this.#options;
    if (!look.live || !TAKE_TURNS.includes(look.at)) return observer.look(seen, look, signal);
    try {
      const leave = this.#looks.enterNow(client) ?? (await this.#looks.enter(client, signal));
      try {
        return await observer.look(seen, look, signal);
      } finally {
        leave();
      }
    } catch (error) {
      if (!(error instanceof BulkheadFullError)) throw error;
      onFull?.();
      throw new Error('too many evictions wait for a live read already', { cause: error });
    }
  }

  /** `changed`: the cluster differs from the observation of this step. `joined`: see Marker. */
  async #carryOut(step: Decision | AwaitCacheThen, seen: Observation, signal: AbortSignal) {
    if (step.kind === 'awaitCache') return (await this.#cacheCaughtUp(seen, signal)) ? 'changed' : step.otherwise;
    if (step.kind !== 'mark') return step;
    const outcome = await this.#options.marker.mark(step, signal);
    if (outcome === 'lost') return withoutItsWords(step);
    return outcome === 'marked' ? step : outcome;
  }

  async #cacheCaughtUp(seen: Observation, signal: AbortSignal): Promise<boolean> {
    const { observer, clock } = this.#options;
    const limit = timeLimit(clock, CACHE_CATCH_UP_MS, signal);
    try {
      return await observer.cacheKnows(seen, limit.signal);
    } finally {
      limit.close();
    }
  }

  #report(request: EvictionRequest, decision: Decision, startedAt: number, review: string | undefined): Decision {
    const durationMs = Math.round(this.#options.clock.monotonicNow() - startedAt);
    this.#logDecision(request, decision, durationMs, review);
    this.#options.onDecision?.(decision, durationMs, request);
    return decision;
  }
}

/** S6: 429 with the cause, so that the drainer retries. */
export function doubt(cause: string, profile?: string): Decision {
  const by = { rule: 'S6', ...(profile === undefined ? {} : { profile }) } as const;
  return { ...wait('Doubt', `${MESSAGES.waiting} (${cause})`), ...by };
}
