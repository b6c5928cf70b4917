import { unlessAborted } from '../async/abort.ts';
import { SharedCalls } from '../async/shared-calls.ts';
import type { JsonObject } from '../kube/client.ts';
import type { Reads } from '../kube/reads.ts';
import type { EvictionRequest, Pod, Tracker } from '../policy/model.ts';
import { isDraining } from '../policy/node-state.ts';
import {
  type Absent,
  isLive,
  type Look,
  NOTHING_OF_POD,
  NOTHING_SEEN,
  type Observation,
  type Sighting,
  seenValue,
  sightingOf,
  sightingsOf,
  UNREAD,
} from '../policy/observation.ts';
import { BUDGETS_MAX, budgetsOver } from '../policy/profiles/budget.ts';
import { groupSelector, podsOfGroup } from '../policy/profiles/group.ts';
import { type PolicySettings, profileOf } from '../policy/profiles/profile.ts';
import { targetOf } from '../policy/requests/index.ts';
import { entryOf } from '../policy/rules/rule.ts';
import { formatSelector } from '../policy/selector.ts';
import { latestElsewhere } from '../policy/tracking/elsewhere.ts';
import type { TrackedAt, TrackerPlace } from '../policy/tracking/tracking.ts';
import type { Cache } from './cache.ts';
import { storeKey, trackerKey } from './keys.ts';
import { lastWriterOf } from './projections.ts';
import { TrackerLooks } from './tracker-looks.ts';
import { isNamespace } from './trackers.ts';

export interface ObserverOptions {
  readonly cache: Cache;
  readonly reads: Reads;
  readonly settings: PolicySettings;
  readonly clock: { now(): number };
}

/** Three bookmarks: a healthy watch delivers about one a minute. */
const STALE_AFTER_MS = 180_000;

/**
 * Carries out the looks that a decision needs, in the cache or by live reads. It does not trust a cache that received
 * nothing for minutes, because another replica may already have written what ends the drainer's wait.
 */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #trackers: TrackerLooks;
  #self: string | undefined;
  readonly #groups = new SharedCalls<readonly JsonObject[]>({ running: 2, waiting: 100 });

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#trackers = new TrackerLooks(options);
  }

  /** An observation without any look yet. */
  begin(request: EvictionRequest): Observation {
    const { clock } = this.#options;
    return { now: clock.now(), request, ...NOTHING_SEEN, cacheKnowsInstance: false };
  }

  /**
   * Returns the observation with the look carried out. A new look at the pod resets its node and its tracker to unread.
   */
  async look(seen: Observation, { at, live }: Omit<Look, 'kind'>, signal: AbortSignal): Promise<Observation> {
    switch (at) {
      case 'metadata':
        return this.#lookAtMetadata(seen, signal);
      case 'pod':
        return this.#lookAtPod(seen, live, signal);
      case 'node':
        return this.#lookAtNode(seen, live, signal);
      case 'tracker':
        return this.#lookAtTracker(seen, live, signal);
      case 'group':
        return this.#lookAtGroup(seen, live, signal);
      case 'namespace':
        return this.#lookAtNamespace(seen, live, signal);
      case 'registration':
        return this.#lookAtRegistration(seen, signal);
      case 'budgets':
        return this.#lookAtBudgets(seen, signal);
      case 'target':
        return this.#lookAtTarget(seen, signal);
      case 'self':
        return this.#lookAtSelf(seen, signal);
    }
  }

  /** For use after a write found its object changed: the cache may be behind, so it reads pod and tracker live. */
  async lookAgain({ request }: Observation, signal: AbortSignal): Promise<Observation> {
    const seen = await this.look(this.begin(request), { at: 'pod', live: true }, signal);
    if (seen.profile === undefined) return seen;
    return this.look(seen, { at: 'tracker', live: true }, signal);
  }

  /** Waits until the cache has the observed instance; false if the signal aborts first. */
  async cacheKnows(seen: Observation, signal: AbortSignal): Promise<boolean> {
    const { pods } = this.#options.cache;
    const { namespace, name } = seen.request;
    const key = storeKey({ namespace, name });
    const uid = seenValue(seen.pod)?.uid;
    const isKnown = () => pods.get(key)?.uid === uid;
    if (isKnown() || signal.aborted) return isKnown();
    const { promise, resolve } = Promise.withResolvers<void>();
    const unsubscribe = pods.subscribe((change) => {
      if (change.key === key && isKnown()) resolve();
    });
    await unlessAborted(promise, signal).catch(() => undefined);
    unsubscribe();
    return isKnown();
  }

  /** If the cached pod has another UID than the metadata, the observation drops it. */
  async #lookAtMetadata(seen: Observation, signal: AbortSignal): Promise<Observation> {
    const { cache, reads } = this.#options;
    const { namespace, name } = seen.request;
    const object = await reads.podMetadata(namespace, name, signal);
    const value = object && cache.project.podMetadata(object);
    const metadata = sightingOf(value, 'live');
    const isOther = seenValue(seen.pod)?.uid !== value?.uid;
    if (isOther) return this.#withMemory({ ...seen, ...NOTHING_OF_POD, metadata });
    const { elsewhere } = seen;
    return { ...this.#withMemory({ ...seen, metadata }), ...(elsewhere && { elsewhere }) };
  }

  async #lookAtPod(seen: Observation, live: boolean, signal: AbortSignal): Promise<Observation> {
    const { cache } = this.#options;
    const { namespace, name } = seen.request;
    const cached = cache.pods.get(storeKey({ namespace, name }));
    const isStale = cache.podsAgeMs() > STALE_AFTER_MS;
    if (live || (isStale && cached !== undefined)) return this.#lookAtLivePod(seen, signal);
    return this.#withPod(seen, sightingOf(cached, 'cache'));
  }

  async #lookAtLivePod(seen: Observation, signal: AbortSignal): Promise<Observation> {
    const { cache, reads } = this.#options;
    const object = await reads.pod(seen.request.namespace, seen.request.name, signal);
    const lastWriter = object && lastWriterOf(object);
    const now = this.#withPod(seen, sightingOf(object && cache.project.pod(object), 'live'));
    return lastWriter === undefined ? now : { ...now, lastWriter };
  }

  /**
   * A pod that the cache lacks may still exist, because the cache has only pods that may be protected. Its metadata
   * stay unread.
   */
  #withPod(seen: Observation, pod: Sighting<Pod>): Observation {
    const metadata = pod.kind === 'absent' && pod.from === 'cache' ? UNREAD : pod;
    return this.#withMemory({ ...seen, ...NOTHING_OF_POD, metadata, pod });
  }

  /** Adds what the process itself remembers of the pod now. */
  #withMemory(seen: Observation): Observation {
    const { request, metadata, pod, tracker } = seen;
    const { cache, settings, clock } = this.#options;
    const key = storeKey({ namespace: request.namespace, name: request.name });
    const found = seenValue(metadata);
    const whole = seenValue(pod);
    const profile = found && profileOf(found, settings);
    const remembered = isOfAnotherNamespace(cache, seenValue(tracker)) ? undefined : cache.earlierInstances.get(key);
    const cacheTrouble = cache.podsTrouble();
    return {
      now: clock.now(),
      request,
      ...sightingsOf(seen),
      ...(profile ? { profile } : {}),
      ...(remembered ? { remembered } : {}),
      ...(whole ? this.#ofInstance(key, whole) : {}),
      ...cache.hindrances.reported(whole, profile),
      ...(cacheTrouble ? { cacheTrouble } : {}),
      cacheKnowsInstance: found !== undefined && cache.pods.get(key)?.uid === found.uid,
    };
  }

  /** What the process remembers of this very instance. */
  #ofInstance(key: string, pod: Pod): Partial<Observation> {
    const { cache } = this.#options;
    const terminatingOrFinishedForMs = cache.terminationTimes.forMs(key, pod);
    const ownMarks = cache.markMemory.get(key, pod.uid);
    const drainEndedForMs = this.#drainEndedForMs(key, pod);
    return {
      ...(ownMarks ? { ownMarks } : {}),
      ...(drainEndedForMs === undefined ? {} : { drainEndedForMs }),
      ...(terminatingOrFinishedForMs === undefined ? {} : { terminatingOrFinishedForMs }),
    };
  }

  /** 0 while the cache itself still has the node as draining. */
  #drainEndedForMs(podKey: string, pod: Pod): number | undefined {
    const { cache, settings } = this.#options;
    const node = pod.node === undefined ? undefined : cache.nodes.get(pod.node);
    const isKnown = cache.pods.get(podKey)?.uid === pod.uid;
    const isFresh = isKnown && cache.nodesAgeMs() <= STALE_AFTER_MS;
    if (isFresh && node !== undefined && isDraining(node, settings.drainTaints)) return 0;
    return cache.endedDrains.endedForMs(podKey, pod.uid);
  }

  /** Adds how often pods without an entry came back to the node. */
  async #lookAtNode(seen: Observation, live: boolean, signal: AbortSignal): Promise<Observation> {
    const node = await this.#node(seen, live, signal);
    const uid = seenValue(node)?.uid;
    const returnsToNode =
      uid === undefined ? undefined : this.#options.cache.markMemory.returnsTo(seen.request.namespace, uid);
    return { ...seen, node, ...(returnsToNode ? { returnsToNode } : {}) };
  }

  /** Adds whether the tracker refuses entries. */
  async #lookAtTracker({ elsewhere: _, ...seen }: Observation, live: boolean, signal: AbortSignal) {
    const { cache } = this.#options;
    const looked = await this.#tracker(seen, live, signal);
    const found = seenValue(looked.tracker);
    const refusal = found && cache.refusals.get(trackerKey(found));
    const { remembered, ...others } = seen;
    const kept = remembered && !isOfAnotherNamespace(cache, found) ? { remembered } : {};
    return {
      ...others,
      ...kept,
      ...looked,
      group: UNREAD,
      budgets: UNREAD,
      registration: UNREAD,
      ...(refusal ? { refusal } : {}),
    };
  }

  /** From the cache only if that is current: a refusal may rest on it, and no mark does. */
  async #lookAtGroup(seen: Observation, live: boolean, signal: AbortSignal): Promise<Observation> {
    const { cache } = this.#options;
    const [pod, { profile }] = [seenValue(seen.pod), seen];
    if (pod === undefined || profile === undefined) throw new Error('the group of no pod was asked for');
    if (!live && cache.podsAgeMs() <= STALE_AFTER_MS) {
      return { ...seen, group: sightingOf(podsOfGroup(pod, profile, cache.pods.values()), 'cache') };
    }
    const selector = formatSelector(groupSelector(profile, pod));
    const found = await this.#podsOf(pod.namespace, selector, signal);
    return { ...seen, group: sightingOf(podsOfGroup(pod, profile, found), 'live') };
  }

  /** The cache keeps only some labels of a pod, so the pod is read once more; budgets are rarely more than one or two. */
  async #lookAtBudgets(seen: Observation, signal: AbortSignal): Promise<Observation> {
    const { reads } = this.#options;
    const { namespace, name } = seen.request;
    const [all, object] = await Promise.all([reads.budgets(namespace, signal), reads.pod(namespace, name, signal)]);
    const { labels } = (object?.metadata ?? {}) as { readonly labels?: Readonly<Record<string, string>> };
    const over = budgetsOver(all, labels ?? {}).slice(0, BUDGETS_MAX + 1);
    const isTooMany = over.length > BUDGETS_MAX;
    const withPods = over.map(async (budget) => {
      const pods = isTooMany ? [] : await this.#podsOf(namespace, formatSelector(budget.selector), signal);
      return { ...budget, pods };
    });
    return { ...seen, budgets: sightingOf(await Promise.all(withPods), 'live') };
  }

  async #podsOf(namespace: string, selector: string, signal: AbortSignal): Promise<readonly Pod[]> {
    const { cache, reads } = this.#options;
    const call = () => reads.pods(namespace, selector);
    const raw = await this.#groups.run(`${namespace} ${selector}`, namespace, call, signal);
    return raw.map(cache.project.pod);
  }

  /** What a namespace says does not depend on the pod, so a new look at the pod leaves it. */
  async #lookAtNamespace(seen: Observation, live: boolean, signal: AbortSignal): Promise<Observation> {
    const { cache, reads } = this.#options;
    const { namespace: name } = seen.request;
    const cached = cache.trackersAgeMs() > STALE_AFTER_MS ? undefined : cache.namespaces.get(name);
    if (!live && cached !== undefined) return { ...seen, namespace: sightingOf(cached, 'cache') };
    const object = await reads.namespace(name, signal);
    return { ...seen, namespace: sightingOf(object && cache.project.namespace(object), 'live') };
  }

  /** Always live: the other installation may have been removed a moment ago, and its entries then count as ours. */
  async #lookAtRegistration(seen: Observation, signal: AbortSignal): Promise<Observation> {
    const name = entryOf(seen)?.installation;
    if (name === undefined) throw new Error('the registration of an entry was asked for that names none');
    const exists = await this.#options.reads.isInstalled(name, signal);
    return { ...seen, registration: sightingOf(exists ? name : undefined, 'live') };
  }

  /** Always live: nobody watches it, and what asks for a move has to name its version. */
  async #lookAtTarget(seen: Observation, signal: AbortSignal): Promise<Observation> {
    const { reads, clock } = this.#options;
    const [pod, request] = [seenValue(seen.pod), seen.profile?.request];
    if (pod === undefined || request === undefined) throw new Error('the request of no pod was asked for');
    const name = pod.labels[request.label];
    const found = name ? await reads.custom(request, pod.namespace, name, signal) : undefined;
    return { ...seen, target: sightingOf(found && targetOf(found, pod, request, clock.now()), 'live') };
  }

  /** It stays the same for as long as the process runs. */
  async #lookAtSelf(seen: Observation, signal: AbortSignal): Promise<Observation> {
    this.#self ??= await this.#options.reads.self(signal);
    return { ...seen, self: sightingOf(this.#self, 'live') };
  }

  /**
   * Reads the node live if the pod was read live, because the pod may have come there before the cache received either.
   */
  async #node(seen: Observation, live: boolean, signal: AbortSignal): Promise<Observation['node']> {
    const { cache, reads } = this.#options;
    const name = seenValue(seen.pod)?.node;
    if (name === undefined) throw new Error('the node of a pod was asked for that is on none');
    const from = live || isLive(seen.pod) ? 'live' : 'cache';
    const cached = cache.nodes.get(name);
    // A node that the cache lacks may be new, and not gone.
    const isKnown = cached !== undefined && cache.nodesAgeMs() <= STALE_AFTER_MS;
    if (from === 'cache' && isKnown) return sightingOf(cached, from);
    const object = await reads.node(name, signal);
    return sightingOf(object && cache.project.node(object), 'live');
  }

  async #tracker(seen: Observation, live: boolean, signal: AbortSignal): Promise<Looked> {
    const pod = seenValue(seen.pod);
    if (pod === undefined || seen.profile === undefined) throw new Error('the tracker of no pod was asked for');
    const { tracking } = seen.profile;
    const place = tracking.locate(pod);
    const at = (there: TrackedAt) => this.#trackers.lookAt(there, live || this.#isTrackerDoubtful(seen, there), signal);
    const [tracker, ...others] = await Promise.all([
      place.kind === 'at' ? at(place) : noTracker(place, live),
      ...tracking.alsoAt(pod).map(at),
    ]);
    const elsewhere = latestElsewhere(pod, others.map(seenValue));
    return { tracker, ...(elsewhere && { elsewhere }) };
  }

  /** Whether the cache received nothing for long, or lacks the tracker although the pod had to be read live. */
  #isTrackerDoubtful({ pod }: Observation, place: TrackedAt): boolean {
    const { cache } = this.#options;
    if (!cache.trackers.get(place)) return isLive(pod);
    return Math.max(cache.trackersAgeMs(), cache.podsAgeMs()) > STALE_AFTER_MS;
  }
}

type Looked = Pick<Observation, 'elsewhere'> & { readonly tracker: Observation['tracker'] };

/** Whether the look found a newer Namespace than the cache has, whose memories are about the pods of that one (S8). */
function isOfAnotherNamespace({ namespaces, trackers }: Cache, found: Tracker | undefined): boolean {
  if (found === undefined) return false;
  if (isNamespace(found)) return isOther(trackers.get(found), found.uid);
  return found.owner !== undefined && isOther(namespaces.get(found.owner.namespace), found.owner.uid);
}

const isOther = (known: { readonly uid: string } | undefined, uid: string) => known !== undefined && known.uid !== uid;

function noTracker(place: Exclude<TrackerPlace, TrackedAt>, live: boolean): Absent {
  if (place.kind === 'off') return { kind: 'absent', from: 'live' };
  // The pod's labels decide this, so it is as current as the look at the pod.
  return { kind: 'absent', from: live ? 'live' : 'cache', why: place.why };
}
