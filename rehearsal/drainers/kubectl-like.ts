import type { ApiClient, ApiRequest, JsonObject } from '../../src/kube/client.ts';
import { ApiError, describeError, isNotFound } from '../../src/kube/errors.ts';
import { podPath } from '../../src/kube/paths.ts';
import { cordon, isDaemon, isFinished, isMirror, podsOn, wordsOf } from '../../testkit/nodes.ts';
import { type PodView, viewPod } from '../../testkit/pods.ts';
import { type Attempt, attempt } from './attempt.ts';
import { type DrainerClock, REAL_CLOCK } from './clock.ts';
import type { Drainer } from './drainer.ts';
import { type Rate, TokenBucket } from './token-bucket.ts';

export interface KubectlLikeOptions {
  readonly client: ApiClient;
  /** After a 429. Default 5 s, as kubectl's. */
  readonly retryAfterMs?: number;
  /** How often it looks whether an evicted pod is gone. Default 1 s, as kubectl's. */
  readonly pollEveryMs?: number;
  /** Of evictions, and once more of everything else. Default: that of client-go, which kubectl leaves as it is. */
  readonly rate?: Rate;
  readonly clock?: DrainerClock;
}

type Target = Pick<PodView, 'namespace' | 'name' | 'uid'>;

const RETRY_AFTER_MS = 5_000;
const POLL_EVERY_MS = 1_000;
const RATE: Rate = { perSecond: 5, burst: 10 };

/**
 * Drains as `kubectl drain --ignore-daemonsets --delete-emptydir-data` of 0.35 and later does, where there is no kubectl.
 * It cordons, lists the node's pods once, and evicts all of them at the same time by name, as fast as its client lets it.
 * 404 counts as done without a look at the node. 429 is tried again for ever, for whatever instance has that name by then.
 * Anything else fails that pod, and the others go on.
 */
export function kubectlLikeDrainer(options: KubectlLikeOptions): Drainer {
  return {
    name: 'built-in, like kubectl drain',
    voice: 'kubectl',
    drain: (request) => attempt(request, (one) => new Drain(options, one).run()),
  };
}

class Drain {
  readonly #options: Required<KubectlLikeOptions>;
  readonly #attempt: Attempt;
  /** As in kubectl: with its limits by default, each API group has a client of its own. */
  readonly #evictions: TokenBucket;
  readonly #others: TokenBucket;

  constructor(options: KubectlLikeOptions, one: Attempt) {
    this.#options = {
      retryAfterMs: RETRY_AFTER_MS,
      pollEveryMs: POLL_EVERY_MS,
      rate: RATE,
      clock: REAL_CLOCK,
      ...options,
    };
    this.#attempt = one;
    const { rate, clock } = this.#options;
    this.#evictions = new TokenBucket(rate, clock);
    this.#others = new TokenBucket(rate, clock);
  }

  async run(): Promise<number> {
    const { node, signal, say } = this.#attempt;
    say(`node/${node} ${(await cordon(this.#client, node, signal)) ? '' : 'already '}cordoned`);
    const results = await Promise.allSettled((await this.#targets()).map((pod) => this.#evict(pod)));
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    if (failures.length > 0) throw new AggregateError(failures, failures.map(describeError).join('\n'));
    say(`node/${node} drained`);
    return 0;
  }

  /** Throws where a pod would be lost for good: nobody would make another one. */
  async #targets(): Promise<Target[]> {
    const { node, signal, complain } = this.#attempt;
    const pods = (await podsOn(this.#client, node, signal)).filter((pod) => !isMirror(pod));
    const daemons = pods.filter(isDaemon);
    if (daemons.length > 0) complain(`Warning: ignoring DaemonSet-managed Pods: ${namesOf(daemons)}`);
    const alone = pods.filter((pod) => pod.owner === undefined && !isFinished(pod));
    if (alone.length > 0) {
      throw new Error(`cannot delete Pods that declare no controller (use --force to override): ${namesOf(alone)}`);
    }
    return pods.filter((pod) => !isDaemon(pod));
  }

  async #evict(target: Target): Promise<void> {
    const { retryAfterMs, clock } = this.#options;
    const { signal, say, complain } = this.#attempt;
    const { namespace, name } = target;
    const path = `${podPath(namespace, name)}/eviction`;
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name }, deleteOptions: {} };
    for (let pod = target; ; pod = (await this.#get(target).catch(() => undefined)) ?? pod) {
      say(`evicting pod ${namespace}/${name}`);
      try {
        await this.#client.json({ method: 'POST', path, body, signal });
        return await this.#untilGone(pod);
      } catch (error) {
        if (isNotFound(error)) return;
        if (!isWorthRetrying(error)) throw error;
        const what = `error when evicting pods/"${name}" -n "${namespace}"`;
        complain(`${what} (will retry after ${retryAfterMs / 1000}s): ${wordsOf(error)}`);
        await clock.sleep(retryAfterMs, signal);
      }
    }
  }

  /** Gone is a pod that does not exist, or another instance of its name. */
  async #untilGone(pod: Target): Promise<void> {
    const { pollEveryMs, clock } = this.#options;
    const { signal, say } = this.#attempt;
    while ((await this.#get(pod))?.uid === pod.uid) await clock.sleep(pollEveryMs, signal);
    say(`pod/${pod.name} evicted`);
  }

  async #get({ namespace, name }: Target): Promise<Target | undefined> {
    const { signal } = this.#attempt;
    try {
      return viewPod(await this.#client.json({ method: 'GET', path: podPath(namespace, name), signal }));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** At the rate that it is kept to. */
  readonly #client: Pick<ApiClient, 'json'> = {
    json: async (call: ApiRequest): Promise<JsonObject> => {
      await (call.method === 'POST' ? this.#evictions : this.#others).take(this.#attempt.signal);
      return this.#options.client.json(call);
    },
  };
}

function isWorthRetrying(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.code === 429 || (error.code === 403 && error.message.includes('because it is being terminated'));
}

const namesOf = (pods: readonly Target[]) => pods.map(({ namespace, name }) => `${namespace}/${name}`).join(', ');
