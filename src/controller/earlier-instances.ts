import type { Clock } from '../async/clock.ts';
import { type Cache, lookupIn } from '../cache/cache.ts';
import { keysOf, type ObjectKey, storeKey } from '../cache/keys.ts';
import { entryState, planEntry } from '../policy/entry-lifecycle.ts';
import type { PolicySettings } from '../policy/profiles/profile.ts';
import type { ReconcileResult, Reconciler } from './controller.ts';
import { UNSYNCED_RETRY_MS } from './entries.ts';
import { StateDurations } from './state-durations.ts';

export interface EarlierInstancesOptions {
  readonly cache: Pick<Cache, 'pods' | 'nodes' | 'earlierInstances' | 'hasSynced'>;
  readonly settings: PolicySettings;
  readonly clock: Pick<Clock, 'monotonicNow'>;
}

/** Prunes the cache's memory of a pod's earlier instance, by the same table as entries. */
export class EarlierInstanceReconciler implements Reconciler<ObjectKey> {
  /** A label of the metrics, so it stays although the class has another name. */
  readonly kind = 'departed';
  readonly idOf = storeKey;
  readonly #options: EarlierInstancesOptions;
  readonly #durations: StateDurations;

  constructor(options: EarlierInstancesOptions) {
    this.#options = options;
    this.#durations = new StateDurations(options.clock);
  }

  keys(): Iterable<ObjectKey> {
    return keysOf(this.#options.cache.earlierInstances.pods(), this.#durations.subjects());
  }

  async reconcile(pod: ObjectKey): Promise<ReconcileResult> {
    const { cache, settings } = this.#options;
    const key = storeKey(pod);
    if (!cache.hasSynced()) return { requeueAfterMs: UNSYNCED_RETRY_MS };
    const entry = cache.earlierInstances.get(key);
    if (entry === undefined) {
      this.#durations.forget(key);
      return {};
    }
    const successor = cache.pods.get(key);
    const node = successor?.node === undefined ? undefined : lookupIn(cache).node(successor.node);
    const state = entryState({ entry, ...(successor && { pod: successor }), ...(node && { node }) }, settings);
    // The same instance may leave more than once, if it loses its label, gets it back, and loses it again.
    const heldMs = this.#durations.heldMs(key, `${state} ${successor?.uid} ${entry.uid} ${entry.at}`);
    const plan = planEntry({ state }, heldMs, settings);
    if (plan.kind === 'prune') {
      cache.earlierInstances.forget(key);
      this.#durations.forget(key);
      return {};
    }
    return plan.lookAgainInMs === undefined ? {} : { requeueAfterMs: plan.lookAgainInMs };
  }
}
