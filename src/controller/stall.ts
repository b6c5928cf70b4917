import type { Cache } from '../cache/cache.ts';
import type { EmitEvent } from '../kube/events.ts';
import { LOG, type Log } from '../logs.ts';
import { formatAge } from '../policy/duration.ts';
import type { Pod, PolicySettings } from '../policy/model.ts';
import { planStall } from '../policy/plan.ts';
import type { ReconcileResult } from './controller.ts';
import { Since } from './since.ts';

export interface StallOptions {
  readonly cache: Cache;
  readonly emitEvent: EmitEvent;
  readonly settings: PolicySettings;
  readonly log: Log;
  readonly now: () => number;
  readonly monotonicNow: () => number;
}

/** Reports marked pods, tracked or not, whose operator has not moved them within STALL_AFTER. */
export class StallReporter {
  readonly #options: StallOptions;
  /** Pod key to the UID of the instance that was reported. */
  readonly #stalled = new Map<string, string>();
  /** UIDs whose Event is written: where that fails, log and metric have spoken already, and the Event is tried again. */
  readonly #announced = new Set<string>();
  /** For marks whose time the API server does not tell. */
  readonly #since: Since;

  constructor(options: StallOptions) {
    this.#options = options;
    this.#since = new Since(options.monotonicNow);
  }

  /** How many pods are stalled now; the metric. */
  get count(): number {
    return this.#stalled.size;
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
    const { emitEvent, log, now, settings } = this.#options;
    const mover = pod.owner === undefined ? 'its operator' : `the operator of ${pod.owner.kind} ${pod.owner.name}`;
    const message = `The pod was marked over ${formatAge(settings.stallAfterMs)} ago and ${mover} has not moved it; drains of node ${pod.node} wait`;
    if (this.#stalled.get(podKey) !== pod.uid) {
      log.warn(LOG.stalled, {
        pod: pod.name,
        namespace: pod.namespace,
        uid: pod.uid,
        node: pod.node,
        owner: pod.owner?.name,
      });
    }
    this.#stalled.set(podKey, pod.uid);
    await emitEvent(
      { about: pod, reason: 'RescheduleStalled', type: 'Warning', message, now: new Date(now()) },
      signal,
    );
    this.#announced.add(pod.uid);
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
