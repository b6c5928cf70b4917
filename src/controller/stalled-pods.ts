import { type Cache, trackerKeyOf } from '../cache/cache.ts';
import { LOG, type Log } from '../log/messages.ts';
import { formatAge } from '../policy/duration.ts';
import { planStall } from '../policy/entry-lifecycle.ts';
import type { Pod, PolicySettings, Tracker } from '../policy/model.ts';
import { describeHindrance } from '../policy/pod-state.ts';
import type { TrackerKind } from '../policy/trackers/index.ts';
import type { ReconcileResult } from './controller.ts';
import { type EmitPodEvent, operatorOf } from './pod-events.ts';
import { StateDurations } from './state-durations.ts';

export interface StalledPodOptions {
  readonly cache: Cache;
  readonly announce: EmitPodEvent;
  /** Absent where tracking is switched off. */
  readonly trackerKind?: TrackerKind;
  readonly settings: PolicySettings;
  readonly log: Log;
  readonly now: () => number;
  readonly monotonicNow: () => number;
}

/** Reports marked pods, tracked or not, whose operator has not moved them within STALL_AFTER. */
export class StalledPodReconciler {
  readonly #options: StalledPodOptions;
  /** Pod key to the UID of the instance that was reported. */
  readonly #stalled = new Map<string, string>();
  /** UIDs whose Event is written: where that fails, log and metric have spoken already, and the Event is tried again. */
  readonly #announced = new Set<string>();
  /** For marks whose time the API server does not tell. */
  readonly #since: StateDurations;

  constructor(options: StalledPodOptions) {
    this.#options = options;
    this.#since = new StateDurations(options.monotonicNow);
  }

  /** How many pods are stalled now. */
  get count(): number {
    return this.#stalled.size;
  }

  /** The same, by what hinders their operators (`None` where nothing is told); the metric. */
  byHindrance(): Map<string, number> {
    const counts = new Map([['None', 0]]);
    for (const podKey of this.#stalled.keys()) {
      const pod = this.#options.cache.pods.get(podKey);
      const hindrance = (pod && this.#trackerOf(pod)?.hindrance) ?? 'None';
      counts.set(hindrance, (counts.get(hindrance) ?? 0) + 1);
    }
    return counts;
  }

  async reconcile(podKey: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { cache, settings } = this.#options;
    const pod = cache.pods.get(podKey);
    const plan = pod && planStall(pod, this.#markedForMs(podKey, pod), settings);
    if (pod === undefined || plan === undefined || plan.kind === 'notWaiting') {
      this.#clear(podKey);
      return {};
    }
    if (plan.kind === 'lookAgain') {
      if (this.#stalled.get(podKey) !== pod.uid) this.#clear(podKey, pod);
      return { requeueAfterMs: plan.inMs };
    }
    if (!this.#announced.has(pod.uid)) await this.#report(podKey, pod, signal);
    return {};
  }

  #markedForMs(podKey: string, pod: Pod): number {
    const heldMs = this.#since.heldMs(podKey, `${pod.uid} ${pod.mark?.value}`);
    return pod.mark?.at === undefined ? heldMs : this.#options.now() - pod.mark.at;
  }

  async #report(podKey: string, pod: Pod, signal: AbortSignal): Promise<void> {
    const { announce, log, settings } = this.#options;
    const tracker = this.#trackerOf(pod);
    const told = describeHindrance(tracker);
    const why = told === undefined ? '' : ` (${told})`;
    const age = formatAge(settings.stallAfterMs);
    const text = `was marked over ${age} ago and ${operatorOf(pod)} has not moved it${why}; drains of ${pod.node === undefined ? 'its node' : `node ${pod.node}`} wait`;
    if (this.#stalled.get(podKey) !== pod.uid) {
      log.warn(LOG.stalled, {
        pod: pod.name,
        namespace: pod.namespace,
        uid: pod.uid,
        node: pod.node,
        owner: pod.owner?.name,
        ...(tracker?.hindrance === undefined ? {} : { hindrance: tracker.hindrance }),
      });
    }
    this.#stalled.set(podKey, pod.uid);
    await announce(
      { pod, ...(tracker ? { tracker } : {}), reason: 'RescheduleStalled', type: 'Warning', text },
      signal,
    );
    this.#announced.add(pod.uid);
  }

  #trackerOf(pod: Pod): Tracker | undefined {
    const key = trackerKeyOf(pod, this.#options.trackerKind);
    return key === undefined ? undefined : this.#options.cache.trackers.get(key);
  }

  #clear(podKey: string, successor?: Pod): void {
    if (successor === undefined) this.#since.forget(podKey);
    const uid = this.#stalled.get(podKey);
    if (uid === undefined) return;
    this.#stalled.delete(podKey);
    this.#announced.delete(uid);
    this.#options.log.info(LOG.unstalled, {
      pod: podKey.slice(podKey.indexOf('/') + 1),
      namespace: podKey.split('/')[0],
      uid,
    });
  }
}
