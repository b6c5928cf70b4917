import { type Cache, trackerKeyOf } from '../cache/cache.ts';
import { FIELD_MANAGER } from '../kube/writes.ts';
import type { Pod, PolicySettings } from '../policy/model.ts';
import { isMarked } from '../policy/pod-state.ts';
import type { TrackerKind } from '../policy/trackers/index.ts';
import type { ReconcileResult } from './controller.ts';
import { type EmitPodEvent, operatorOf } from './pod-events.ts';

export interface MarkEventOptions {
  readonly cache: Cache;
  readonly announce: EmitPodEvent;
  readonly settings: PolicySettings;
  /** Absent where tracking is switched off. */
  readonly trackerKind?: TrackerKind;
  readonly now: () => number;
}

/** Before the caches have synced, a tracking resource that is not there may only not be there yet. */
const UNSYNCED_RETRY_MS = 500;
/** An older mark is no news: after a restart nothing is told again, though the API server has forgotten its Events. */
const NEWS_MS = 5 * 60_000;

/**
 * Announces that a pod was asked to move, where a replica of the hook asked (the managed fields tell). By the cache and not
 * by the webhook, so that an answer neither waits for an Event nor fails with it, and so that a replica which ends right
 * after its mark is spoken for by another.
 */
export class MarkEventReconciler {
  readonly #options: MarkEventOptions;
  /** Pod key to the UID of the instance that was announced. */
  readonly #announced = new Map<string, string>();

  constructor(options: MarkEventOptions) {
    this.#options = options;
  }

  async reconcile(podKey: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { cache, announce, trackerKind } = this.#options;
    const pod = cache.pods.get(podKey);
    if (pod === undefined || !this.#isNews(pod)) {
      this.#announced.delete(podKey);
      return {};
    }
    if (this.#announced.get(podKey) === pod.uid) return {};
    if (!cache.hasSynced()) return { requeueAfterMs: UNSYNCED_RETRY_MS };
    const key = trackerKeyOf(pod, trackerKind);
    const tracker = key === undefined ? undefined : cache.trackers.get(key);
    const what = pod.node === undefined ? 'is to be moved' : `is to leave node ${pod.node}`;
    const text = `${what}: its eviction was refused and ${operatorOf(pod)} was asked to move it`;
    await announce(
      { pod, ...(tracker ? { tracker } : {}), reason: 'RescheduleRequested', type: 'Normal', text },
      signal,
    );
    this.#announced.set(podKey, pod.uid);
    return {};
  }

  #isNews(pod: Pod): boolean {
    const { settings, now } = this.#options;
    const { mark } = pod;
    if (mark?.at === undefined || mark.by !== FIELD_MANAGER || !isMarked(pod, settings)) return false;
    return now() - mark.at < NEWS_MS;
  }
}
