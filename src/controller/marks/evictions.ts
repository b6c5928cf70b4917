import type { Cache } from '../../cache/cache.ts';
import { observeDrain } from '../../cache/drain-observation.ts';
import { keysOf, type ObjectKey, storeKey } from '../../cache/keys.ts';
import type { Reads } from '../../kube/reads.ts';
import type { Writes } from '../../kube/writes.ts';
import { causeIn } from '../../log/cause.ts';
import { LOG, type Log } from '../../log/messages.ts';
import type { Pod } from '../../policy/model.ts';
import { isToBeEvicted } from '../../policy/plans/eviction.ts';
import type { DrainObservation } from '../../policy/plans/withdrawal.ts';
import { type PolicySettings, profileNameOf } from '../../policy/profiles/profile.ts';
import type { ReconcileResult, Reconciler } from '../controller.ts';
import { UNSYNCED_RETRY_MS } from '../entries.ts';
import type { AwaitedPods } from './awaited.ts';

export interface EvictionOptions {
  readonly cache: Cache;
  readonly reads: Pick<Reads, 'pod' | 'node'>;
  readonly writes: Pick<Writes, 'evictPod'>;
  readonly settings: PolicySettings;
  readonly log: Log;
  readonly awaited: Pick<AwaitedPods, 'has'>;
  /** Called for every eviction that the hook asked for. */
  readonly onEvict?: (profile: string, result: 'evicted' | 'refused') => void;
}

/** A disruption budget, or the operator, may need a while. Drainers ask about as often. */
const RETRY_MS = 5_000;

/**
 * Evicts pods whose operators report that they may go, and delete nothing themselves. It is an eviction like any other, so
 * disruption budgets hold. It names the version of the pod that the report was read from: a report that is withdrawn meanwhile
 * ends nothing. Any replica may do it, and whoever is first does.
 */
export class EvictionReconciler implements Reconciler<ObjectKey> {
  readonly kind = 'eviction';
  readonly idOf = storeKey;
  readonly #options: EvictionOptions;
  /** The cause of the last refusal that was logged, by pod key. */
  readonly #refused = new Map<string, string>();

  constructor(options: EvictionOptions) {
    this.#options = options;
  }

  keys(): Iterable<ObjectKey> {
    return keysOf(this.#options.cache.pods.values(), this.#refused.keys());
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> {
    const { cache } = this.#options;
    if (!cache.hasSynced()) return { requeueAfterMs: UNSYNCED_RETRY_MS };
    const podKey = storeKey(key);
    const pod = cache.pods.get(podKey);
    if (pod === undefined || !this.#isDue(pod)) {
      this.#refused.delete(podKey);
      return {};
    }
    const now = await this.#lookLive(pod, signal);
    // Wherever nothing is to be done, the cache will see it.
    if (now !== undefined) await this.#evict(podKey, now, signal);
    return { requeueAfterMs: RETRY_MS };
  }

  async #evict(podKey: string, pod: Pod, signal: AbortSignal): Promise<void> {
    const { writes, settings, log, onEvict } = this.#options;
    const result = await writes.evictPod(pod, signal);
    if (result.kind === 'changed') return;
    const { namespace, name, uid, node } = pod;
    const profile = profileNameOf(pod, settings);
    const fields = { pod: name, namespace, uid, node, profile };
    onEvict?.(profile, result.kind);
    if (result.kind === 'evicted') {
      log.info(LOG.evicted, fields);
      return;
    }
    const cause = causeIn(result.why);
    if (this.#refused.get(podKey) === cause) return;
    this.#refused.set(podKey, cause);
    log.warn(LOG.evictionRefused, { ...fields, why: result.why });
  }

  #isDue(pod: Pod, live?: Pick<DrainObservation, 'node'>): boolean {
    const { cache, settings, awaited } = this.#options;
    const seen = observeDrain(cache, pod, settings);
    const isAwaited = awaited.has(pod);
    const namespace = settings.readsNamespacePolicy ? cache.namespaces.get(pod.namespace) : undefined;
    return (
      seen !== undefined && isToBeEvicted({ ...seen, ...live, isAwaited, ...(namespace && { namespace }) }, settings)
    );
  }

  /** The pod as it is now, if it is this instance and may still go. The cordon may have ended a moment ago. */
  async #lookLive({ namespace, name, uid }: Pod, signal: AbortSignal): Promise<Pod | undefined> {
    const { cache, reads } = this.#options;
    const object = await reads.pod(namespace, name, signal);
    const pod = object && cache.project.pod(object);
    if (pod === undefined || pod.uid !== uid) return undefined;
    const node = pod.node === undefined ? undefined : await reads.node(pod.node, signal);
    return this.#isDue(pod, node && { node: cache.project.node(node) }) ? pod : undefined;
  }
}
