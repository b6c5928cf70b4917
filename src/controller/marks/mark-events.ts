import type { Clock } from '../../async/clock.ts';
import type { Cache } from '../../cache/cache.ts';
import { keysOf, type ObjectKey, storeKey } from '../../cache/keys.ts';
import { trackerOf } from '../../cache/trackers.ts';
import { FIELD_MANAGER } from '../../kube/guarded-objects.ts';
import type { Pod } from '../../policy/model.ts';
import { operatorOf } from '../../policy/plans/stall.ts';
import { isMarked, type PolicySettings, profileOf, trackingOfPod } from '../../policy/profiles/profile.ts';
import type { ReconcileResult, Reconciler } from '../controller.ts';
import { UNSYNCED_RETRY_MS } from '../entries.ts';
import type { EmitPodEvent } from '../pod-events.ts';

export interface MarkEventOptions {
  readonly cache: Cache;
  readonly emitEvent: EmitPodEvent;
  readonly settings: PolicySettings;
  readonly clock: Pick<Clock, 'now'>;
}

/** An older mark gets no Event: the API server forgets Events after a time, and a restart must not write them again. */
const NEWS_MS = 5 * 60_000;

/**
 * Writes an Event for a mark that a replica of the hook made, by the managed fields. The controller writes it from the
 * cache, so that a response neither waits for an Event nor fails with it. Another replica can then also write it for
 * one that ends right after its mark.
 */
export class MarkEventReconciler implements Reconciler<ObjectKey> {
  readonly kind = 'requested';
  readonly idOf = storeKey;
  readonly #options: MarkEventOptions;
  /** The UID of the instance whose Event is written, by pod key. */
  readonly #written = new Map<string, string>();

  constructor(options: MarkEventOptions) {
    this.#options = options;
  }

  keys(): Iterable<ObjectKey> {
    return keysOf(this.#options.cache.pods.values(), this.#written.keys());
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> {
    const { cache, emitEvent, settings } = this.#options;
    const podKey = storeKey(key);
    const pod = cache.pods.get(podKey);
    if (pod === undefined || !this.#isNews(pod)) {
      this.#written.delete(podKey);
      return {};
    }
    if (this.#written.get(podKey) === pod.uid) return {};
    // Before the caches have synced, an existing tracker may still be missing from them.
    if (!cache.hasSynced()) return { requeueAfterMs: UNSYNCED_RETRY_MS };
    const tracker = trackerOf(cache, pod, trackingOfPod(pod, settings));
    const what = pod.node === undefined ? 'is to be moved' : `is to leave node ${pod.node}`;
    const text = `${what}: its eviction was refused and ${operatorOf(pod)} was asked to move it`;
    const event = { pod, ...(tracker && { tracker }), reason: 'RescheduleRequested', type: 'Normal', text } as const;
    await emitEvent(event, signal);
    this.#written.set(podKey, pod.uid);
    return {};
  }

  #isNews(pod: Pod): boolean {
    const { cache, clock, settings } = this.#options;
    const { mark } = pod;
    // Of a move that is asked for on another object, only the process that did so knows.
    const own = profileOf(pod, settings)?.request && cache.markMemory.get(storeKey(pod), pod.uid)?.at;
    const at = own ?? (mark?.by === FIELD_MANAGER && isMarked(pod) ? mark.at : undefined);
    return at !== undefined && clock.now() - at < NEWS_MS;
  }
}
