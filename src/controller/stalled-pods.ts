import type { Clock } from '../async/clock.ts';
import type { Cache } from '../cache/cache.ts';
import { HindranceCounts } from '../cache/hindrances/hindrance-counts.ts';
import { keysOf, type ObjectKey, storeKey, type TrackerKey } from '../cache/keys.ts';
import { observeStall } from '../cache/stall-observation.ts';
import { trackerOf } from '../cache/trackers.ts';
import { describeError, isContentRefused } from '../kube/errors.ts';
import { LOG, type Log } from '../log/messages.ts';
import type { Pod, Tracker } from '../policy/model.ts';
import {
  type FickleSign,
  isShown,
  othersOf,
  planStall,
  type Stall,
  type StallObservation,
  WAITS_UNMARKED,
} from '../policy/plans/stall.ts';
import { stallReports } from '../policy/plans/stall-reports.ts';
import { isTerminatingOrFinished } from '../policy/pod-state.ts';
import { isMarked, type PolicySettings, profileNameOf, trackingOfPod } from '../policy/profiles/profile.ts';
import type { ReconcileResult, Reconciler } from './controller.ts';
import { CALM_MS, EndedStalls } from './ended-stalls.ts';
import { UNSYNCED_RETRY_MS } from './entries.ts';
import type { AwaitedPods } from './marks/awaited.ts';
import type { EmitPodEvent } from './pod-events.ts';
import { StateDurations } from './state-durations.ts';

export interface StalledPodOptions {
  readonly cache: Cache;
  readonly emitEvent: EmitPodEvent;
  readonly settings: PolicySettings;
  readonly log: Log;
  readonly clock: Pick<Clock, 'now' | 'monotonicNow'>;
  readonly awaited: Pick<AwaitedPods, 'has'>;
}

const UNMARKED_RETRY_MS = 60_000;
/** CALM_MS of a pod that was not reported yet: another drain begins to wait anew. */
const CALM_BEFORE_REPORT_MS = 5 * 60_000;
/** For so long an Event that could not be written is tried again. The log and the metric have the report already. */
const EVENT_RETRY_MS = 5 * 60_000;

interface Stalled {
  readonly pod: ObjectKey;
  readonly uid: string;
  /** Absent if only the tracker may say what hinders its operator. */
  readonly hindrance?: string;
  readonly tracker?: TrackerKey;
  readonly profile: string;
  /** When its first report is due, on the monotonic clock. */
  readonly sinceMs: number;
  /** How many reports are in the log. */
  readonly logged: number;
  /** How often in a row it has stalled, with this time. */
  readonly times: number;
}

/**
 * What shows that this instance waits, or is about to count as stalled, may come and go. It is a taint of a controller, or a
 * drainer that asks every few minutes, and not always this replica. Each time the pod would be reported, and reported to wait
 * no more, or never be reported.
 */
interface FickleWait {
  readonly uid: string;
  readonly shownBy: FickleSign;
  /** The others of its group that it waited for. */
  readonly others: string;
  /** Since when nothing shows it, on the monotonic clock. */
  readonly calmSinceMs?: number;
}

/** Reports pods that a drain waits for, tracked or not, and for which nothing will happen without a human (S10). */
export class StalledPodReconciler implements Reconciler<ObjectKey> {
  readonly kind = 'stall';
  readonly idOf = storeKey;
  readonly #options: StalledPodOptions;
  /** The reported instances, by pod key. */
  readonly #stalled = new Map<string, Stalled>();
  /** By profile. */
  readonly #hindrances = new Map<string, HindranceCounts>();
  /** By pod key. */
  readonly #fickle = new Map<string, FickleWait>();
  /** How many reports are written as Events, or given up, by UID. If a write fails, only the Event is tried again. */
  readonly #announced = new Map<string, number>();
  /** The Event that could not be written, and since when, by UID. */
  readonly #failing = new Map<string, { readonly nth: number; readonly at: number }>();
  /** For marks whose time the managed fields do not have. */
  readonly #since: StateDurations;
  readonly #ended: EndedStalls;

  constructor(options: StalledPodOptions) {
    this.#options = options;
    this.#since = new StateDurations(options.clock);
    this.#ended = new EndedStalls(options.clock);
  }

  /** The number of pods that are stalled now. */
  get count(): number {
    return this.#stalled.size;
  }

  /** The stalled pods. A change of a node can concern them. */
  pods(): ObjectKey[] {
    return [...this.#stalled.values()].map(({ pod }) => pod);
  }

  /** The number of stalled pods by profile and hindrance, for the metric; the hindrance `None` if nothing is known. */
  byProfile(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    return new Map([...this.#hindrances].map(([profile, { byHindrance }]) => [profile, byHindrance]));
  }

  keys(): Iterable<ObjectKey> {
    return keysOf(this.#options.cache.pods.values(), this.#since.subjects());
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> {
    const { cache, settings } = this.#options;
    // Without its node and its tracker a pod that waits seems not to.
    if (!cache.hasSynced()) return { requeueAfterMs: UNSYNCED_RETRY_MS };
    const podKey = storeKey(key);
    const pod = cache.pods.get(podKey);
    const seen = pod && this.#observe(podKey, pod);
    if (seen === undefined || isTerminatingOrFinished(seen.pod)) return this.#rest(podKey, undefined);
    const plan = planStall(seen, settings);
    return plan.kind === 'notWaiting' ? this.#rest(podKey, seen) : await this.#wait(podKey, seen, plan, signal);
  }

  /** The pod waits, whether it counts as stalled yet or not. */
  async #wait(
    podKey: string,
    seen: StallObservation,
    plan: Exclude<Stall, { kind: 'notWaiting' }>,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { pod } = seen;
    const { shownBy } = plan;
    if (shownBy) this.#fickle.set(podKey, { uid: pod.uid, shownBy, others: this.#others(podKey, seen) });
    else this.#fickle.delete(podKey);
    if (plan.kind === 'lookAgain') {
      this.#clearOther(podKey, pod);
      return { requeueAfterMs: plan.inMs };
    }
    const { due, nextInMs } = this.#note(podKey, pod, plan);
    await this.#announce(pod, plan.why, due, signal);
    // No change may tell that nobody waits for a pod without a mark any more.
    return { requeueAfterMs: isMarked(pod) ? nextInMs : Math.min(nextInMs, UNMARKED_RETRY_MS) };
  }

  #observe(podKey: string, pod: Pod): StallObservation | undefined {
    const { cache, clock, settings, awaited } = this.#options;
    const seen = observeStall(cache, pod, settings, { now: clock.now(), markedForMs: 0 });
    if (seen === undefined) return undefined;
    // Where others of its group go on, the pod's turn comes nearer.
    const state = `${pod.uid} ${pod.mark?.matches} ${this.#others(podKey, seen)}`;
    return { ...seen, markedForMs: this.#since.heldMs(podKey, state), isAwaited: awaited.has(pod) };
  }

  /** Nobody looks at the group while no drain shows. */
  #others(podKey: string, seen: StallObservation): string {
    const known = this.#fickle.get(podKey);
    if (seen.group === undefined && known?.uid === seen.pod.uid) return known.others;
    return othersOf(seen).join();
  }

  /** Counts the pod as stalled, and logs it if a report is due. */
  #note(podKey: string, pod: Pod, { hindrance }: Extract<Stall, { kind: 'stalled' }>) {
    const { namespace, name, uid, node, owner } = pod;
    // Its predecessor may have gone unseen.
    if (this.#stalled.get(podKey)?.uid !== uid) this.#clear(podKey, pod);
    const before = this.#stalled.get(podKey);
    const now = this.#options.clock.monotonicNow();
    const { sinceMs, logged, times } = before ?? this.#begin(uid, now);
    const reports = stallReports(now - sinceMs);
    this.#uncount(podKey);
    const place = trackingOfPod(pod, this.#options.settings).locate(pod);
    const tracker = place.kind === 'at' ? place : undefined;
    const profile = profileNameOf(pod, this.#options.settings);
    const counted = { ...(hindrance && { hindrance }), ...(tracker && { tracker }) };
    const said = { sinceMs, logged: reports.due, times };
    this.#stalled.set(podKey, { pod: { namespace, name }, uid, profile, ...counted, ...said });
    this.#countsOf(profile).count(counted, 1);
    if (logged === reports.due) return reports;
    const known = hindrance ?? this.#trackerOf(pod)?.hindrance;
    const more = { ...(known && { hindrance: known }), ...(reports.due > 1 && { report: reports.due }) };
    this.#options.log.warn(LOG.stalled, { pod: name, namespace, uid, node, owner: owner?.name, profile, ...more });
    return reports;
  }

  /**
   * A drain that begins anew is reported at once. From the third stall in a row on there is a report each half hour at the most,
   * however often the stall ends meanwhile.
   */
  #begin(uid: string, now: number): Pick<Stalled, 'sinceMs' | 'logged' | 'times'> {
    const { times = 0, dueMs = now + CALM_MS } = this.#ended.last(uid) ?? {};
    return { sinceMs: times < 2 ? now : dueMs, logged: 0, times: times + 1 };
  }

  /** Nothing shows that the pod waits. It may count as waiting for a while yet. */
  #rest(podKey: string, seen: StallObservation | undefined): ReconcileResult {
    const waits = this.#fickle.get(podKey);
    if (waits !== undefined && seen?.pod.uid === waits.uid && !isShown(waits.shownBy, seen, this.#options.settings)) {
      const now = this.#options.clock.monotonicNow();
      const { calmSinceMs = now } = waits;
      this.#fickle.set(podKey, { ...waits, calmSinceMs });
      const calmInMs = calmSinceMs + (this.#stalled.has(podKey) ? CALM_MS : CALM_BEFORE_REPORT_MS) - now;
      if (calmInMs > 0) return { requeueAfterMs: calmInMs };
    }
    this.#clear(podKey);
    return {};
  }

  /** An Event that is refused for days costs a line and a few calls for each report. */
  async #announce(pod: Pod, why: string, nth: number, signal: AbortSignal): Promise<void> {
    if ((this.#announced.get(pod.uid) ?? 0) >= nth) return;
    const tracker = this.#trackerOf(pod);
    const text = `${why}; drains of ${pod.node === undefined ? 'its node' : `node ${pod.node}`} wait`;
    const what = { reason: 'RescheduleStalled', type: 'Warning', text, nth } as const;
    const { emitEvent, log } = this.#options;
    try {
      await emitEvent({ pod, ...(tracker ? { tracker } : {}), ...what }, signal);
    } catch (error) {
      if (signal.aborted || (!isContentRefused(error) && this.#mayTryAgain(pod, nth))) throw error;
      log.warn(LOG.eventFailed, { pod: pod.name, namespace: pod.namespace, error: describeError(error) });
    }
    this.#announced.set(pod.uid, nth);
  }

  #mayTryAgain({ uid }: Pod, nth: number): boolean {
    const now = this.#options.clock.monotonicNow();
    const known = this.#failing.get(uid);
    const at = known?.nth === nth ? known.at : now;
    this.#failing.set(uid, { nth, at });
    return now - at < EVENT_RETRY_MS;
  }

  #trackerOf(pod: Pod): Tracker | undefined {
    return trackerOf(this.#options.cache, pod, trackingOfPod(pod, this.#options.settings));
  }

  #uncount(podKey: string): void {
    const stalled = this.#stalled.get(podKey);
    if (stalled !== undefined) this.#countsOf(stalled.profile).count(stalled, -1);
  }

  #countsOf(profile: string): HindranceCounts {
    const counts = this.#hindrances.get(profile) ?? new HindranceCounts(this.#options.cache.trackers);
    this.#hindrances.set(profile, counts);
    return counts;
  }

  /** The pod is about to wait for something else than what is known, or is another one. */
  #clearOther(podKey: string, pod: Pod): void {
    const known = this.#stalled.get(podKey);
    const waitedForMark = isMarked(pod) && WAITS_UNMARKED.includes(known?.hindrance ?? '');
    if (known?.uid !== pod.uid || known.hindrance === 'ComesBack' || waitedForMark) this.#clear(podKey, pod);
  }

  #clear(podKey: string, successor?: Pod): void {
    if (successor === undefined) {
      this.#since.forget(podKey);
      this.#fickle.delete(podKey);
    }
    const stalled = this.#stalled.get(podKey);
    if (stalled === undefined) return;
    const { pod, uid, profile, sinceMs, logged, times } = stalled;
    this.#uncount(podKey);
    this.#stalled.delete(podKey);
    this.#announced.delete(uid);
    this.#failing.delete(uid);
    this.#ended.end(uid, { times, ...(logged === 0 && { dueMs: sinceMs }) });
    // Otherwise the last line about it says so already.
    if (logged > 0) this.#options.log.info(LOG.unstalled, { pod: pod.name, namespace: pod.namespace, uid, profile });
  }
}
