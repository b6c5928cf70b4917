import { objectPath } from '../kube/paths.ts';
import type { Reads } from '../kube/reads.ts';
import type { Observation } from '../policy/decision.ts';
import type { Entry, EvictionRequest, Node, Pod, Tracker } from '../policy/model.ts';
import type { TrackerKind } from '../policy/trackers/index.ts';
import { type Cache, namespacedKey } from './cache.ts';

export interface ObserverOptions {
  readonly cache: Cache;
  readonly reads: Reads;
  /** Absent where tracking is switched off. */
  readonly trackerKind?: TrackerKind;
  readonly now: () => number;
  /** The policy's reading of a tracker: the entry for a pod's name, if there is one. */
  readonly entryFor: (tracker: Tracker, namespace: string, pod: string) => Entry | undefined;
  /** The policy's word on whether the pod is one to protect; of the others no tracker is looked for. */
  readonly isProtected: (pod: Pod) => boolean;
  /** The policy's word on whether the pod's node matters; reading it costs an API call. */
  readonly needsNode: (observation: Observation) => boolean;
}

/** Three of the bookmarks that a healthy watch shows every minute. */
const STALE_AFTER_MS = 180_000;

/** Gathers what one eviction decision is made on. */
export class Observer {
  readonly #options: ObserverOptions;

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  /** From the cache alone: no API call. */
  fromCache(request: EvictionRequest): Observation {
    const { cache } = this.#options;
    const pod = cache.pods.get(namespacedKey(request.namespace, request.name));
    const node = pod?.node === undefined ? undefined : cache.nodes.get(pod.node);
    const found = pod && this.#cachedTracker(pod);
    return this.#observation('cache', request, { pod, node, ...found });
  }

  /** From a live read of the pod, of its node where that matters, and of its tracker where the cache has none. */
  async live(request: EvictionRequest, options: { freshTracker: boolean; signal: AbortSignal }): Promise<Observation> {
    const { cache, reads, isProtected, needsNode } = this.#options;
    const { signal } = options;
    const object = await reads.pod(request.namespace, request.name, signal);
    const pod = object && cache.project.pod(object);
    const found = pod && isProtected(pod) ? await this.#findTracker(pod, options) : undefined;
    const observation = this.#observation('live', request, { pod, node: undefined, ...found });
    if (pod?.node === undefined || !needsNode(observation)) return observation;
    const node = await reads.node(pod.node, signal);
    return node === undefined ? observation : { ...observation, node: cache.project.node(node) };
  }

  /** Waits until the cache has this very instance; false if the signal comes first. */
  async cacheKnows(pod: Pod, signal: AbortSignal): Promise<boolean> {
    const { pods } = this.#options.cache;
    const key = namespacedKey(pod.namespace, pod.name);
    const isKnown = () => pods.get(key)?.uid === pod.uid;
    if (isKnown() || signal.aborted) return isKnown();
    const { promise, resolve } = Promise.withResolvers<void>();
    const unsubscribe = pods.subscribe((change) => {
      if (change.key === key && isKnown()) resolve();
    });
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    unsubscribe();
    return isKnown();
  }

  #observation(
    evidence: Observation['evidence'],
    request: EvictionRequest,
    seen: { pod: Pod | undefined; node: Node | undefined; tracker?: Tracker; trackerMissing?: string },
  ): Observation {
    const { cache, now, entryFor } = this.#options;
    const key = namespacedKey(request.namespace, request.name);
    const { pod, node, tracker, trackerMissing } = seen;
    const entry = tracker && entryFor(tracker, request.namespace, request.name);
    const remembered = cache.earlierInstances.get(key);
    const terminatingOrFinishedForMs = pod && cache.terminationTimes.forMs(key, pod);
    return {
      evidence,
      now: now(),
      request,
      isCacheStale: this.#isStale(tracker),
      cacheKnowsInstance: pod !== undefined && cache.pods.get(key)?.uid === pod.uid,
      ...(pod ? { pod } : {}),
      ...(node ? { node } : {}),
      ...(tracker ? { tracker } : {}),
      ...(trackerMissing === undefined ? {} : { trackerMissing }),
      ...(entry ? { entry } : {}),
      ...(remembered ? { remembered } : {}),
      ...(terminatingOrFinishedForMs === undefined ? {} : { terminatingOrFinishedForMs }),
    };
  }

  /** Of entries, too: another replica may have pruned one that would keep the drainer waiting here for as long as it is believed. */
  #isStale(tracker: Tracker | undefined): boolean {
    const { cache } = this.#options;
    return cache.podsAgeMs() > STALE_AFTER_MS || (tracker !== undefined && cache.trackersAgeMs() > STALE_AFTER_MS);
  }

  #cachedTracker(pod: Pod): { tracker?: Tracker; trackerMissing?: string } {
    const { cache, trackerKind } = this.#options;
    if (trackerKind === undefined) return {};
    const named = trackerKind.nameFor(pod);
    if ('missing' in named) return { trackerMissing: named.missing };
    const key = trackerKind.isNamespaced ? namespacedKey(pod.namespace, named.name) : named.name;
    const tracker = cache.trackers.get(key);
    return tracker ? { tracker } : { trackerMissing: `no ${trackerKind.kind} ${key}` };
  }

  async #findTracker(
    pod: Pod,
    { freshTracker, signal }: { freshTracker: boolean; signal: AbortSignal },
  ): Promise<{ tracker?: Tracker; trackerMissing?: string }> {
    const { cache, reads, trackerKind } = this.#options;
    const cached = this.#cachedTracker(pod);
    if (trackerKind === undefined) return cached;
    if (cached.tracker !== undefined && !freshTracker && !this.#isStale(cached.tracker)) return cached;
    const named = trackerKind.nameFor(pod);
    if ('missing' in named) return cached;
    const namespace = trackerKind.isNamespaced ? pod.namespace : undefined;
    const object = await reads.object(
      objectPath(trackerKind.apiPath, trackerKind.plural, namespace, named.name),
      signal,
    );
    if (object !== undefined) {
      const tracker = cache.project.tracker(object);
      cache.trackers.assume(tracker);
      return { tracker };
    }
    return { trackerMissing: cached.trackerMissing ?? `no ${trackerKind.kind} ${named.name}` };
  }
}
