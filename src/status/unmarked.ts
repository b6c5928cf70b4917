import type { Clock } from '../async/clock.ts';
import type { Cache } from '../cache/cache.ts';
import type { Judge } from '../installed/view.ts';
import { describeError } from '../kube/errors.ts';
import type { Decision } from '../policy/decision.ts';
import type { Pod } from '../policy/model.ts';
import { isDraining } from '../policy/node-state.ts';
import { isTerminatingOrFinished } from '../policy/pod-state.ts';
import { isMarked, isProtected, type PolicySettings } from '../policy/profiles/profile.ts';

/** Why a pod on a draining node has no mark. */
export interface Unmarked {
  /** As in the log of the hook; `NotMarkedYet` if the next eviction marks it, `Unknown` if nobody may look. */
  readonly reason: string;
  readonly why: string;
}

/** Each takes some reads. */
const JUDGED_MAX = 100;
/** How often while somebody watches. */
export const JUDGE_EVERY_MS = 10_000;

export interface UnmarkedOptions {
  readonly cache: Pick<Cache, 'pods' | 'nodes'>;
  readonly judge: Judge;
  readonly settings: PolicySettings;
  readonly namespace?: string;
  readonly clock: Pick<Clock, 'monotonicNow'>;
  readonly stop: AbortSignal;
}

/** Asks the policy about pods on draining nodes that have no mark, and changes nothing. */
export class UnmarkedPods {
  readonly #options: UnmarkedOptions;
  #found: ReadonlyMap<string, Unmarked> = new Map();
  #judgedAt = Number.NEGATIVE_INFINITY;

  constructor(options: UnmarkedOptions) {
    this.#options = options;
  }

  /** By UID. */
  get found(): ReadonlyMap<string, Unmarked> {
    return this.#found;
  }

  /** Judges them, unless it just has. Resolves to the ms after which it would again; undefined if it has, or there is none. */
  async refresh(): Promise<number | undefined> {
    const { cache, clock, stop } = this.#options;
    const pods = [...cache.pods.values()].filter((pod) => this.#isUnmarked(pod));
    const dueInMs = this.#judgedAt + JUDGE_EVERY_MS - clock.monotonicNow();
    if (dueInMs > 0 && pods.length > 0) return dueInMs;
    const found = new Map<string, Unmarked>();
    if (pods.length > 0) this.#judgedAt = clock.monotonicNow();
    for (const [i, pod] of pods.entries()) {
      if (stop.aborted) return undefined;
      const why = i < JUDGED_MAX ? await this.#judge(pod) : NOT_LOOKED;
      if (why !== undefined) found.set(pod.uid, why);
    }
    this.#found = found;
    return undefined;
  }

  #isUnmarked(pod: Pod): boolean {
    const { cache, settings, namespace = pod.namespace } = this.#options;
    if (pod.node === undefined || pod.namespace !== namespace || !isProtected(pod, settings)) return false;
    if (isMarked(pod) || isTerminatingOrFinished(pod)) return false;
    return isDraining(cache.nodes.get(pod.node) ?? 'gone', settings.drainTaints);
  }

  async #judge(pod: Pod): Promise<Unmarked | undefined> {
    try {
      return meaningOf((await this.#options.judge(pod)).decision);
    } catch (error) {
      return { reason: 'Unknown', why: `not known: ${describeError(error)}` };
    }
  }
}

const NOT_LOOKED: Unmarked = {
  reason: 'Unknown',
  why: `not looked at: more than ${JUDGED_MAX} pods have no mark`,
};

/** Undefined if no drain waits for the pod. */
function meaningOf(decision: Decision): Unmarked | undefined {
  const { kind, reason } = decision;
  if (kind === 'allow' || (kind === 'deny' && decision.code === 404)) return undefined;
  if (kind === 'deny' || reason === 'Held') return { reason, why: decision.message };
  const { request } = decision;
  const what = request === undefined ? 'marks it' : `asks for its move on ${request.kind} ${request.name}`;
  return { reason: 'NotMarkedYet', why: `the next eviction ${what}` };
}
