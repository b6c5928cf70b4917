import type { Clock } from '../async/clock.ts';
import { Turns } from '../async/turns.ts';
import { keepOnly } from '../cache/bounded-map.ts';
import { type Cache, lookupIn } from '../cache/cache.ts';
import { DecodedEntries, EntryCounts } from '../cache/entries.ts';
import { storeKey, type TrackerKey, trackerKey, trackerKeyIn, trackersOf } from '../cache/keys.ts';
import { isBelieved } from '../cache/trackers.ts';
import { describeError } from '../kube/errors.ts';
import type { Reads } from '../kube/reads.ts';
import type { Writes } from '../kube/writes.ts';
import { LOG, type Log } from '../log/messages.ts';
import {
  type EntryState,
  type EntryView,
  entryState,
  type Plan,
  planEntry,
  viewEntry,
} from '../policy/entry-lifecycle.ts';
import type { Entry, Node, Pod, Tracker } from '../policy/model.ts';
import { isProtected, NO_PROFILE, type PolicySettings, profileOf, trackingOfPod } from '../policy/profiles/profile.ts';
import { isStandIn } from '../policy/tracking/kept-entries.ts';
import type { ReconcileResult, Reconciler } from './controller.ts';
import type { EmitPodEvent } from './pod-events.ts';
import { StateDurations } from './state-durations.ts';
import { REFUSED_RETRY_MS, TrackerUpkeep } from './tracker-upkeep.ts';

export interface EntriesOptions {
  readonly cache: Cache;
  readonly writes: Pick<Writes, 'removeEntries' | 'deleteTracker'>;
  readonly reads: Pick<Reads, 'pod' | 'node' | 'object' | 'namespace' | 'isInstalled'>;
  readonly emitEvent: EmitPodEvent;
  readonly settings: PolicySettings;
  readonly log: Log;
  readonly clock: Pick<Clock, 'monotonicNow' | 'giveWay'>;
  /** `profile`: of the pod that has the name now; `None` if there is none. */
  readonly onPrune?: (state: EntryState, profile: string) => void;
}

/** Before the caches have synced, absence means nothing, so the reconcile runs again after this time. */
export const UNSYNCED_RETRY_MS = 500;
/** When to look again whether another installation, whose entry is due, still exists. */
const OTHER_INSTALLATION_RETRY_MS = 10 * 60_000;
/** When to look again at an entry whose pod does not wake its tracker. */
const STRAY_RETRY_MS = 60_000;
/** To decode so many and to look up their pods takes a few milliseconds; 20 if each is broken JSON. */
const ENTRIES_IN_A_ROW = 200;
/**
 * So many entries are pruned, or asked about, and then other trackers have their turn. Anybody may give one thousands of
 * entries, each of another installation.
 */
const TURNS_IN_A_ROW = 100;
/** Of these. The others are for entries that need not be asked about. */
const ASKS_IN_A_ROW = 50;

/** A tracker with more entries rests between two reconciles, because each change of one of its pods wakes it. */
const LARGE = 100;
const REST_MS = 1_000;
const NEVER_MS = Number.POSITIVE_INFINITY;

/** What the reconciler remembers of a tracker's entries. */
interface Known {
  readonly tracked: TrackerKey;
  readonly since: StateDurations;
  readonly decoded: DecodedEntries;
  /** When entries may be pruned again that could not be, by key. */
  readonly rests: Map<string, { readonly value: string; readonly untilMs: number }>;
  restsUntil: number;
  prunesTogether: boolean;
}

/** One look at all entries of a tracker. */
interface Pass {
  readonly failures: unknown[];
  /** The entries that one write prunes at the end. */
  readonly gone: EntryView[];
  /** Whether other installations exist, each read once. */
  readonly installed: Map<string, Promise<boolean>>;
  turnsLeft: number;
}

const newKnown = (tracked: TrackerKey, clock: Pick<Clock, 'monotonicNow'>): Known => ({
  tracked,
  since: new StateDurations(clock),
  decoded: new DecodedEntries(),
  rests: new Map(),
  restsUntil: Number.NEGATIVE_INFINITY,
  prunesTogether: true,
});

/** Prunes the entries of one tracker. The keys are tracker keys. */
export class EntryReconciler implements Reconciler<TrackerKey> {
  readonly kind = 'tracker';
  readonly idOf = trackerKey;
  readonly #options: EntriesOptions;
  /** Since when its entries are in their states, and what they say, by tracker. */
  readonly #known = new Map<string, Known>();
  readonly #counts = new EntryCounts();
  readonly #turns: Turns;
  readonly #trackers: TrackerUpkeep;

  constructor(options: EntriesOptions) {
    this.#options = options;
    this.#trackers = new TrackerUpkeep(options);
    this.#turns = new Turns(options.clock, ENTRIES_IN_A_ROW);
  }

  *keys(): Generator<TrackerKey> {
    for (const tracker of this.#options.cache.trackers.values()) yield trackerKeyIn(tracker);
    for (const { tracked } of this.#known.values()) yield tracked;
  }

  async reconcile(tracked: TrackerKey, signal: AbortSignal): Promise<ReconcileResult> {
    const { cache, clock } = this.#options;
    const key = trackerKey(tracked);
    if (!cache.hasSynced()) return { requeueAfterMs: UNSYNCED_RETRY_MS };
    const tracker = cache.trackers.get(tracked);
    if (tracker === undefined || Object.keys(tracker.entries).length === 0 || !isBelieved(cache, tracker)) {
      this.#known.delete(key);
      this.#counts.forget(key);
      return tracker?.resource.own ? this.#trackers.clear(tracker, signal) : {};
    }
    const known = this.#known.get(key) ?? newKnown(tracked, clock);
    this.#known.set(key, known);
    const restMs = known.restsUntil - clock.monotonicNow();
    if (restMs > 0) return { requeueAfterMs: restMs };
    const present = { has: (subject: string) => Object.hasOwn(tracker.entries, subject) };
    known.since.keepOnly(present);
    known.decoded.keepOnly(present);
    keepOnly(known.rests, present);
    return this.#reconcileEach(tracker, known, signal);
  }

  /** How many entries are in each state, as of their last reconcile. */
  byState(): ReadonlyMap<EntryState, number> {
    return this.#counts.byState;
  }

  /** How many entries are left out, because their trackers have too many. */
  leftOut(): number {
    return this.#counts.leftOut;
  }

  /** An entry that always fails must not block the others, so its error is thrown after all of them. */
  async #reconcileEach(tracker: Tracker, known: Known, signal: AbortSignal): Promise<ReconcileResult> {
    const pass: Pass = { failures: [], gone: [], installed: new Map(), turnsLeft: TURNS_IN_A_ROW };
    const states = new Map<EntryState, number>();
    let waitMs = NEVER_MS;
    for await (const view of this.#view(tracker, known)) {
      states.set(view.state, (states.get(view.state) ?? 0) + 1);
      const plan = this.#plan(tracker, view, known.since);
      const isDue = plan.kind === 'prune';
      const thenMs = isDue ? await this.#settle(tracker, view, known, pass, signal) : (plan.lookAgainInMs ?? NEVER_MS);
      waitMs = Math.min(waitMs, thenMs);
    }
    return this.#finish(tracker, known, pass, { states, waitMs }, signal);
  }

  async #finish(
    tracker: Tracker,
    known: Known,
    pass: Pass,
    { states, waitMs: soFarMs }: { states: Map<EntryState, number>; waitMs: number },
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const waitMs = Math.min(soFarMs, await this.#pruneGone(tracker, known, pass, signal));
    this.#counts.set(trackerKey(tracker), { states, leftOut: tracker.leftOut ?? 0 });
    const isLarge = Object.keys(tracker.entries).length > LARGE;
    if (isLarge) known.restsUntil = this.#options.clock.monotonicNow() + REST_MS;
    if (pass.failures.length > 0) throw pass.failures[0];
    return waitMs === NEVER_MS ? {} : { requeueAfterMs: waitMs };
  }

  /** The entries one by one, each as the cache sees it when its turn comes. */
  async *#view(tracker: Tracker, { decoded }: Known): AsyncGenerator<EntryView> {
    const { cache, settings } = this.#options;
    const lookup = lookupIn(cache);
    for (const [key, value] of Object.entries(tracker.entries)) {
      const turn = this.#turns.next();
      if (turn !== undefined) await turn;
      const read = decoded.get(tracker, key, value);
      if (read !== undefined) yield viewEntry(read, lookup, settings);
    }
  }

  #plan(tracker: Tracker, view: EntryView, since: StateDurations): Plan {
    const { settings } = this.#options;
    const { key, value, state, pod } = view;
    const plan = planEntry(view, since.heldMs(key, `${state} ${pod?.uid} ${value}`), settings);
    // Its pod wakes another tracker, because somebody has changed its labels, or there is none.
    const isStray =
      pod === undefined ||
      !trackersOf(pod, trackingOfPod(pod, settings)).some((place) => trackerKey(place) === trackerKey(tracker));
    const isToBeWoken = plan.kind === 'keep' && plan.lookAgainInMs === undefined;
    return isToBeWoken && isStray ? { ...plan, lookAgainInMs: STRAY_RETRY_MS } : plan;
  }

  /** Prunes an entry that is due, unless it rests or is another installation's. Returns when to look again. */
  async #settle(tracker: Tracker, view: EntryView, known: Known, pass: Pass, signal: AbortSignal): Promise<number> {
    const rest = known.rests.get(view.key);
    const restMs = rest?.value === view.value ? rest.untilMs - this.#options.clock.monotonicNow() : 0;
    if (restMs > 0) return restMs;
    const keptMs = await this.#keptMs(view, known, pass, signal);
    if (keptMs !== undefined) return keptMs;
    if (pass.turnsLeft <= 0) return 0;
    pass.turnsLeft -= 1;
    return await this.#prune(tracker, view, known, pass, signal);
  }

  /**
   * How long an entry stays because of the installation that it names; 0 if nobody could ask about that in this pass; undefined
   * if it is this one's to prune. Such entries rest, so that they do not take the turns of others.
   */
  async #keptMs(view: EntryView, known: Known, pass: Pass, signal: AbortSignal): Promise<number | undefined> {
    const { settings } = this.#options;
    const { installation = settings.installation } = view.entry;
    if (installation === settings.installation) return undefined;
    const isThere = this.#isInstalled(installation, pass, signal);
    if (isThere === undefined) return 0;
    try {
      return (await isThere) ? this.#rest(view, known, OTHER_INSTALLATION_RETRY_MS) : undefined;
    } catch (error) {
      pass.failures.push(error);
      return this.#rest(view, known, REFUSED_RETRY_MS);
    }
  }

  /** Nothing is done about the entry for so long, as long as it says the same. */
  #rest({ key, value }: EntryView, { rests }: Known, ms: number): number {
    rests.set(key, { value, untilMs: this.#options.clock.monotonicNow() + ms });
    return ms;
  }

  /** Each is read once in a pass; undefined if it has no turn. */
  #isInstalled(installation: string, pass: Pass, signal: AbortSignal): Promise<boolean> | undefined {
    const { installed } = pass;
    const known = installed.get(installation);
    if (known !== undefined || pass.turnsLeft <= 0 || installed.size >= ASKS_IN_A_ROW) return known;
    pass.turnsLeft -= 1;
    const isThere = this.#options.reads.isInstalled(installation, signal);
    installed.set(installation, isThere);
    return isThere;
  }

  /** Returns when to look again. Adds an error to the failures. */
  async #prune(tracker: Tracker, view: EntryView, known: Known, pass: Pass, signal: AbortSignal): Promise<number> {
    if (view.state === 'gone' && known.prunesTogether && !isStandIn(view.value)) {
      pass.gone.push(view);
      return NEVER_MS;
    }
    try {
      const isSure = view.state === 'rescheduled' || (await this.#isConfirmed(view, signal));
      // The pod differs from the cache, another replica was first, or the entry is about a newer instance now. The
      // watch will deliver the change; if not, this timer looks again.
      if (isSure && (await this.#remove(tracker, view, signal))) return NEVER_MS;
      return this.#rest(view, known, REFUSED_RETRY_MS);
    } catch (error) {
      pass.failures.push(error);
      return NEVER_MS;
    }
  }

  /**
   * Prunes entries of pods that are gone with one write, because each write returns all entries that are left. If it
   * does not succeed, the next pass prunes them one by one, so that none blocks the others.
   */
  async #pruneGone(tracker: Tracker, known: Known, { gone, failures }: Pass, signal: AbortSignal): Promise<number> {
    known.prunesTogether = true;
    const sure = await this.#confirmed(gone, known, failures, signal);
    const [first, ...others] = sure;
    if (first === undefined) return gone.length === 0 ? NEVER_MS : REFUSED_RETRY_MS;
    try {
      known.prunesTogether = false;
      if (!(await this.#trackers.removeEntries(tracker, [first, ...others], signal))) return REFUSED_RETRY_MS;
      known.prunesTogether = true;
      this.#report(tracker, sure);
    } catch (error) {
      failures.push(error);
    }
    return sure.length === gone.length ? NEVER_MS : REFUSED_RETRY_MS;
  }

  async #confirmed(
    views: readonly EntryView[],
    known: Known,
    failures: unknown[],
    signal: AbortSignal,
  ): Promise<EntryView[]> {
    const sure: EntryView[] = [];
    for (const view of views) {
      try {
        if (await this.#isConfirmed(view, signal)) sure.push(view);
        else this.#rest(view, known, REFUSED_RETRY_MS);
      } catch (error) {
        failures.push(error);
      }
    }
    return sure;
  }

  /**
   * Whether a live read finds the pod in the same state as the cache does. A cache that lags behind another replica's
   * mark would prune its entry, and the pod would move twice. So "not marked" and "gone" need this call.
   */
  async #isConfirmed({ about, entry, state }: EntryView, signal: AbortSignal): Promise<boolean> {
    const { cache, reads, settings } = this.#options;
    const object = await reads.pod(about.namespace, about.name, signal);
    const pod = object && cache.project.pod(object);
    const node = pod && (await this.#nodeOf(pod, signal));
    const found = entryState({ entry, ...(pod ? { pod } : {}), ...(node ? { node } : {}) }, settings);
    // For the cache a pod without its label is gone for good. It is still to be moved only if it is marked.
    const isHidden = pod !== undefined && !isProtected(pod, settings) && found !== 'waiting';
    return found === state || (isHidden && state === 'gone');
  }

  /** Whether a pod waits that gets no mark depends on its node. */
  async #nodeOf(pod: Pod, signal: AbortSignal): Promise<Node | undefined> {
    const { cache, reads, settings } = this.#options;
    const profile = profileOf(pod, settings);
    if (pod.node === undefined || profile === undefined || profile.mark !== undefined) return undefined;
    const object = await reads.node(pod.node, signal);
    return object && cache.project.node(object);
  }

  async #remove(tracker: Tracker, view: EntryView, signal: AbortSignal): Promise<boolean> {
    const { key, value, entry, pod, state } = view;
    // The Event comes before the removal, so that a crash in between loses nothing. Every replica may write it, and it
    // exists once.
    if (state === 'rescheduled' && pod !== undefined) await this.#announce(pod, tracker, entry, signal);
    const written = isStandIn(value) ? await this.#trackers.writtenValue(tracker, view, signal) : value;
    if (written === undefined) return false;
    if (!(await this.#trackers.removeEntries(tracker, [{ key, value: written }], signal))) return false;
    this.#report(tracker, [view]);
    return true;
  }

  #report(tracker: Tracker, views: readonly EntryView[]): void {
    const { log, onPrune, settings } = this.#options;
    for (const { about, pod, state } of views) {
      const profile = pod && profileOf(pod, settings)?.name;
      onPrune?.(state, profile ?? NO_PROFILE);
      const of = { pod: about.name, namespace: about.namespace, uid: pod?.uid, node: pod?.node };
      const fields = { ...of, ...(profile === undefined ? {} : { profile }), reason: state };
      log.info(state === 'rescheduled' ? LOG.rescheduled : LOG.pruned, { ...fields, tracker: storeKey(tracker) });
    }
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
