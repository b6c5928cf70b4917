import type { Clock } from '../../async/clock.ts';
import type { Cache } from '../../cache/cache.ts';
import { observeDrain } from '../../cache/drain-observation.ts';
import { keysOf, type ObjectKey, storeKey } from '../../cache/keys.ts';
import type { JsonObject } from '../../kube/client.ts';
import { describeError } from '../../kube/errors.ts';
import type { Reads } from '../../kube/reads.ts';
import type { Writes } from '../../kube/writes.ts';
import { LOG, type Log } from '../../log/messages.ts';
import { operatorOf } from '../../policy/plans/stall.ts';
import { type DrainObservation, isDrainOver, withdrawInMs } from '../../policy/plans/withdrawal.ts';
import { type MarkOfProfile, placeOf } from '../../policy/profiles/mark.ts';
import type { PolicySettings } from '../../policy/profiles/profile.ts';
import type { ReconcileResult, Reconciler } from '../controller.ts';
import { UNSYNCED_RETRY_MS } from '../entries.ts';
import type { EmitPodEvent } from '../pod-events.ts';
import { StateDurations } from '../state-durations.ts';

export interface WithdrawalOptions {
  readonly cache: Cache;
  readonly reads: Pick<Reads, 'pod' | 'node'>;
  readonly writes: Pick<Writes, 'unmarkPod'>;
  readonly emitEvent: EmitPodEvent;
  readonly settings: PolicySettings;
  readonly log: Log;
  readonly clock: Pick<Clock, 'monotonicNow'>;
  /** Called for every mark that was taken back. */
  readonly onWithdraw?: (profile: string) => void;
}

/** When to look again after a live read found something else than the cache. */
const CHANGED_RETRY_MS = 10_000;

/**
 * Takes a mark back once its drain is over, if the profile says so, and if its operator has not begun. Otherwise the operator
 * would move the pod hours later, and nobody would expect it. Any replica may do it, and whoever is first does.
 */
export class WithdrawalReconciler implements Reconciler<ObjectKey> {
  readonly kind = 'withdrawal';
  readonly idOf = storeKey;
  readonly #options: WithdrawalOptions;
  /** For how long the drains of marked pods have been over, by pod key. */
  readonly #calm: StateDurations;

  constructor(options: WithdrawalOptions) {
    this.#options = options;
    this.#calm = new StateDurations(options.clock);
  }

  keys(): Iterable<ObjectKey> {
    return keysOf(this.#options.cache.pods.values(), this.#calm.subjects());
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> {
    const { cache, settings } = this.#options;
    if (!cache.hasSynced()) return { requeueAfterMs: UNSYNCED_RETRY_MS };
    const podKey = storeKey(key);
    const pod = cache.pods.get(podKey);
    const seen = pod && observeDrain(cache, pod, settings);
    if (pod === undefined || seen === undefined || !isDrainOver(seen, settings)) {
      this.#calm.forget(podKey);
      return {};
    }
    const calmForMs = this.#calm.heldMs(podKey, `${pod.uid} ${seen.node?.uid}`);
    const { reported } = cache.hindrances.reported(pod, seen.profile);
    const inMs = withdrawInMs(seen, reported, calmForMs);
    if (inMs > 0) return { requeueAfterMs: inMs };
    return (await this.#withdraw(seen, signal)) ? {} : { requeueAfterMs: CHANGED_RETRY_MS };
  }

  /** The cordon may be milliseconds old, so pod and node are read live. False if the API server has something else. */
  async #withdraw({ pod, profile }: DrainObservation, signal: AbortSignal): Promise<boolean> {
    const { cache, reads, writes, settings, onWithdraw, log } = this.#options;
    const object = await reads.pod(pod.namespace, pod.name, signal);
    const now = object && (await this.#lookLive(object, signal));
    const { mark } = profile;
    const value = object && mark && valueOfMark(object, mark);
    if (now === undefined || value === undefined || mark === undefined || now.pod.uid !== pod.uid) return false;
    if (now.profile !== profile || !isDrainOver(now, settings)) return false;
    const result = await writes.unmarkPod(
      now.pod,
      { key: mark.key, value, ...(mark.isLabel && { isLabel: true }) },
      signal,
    );
    if (result.kind === 'changed') return false;
    cache.pods.assume(cache.project.pod(result.object));
    const { namespace, name, uid, node } = pod;
    log.info(LOG.withdrawn, { pod: name, namespace, uid, node, profile: profile.name });
    onWithdraw?.(profile.name);
    await this.#announce(now, signal);
    return true;
  }

  async #lookLive(object: JsonObject, signal: AbortSignal): Promise<DrainObservation | undefined> {
    const { cache, reads, settings } = this.#options;
    const pod = cache.project.pod(object);
    const node = pod.node === undefined ? undefined : await reads.node(pod.node, signal);
    const seen = observeDrain(cache, pod, settings);
    return node && seen && { ...seen, node: cache.project.node(node) };
  }

  /** The mark is gone, so nothing would try again to tell of it. */
  async #announce({ pod, tracker }: DrainObservation, signal: AbortSignal): Promise<void> {
    const { emitEvent, log } = this.#options;
    const text = `is to stay on node ${pod.node}: nobody drains that any more, and ${operatorOf(pod)} had not begun to move it`;
    const event = { pod, ...(tracker && { tracker }), reason: 'RescheduleWithdrawn', type: 'Normal', text } as const;
    try {
      await emitEvent(event, signal);
    } catch (error) {
      log.warn(LOG.eventFailed, { pod: pod.name, namespace: pod.namespace, error: describeError(error) });
    }
  }
}

function valueOfMark({ metadata }: JsonObject, mark: MarkOfProfile): string | undefined {
  const carried = (metadata ?? {}) as {
    readonly [K in 'labels' | 'annotations']?: Readonly<Record<string, string>> | null;
  };
  return carried[placeOf(mark)]?.[mark.key];
}
