import type { Clock } from '../async/clock.ts';
import type { Cache } from '../cache/cache.ts';
import { type ObjectKey, storeKey, trackerKeyOf } from '../cache/keys.ts';
import { LOG, type Log } from '../log/messages.ts';
import { formatAge } from '../policy/duration.ts';
import type { Pod, Tracker } from '../policy/model.ts';
import { describeHindrance } from '../policy/pod-state.ts';
import type { PolicySettings } from '../policy/profile.ts';
import { planStall } from '../policy/stall.ts';
import type { ReconcileResult, Reconciler } from './controller.ts';
import { type EmitPodEvent, operatorOf } from './pod-events.ts';
import { StateDurations } from './state-durations.ts';

export interface StalledPodOptions {
  readonly cache: Cache;
  readonly emitEvent: EmitPodEvent;
  readonly settings: PolicySettings;
  readonly log: Log;
  readonly clock: Pick<Clock, 'now' | 'monotonicNow'>;
}

/** Reports marked pods, tracked or not, whose operator has not moved them within STALL_AFTER. */
export class StalledPodReconciler implements Reconciler<ObjectKey> {
  readonly kind = 'stall';
  readonly idOf = storeKey;
  readonly #options: StalledPodOptions;
  /** The reported instances, by pod key. */
  readonly #stalled = new Map<string, { readonly pod: ObjectKey; readonly uid: string }>();
  /** UIDs whose Event is written. If the write fails, only the Event is tried again; log and metric are done. */
  readonly #announced = new Set<string>();
  /** For marks whose time the managed fields do not have. */
  readonly #since: StateDurations;

  constructor(options: StalledPodOptions) {
    this.#options = options;
    this.#since = new StateDurations(options.clock);
  }

  /** The number of pods that are stalled now. */
  get count(): number {
    return this.#stalled.size;
  }

  /** The same by hindrance, for the metric; `None` if the tracker reports nothing. */
  byHindrance(): Map<string, number> {
    const counts = new Map([['None', 0]]);
    for (const podKey of this.#stalled.keys()) {
      const pod = this.#options.cache.pods.get(podKey);
      const hindrance = (pod && this.#trackerOf(pod)?.hindrance) ?? 'None';
      counts.set(hindrance, (counts.get(hindrance) ?? 0) + 1);
    }
    return counts;
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> {
    const { cache, settings } = this.#options;
    const podKey = storeKey(key);
    const pod = cache.pods.get(podKey);
    const plan = pod && planStall(pod, this.#markedForMs(podKey, pod), settings);
    if (pod === undefined || plan === undefined || plan.kind === 'notWaiting') {
      this.#clear(podKey);
      return {};
    }
    if (plan.kind === 'lookAgain') {
      if (this.#stalled.get(podKey)?.uid !== pod.uid) this.#clear(podKey, pod);
      return { requeueAfterMs: plan.inMs };
    }
    if (!this.#announced.has(pod.uid)) await this.#report(podKey, pod, signal);
    return {};
  }

  #markedForMs(podKey: string, pod: Pod): number {
    const heldMs = this.#since.heldMs(podKey, `${pod.uid} ${pod.mark?.value}`);
    return pod.mark?.at === undefined ? heldMs : this.#options.clock.now() - pod.mark.at;
  }

  async #report(podKey: string, pod: Pod, signal: AbortSignal): Promise<void> {
    const { emitEvent, log, settings } = this.#options;
    const tracker = this.#trackerOf(pod);
    const hindrance = describeHindrance(tracker);
    const why = hindrance === undefined ? '' : ` (${hindrance})`;
    const age = formatAge(settings.profile.stallAfterMs);
    const text = `was marked over ${age} ago and ${operatorOf(pod)} has not moved it${why}; drains of ${pod.node === undefined ? 'its node' : `node ${pod.node}`} wait`;
    if (this.#stalled.get(podKey)?.uid !== pod.uid) {
      log.warn(LOG.stalled, {
        pod: pod.name,
        namespace: pod.namespace,
        uid: pod.uid,
        node: pod.node,
        owner: pod.owner?.name,
        ...(tracker?.hindrance === undefined ? {} : { hindrance: tracker.hindrance }),
      });
    }
    this.#stalled.set(podKey, { pod: { namespace: pod.namespace, name: pod.name }, uid: pod.uid });
    await emitEvent(
      { pod, ...(tracker ? { tracker } : {}), reason: 'RescheduleStalled', type: 'Warning', text },
      signal,
    );
    this.#announced.add(pod.uid);
  }

  #trackerOf(pod: Pod): Tracker | undefined {
    const key = trackerKeyOf(pod, this.#options.settings.profile.tracking);
    return key === undefined ? undefined : this.#options.cache.trackers.get(storeKey(key));
  }

  #clear(podKey: string, successor?: Pod): void {
    if (successor === undefined) this.#since.forget(podKey);
    const stalled = this.#stalled.get(podKey);
    if (stalled === undefined) return;
    const { pod, uid } = stalled;
    this.#stalled.delete(podKey);
    this.#announced.delete(uid);
    this.#options.log.info(LOG.unstalled, { pod: pod.name, namespace: pod.namespace, uid });
  }
}
