import type { Clock } from '../async/clock.ts';
import { type Cache, lookupIn } from '../cache/cache.ts';
import { type ObjectKey, storeKey } from '../cache/keys.ts';
import { describeError } from '../kube/errors.ts';
import { trackerPath } from '../kube/paths.ts';
import type { Reads } from '../kube/reads.ts';
import type { Writes } from '../kube/writes.ts';
import { LOG, type Log } from '../log/messages.ts';
import {
  ENTRY_STATES,
  type EntryState,
  type EntryView,
  entryState,
  type Plan,
  planEntry,
  viewEntries,
} from '../policy/entry-lifecycle.ts';
import type { Entry, Pod, Tracker } from '../policy/model.ts';
import { isProtected, type PolicySettings } from '../policy/profile.ts';
import type { ReconcileResult, Reconciler } from './controller.ts';
import type { EmitPodEvent } from './pod-events.ts';
import { StateDurations } from './state-durations.ts';

export interface EntriesOptions {
  readonly cache: Cache;
  readonly writes: Pick<Writes, 'removeEntry'>;
  readonly reads: Pick<Reads, 'pod' | 'isInstalled'>;
  readonly emitEvent: EmitPodEvent;
  readonly settings: PolicySettings;
  readonly log: Log;
  readonly clock: Pick<Clock, 'monotonicNow'>;
  readonly onPrune?: (state: EntryState) => void;
}

/** Before the caches have synced, absence means nothing, so the reconcile runs again after this time. */
export const UNSYNCED_RETRY_MS = 500;
/** When to look again after the API server refused a removal. */
const REFUSED_RETRY_MS = 10_000;
/** When to look again whether another installation, whose entry is due, still exists. */
const OTHER_INSTALLATION_RETRY_MS = 10 * 60_000;

/** Prunes the entries of one tracker. The keys are tracker keys. */
export class EntryReconciler implements Reconciler<ObjectKey> {
  readonly kind = 'tracker';
  readonly idOf = storeKey;
  readonly #options: EntriesOptions;
  readonly #sinceByTracker = new Map<string, StateDurations>();

  constructor(options: EntriesOptions) {
    this.#options = options;
  }

  async reconcile(tracked: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> {
    const { cache, clock } = this.#options;
    const key = storeKey(tracked);
    if (!cache.hasSynced()) return { requeueAfterMs: UNSYNCED_RETRY_MS };
    const tracker = cache.trackers.get(key);
    if (tracker === undefined || Object.keys(tracker.entries).length === 0) {
      this.#sinceByTracker.delete(key);
      return {};
    }
    const since = this.#sinceByTracker.get(key) ?? new StateDurations(clock);
    this.#sinceByTracker.set(key, since);
    since.keepOnly({ has: (subject) => Object.hasOwn(tracker.entries, subject) });
    return this.#reconcileEach(tracker, since, signal);
  }

  /** An entry that always fails must not block the others, so its error is thrown after all of them. */
  async #reconcileEach(tracker: Tracker, since: StateDurations, signal: AbortSignal): Promise<ReconcileResult> {
    const waits: number[] = [];
    const failures: unknown[] = [];
    for (const view of this.#view(tracker)) {
      try {
        const plan = await this.#reconcileEntry(tracker, view, since, signal);
        if (plan.kind === 'keep' && plan.lookAgainInMs !== undefined) waits.push(plan.lookAgainInMs);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return waits.length > 0 ? { requeueAfterMs: Math.min(...waits) } : {};
  }

  /** The number of entries in each state. */
  byState(): Map<EntryState, number> {
    const counts = new Map<EntryState, number>(ENTRY_STATES.map((state) => [state, 0]));
    for (const tracker of this.#options.cache.trackers.values()) {
      for (const { state } of this.#view(tracker)) counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    return counts;
  }

  #view(tracker: Tracker): EntryView[] {
    const { cache, settings } = this.#options;
    return viewEntries(tracker, lookupIn(cache), settings);
  }

  async #reconcileEntry(tracker: Tracker, view: EntryView, since: StateDurations, signal: AbortSignal): Promise<Plan> {
    const { state } = view;
    const plan = this.#plan(view, since);
    if (plan.kind === 'keep') return plan;
    if (await this.#isAnothers(view, signal)) {
      return { kind: 'keep', state: plan.state, lookAgainInMs: OTHER_INSTALLATION_RETRY_MS };
    }
    const isSure = state === 'rescheduled' || (await this.#isConfirmed(view, signal));
    const isPruned = isSure && (await this.#prune(tracker, view, signal));
    // The pod differs from the cache, another replica was first, or the entry is about a newer instance now. The watch
    // will deliver the change; if not, this timer looks again.
    return isPruned ? plan : { kind: 'keep', state: plan.state, lookAgainInMs: REFUSED_RETRY_MS };
  }

  /** Whether another installation of the hook wrote the entry, and still exists. It prunes its entries itself. */
  async #isAnothers({ entry: { installation } }: EntryView, signal: AbortSignal): Promise<boolean> {
    const { reads, settings } = this.#options;
    if (installation === undefined || installation === settings.installation) return false;
    return reads.isInstalled(installation, signal);
  }

  /**
   * Whether a live read finds the pod in the same state as the cache does. A cache that lags behind another replica's
   * mark would prune its entry, and the pod would move twice. So "not marked" and "gone" need this call.
   */
  async #isConfirmed({ about, entry, state }: EntryView, signal: AbortSignal): Promise<boolean> {
    const { cache, reads, settings } = this.#options;
    const object = await reads.pod(about.namespace, about.name, signal);
    const pod = object && cache.project.pod(object);
    const found = entryState({ entry, ...(pod ? { pod } : {}) }, settings);
    // For the cache a pod without its label is gone for good. It is still to be moved only if it is marked.
    const isHidden = pod !== undefined && !isProtected(pod, settings) && found !== 'waiting';
    return (isHidden ? 'gone' : found) === state;
  }

  #plan(view: EntryView, since: StateDurations): Plan {
    const { key, value, state, pod } = view;
    return planEntry(view, since.heldMs(key, `${state} ${pod?.uid} ${value}`), this.#options.settings);
  }

  async #prune(tracker: Tracker, view: EntryView, signal: AbortSignal): Promise<boolean> {
    const { cache, writes, log, onPrune } = this.#options;
    const { key, value, about, entry, pod, state } = view;
    // The Event comes before the removal, so that a crash in between loses nothing. Every replica may write it, and it
    // exists once.
    if (state === 'rescheduled' && pod !== undefined) await this.#announce(pod, tracker, entry, signal);
    const result = await writes.removeEntry(trackerPath(tracker), key, value, signal);
    if (result.kind === 'changed') return false;
    cache.trackers.assume(cache.project.tracker(result.object));
    onPrune?.(state);
    const fields = { pod: about.name, namespace: about.namespace, uid: pod?.uid, node: pod?.node, reason: state };
    log.info(state === 'rescheduled' ? LOG.rescheduled : LOG.pruned, { ...fields, tracker: storeKey(tracker) });
    return true;
  }

  async #announce(pod: Pod, tracker: Tracker, entry: Entry, signal: AbortSignal): Promise<void> {
    const { emitEvent, log } = this.#options;
    const from = entry.node === undefined ? '' : ` from node ${entry.node}`;
    const why = entry.draining === false ? '' : ' for a drain';
    const moved = `was moved${from} to node ${pod.node}${why}`;
    const text = entry.node === pod.node ? `has come back on node ${pod.node}, which it was to leave` : moved;
    try {
      await emitEvent({ pod, tracker, reason: 'Rescheduled', type: 'Normal', text }, signal);
    } catch (error) {
      log.warn(LOG.eventFailed, { pod: pod.name, namespace: pod.namespace, error: describeError(error) });
    }
  }
}
