import type { Clock } from '../async/clock.ts';
import type { BackoffOptions } from '../informer/backoff.ts';
import { createListWatch } from '../informer/list-watch.ts';
import { Reflector, type ReflectorOptions } from '../informer/reflector.ts';
import { type Cached, type Change, type Lister, Store, type StoreOptions } from '../informer/store.ts';
import { type Filled, partsOf } from '../informer/store-parts.ts';
import type { ApiClient, JsonObject } from '../kube/client.ts';
import { isServed, servedVersion } from '../kube/discovery.ts';
import { ApiError, describeError } from '../kube/errors.ts';
import { collectionPath } from '../kube/paths.ts';
import { LOG } from '../log/messages.ts';
import type { Lookup } from '../policy/entry-lifecycle.ts';
import type { Namespace, Node, Pod, PodMetadata, Resource, Tracker } from '../policy/model.ts';
import { isDraining } from '../policy/node-state.ts';
import type { CacheTrouble } from '../policy/observation.ts';
import { isDrainOver } from '../policy/plans/withdrawal.ts';
import { labelsIn } from '../policy/profiles/mark.ts';
import { MISSELECTION_LABELS, misselectionsOf } from '../policy/profiles/misselected.ts';
import {
  isMarked,
  isProtected,
  labelSelectorsOf,
  type PolicySettings,
  profileOf,
  trackedResources,
  trackingsOf,
} from '../policy/profiles/profile.ts';
import { formOf } from '../policy/requests/index.ts';
import type { Tracking } from '../policy/tracking/tracking.ts';
import { observeDrain } from './drain-observation.ts';
import { Hindrances, listWatchOf, projectReporter, type Reporter } from './hindrances/hindrances.ts';
import { type ObjectKey, storeKey, trackerKey } from './keys.ts';
import { EarlierInstances } from './memories/earlier-instances.ts';
import { EndedDrains } from './memories/ended-drains.ts';
import { MarkMemory } from './memories/mark-memory.ts';
import { Refusals } from './memories/refusals.ts';
import { TerminationTimes } from './memories/termination-times.ts';
import { PodIndex } from './pod-index.ts';
import { projectNamespace, projectNode, projectPod, projectPodMetadata } from './projections.ts';
import { isNamespace, Trackers } from './trackers.ts';

export interface CacheOptions {
  readonly client: ApiClient;
  readonly settings: PolicySettings;
  /** Restricts the namespaced kinds to this namespace. Absent: all namespaces, as the hook needs. */
  readonly namespace?: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: ReflectorOptions<unknown>['log'];
  readonly backoff?: BackoffOptions;
  /** Called for every list or watch that failed, with the plural of the kind. */
  readonly onInterrupted?: (kind: string, error: unknown) => void;
  /** Called once, when every kind has synced. */
  readonly onSynced?: () => void;
  /** Called when a memory of an earlier instance was dropped, because there were too many. */
  readonly onEarlierInstanceDropped?: () => void;
  /** Called for each memory of an earlier instance that is forgotten, dropped ones too. */
  readonly onEarlierInstanceForgotten?: (pod: ObjectKey) => void;
}

/** The state of the copy of one kind. */
export interface Freshness {
  readonly kind: string;
  readonly hasSynced: boolean;
  /** When a list, event or bookmark of the kind last arrived, on the monotonic clock. */
  readonly agreedAt: number;
  readonly objects: number;
}

/** The shared informer cache: protected pods, nodes, trackers, and the memory of earlier instances. */
export interface Cache {
  readonly pods: Store<Pod>;
  /** What the list and watch of each selector fills, in the order of `labelSelectorsOf`. */
  readonly podParts: readonly Filled<Pod>[];
  readonly nodes: Store<Node>;
  readonly trackers: Trackers;
  /** Watched only if the hook keeps objects of its own for them, or if people may say what becomes of their pods. */
  readonly namespaces: Store<Namespace>;
  readonly earlierInstances: EarlierInstances;
  readonly terminationTimes: TerminationTimes;
  readonly markMemory: MarkMemory;
  readonly endedDrains: EndedDrains;
  readonly refusals: Refusals;
  readonly podIndex: PodIndex;
  readonly hindrances: Hindrances;
  readonly project: Projections;
  /** Takes over what another cache of this process remembers, which is about to stop. */
  adopt(other: Pick<Cache, Remembers>): void;
  hasSynced(): boolean;
  /** How long ago a list, event or bookmark of the pods last arrived. */
  podsAgeMs(): number;
  /** Why the cache may lack a pod that exists; undefined if it is at most a little behind. */
  podsTrouble(): CacheTrouble | undefined;
  nodesAgeMs(): number;
  /** The same for trackers of every kind, and what it takes to believe them; infinite if tracking is off. */
  trackersAgeMs(): number;
  freshness(): Freshness[];
  start(): void;
  stop(): Promise<void>;
}

/** What no list tells again. */
export type Remembers =
  | 'pods'
  | 'nodes'
  | 'earlierInstances'
  | 'terminationTimes'
  | 'markMemory'
  | 'endedDrains'
  | 'refusals';

/** Keep the fields of raw objects that the policy needs. */
export interface Projections {
  pod(object: JsonObject): Pod;
  podMetadata(object: JsonObject): PodMetadata;
  node(object: JsonObject): Node;
  /** Absent: the resource that entries are written to. */
  tracker(object: JsonObject, resource?: Resource): Tracker;
  namespace(object: JsonObject): Namespace;
}

/** The copy of one kind, and the reflector that keeps it current. */
interface Watched {
  readonly name: string;
  readonly store: Pick<Lister<Cached>, 'hasSynced' | 'size'>;
  readonly reflector: Pick<Reflector<unknown>, 'start' | 'stop' | 'agreedAt' | 'failure'>;
}

/** Looks up pods and nodes in the cache, to decide the state of entries. */
export const lookupIn = ({ pods, nodes }: Pick<Cache, 'pods' | 'nodes'>): Lookup => ({
  pod: (namespace, name) => pods.get(storeKey({ namespace, name })),
  node: (name) => nodes.get(name),
});

export function createCache(options: CacheOptions): Cache {
  const { settings, clock } = options;
  const project = projectionsFor(settings);
  const hasSynced = () => kinds.every(({ store }) => store.hasSynced);
  const stores = createStores(options, () => {
    if (hasSynced()) options.onSynced?.();
  });
  const kinds: readonly Watched[] = watchedKinds(options, stores, project);
  const reports = watchedReports(options, stores.hindrances);
  // Asked for at every eviction.
  const byName = Map.groupBy(kinds, ({ name }) => name);
  const [pods = [], nodes = []] = ['pods', 'nodes'].map((name) => byName.get(name));
  const others = kinds.filter(({ name }) => name !== 'pods' && name !== 'nodes');
  const agreedAt = (some: readonly Watched[]) => Math.min(...some.map(({ reflector }) => reflector.agreedAt));
  const ageMs = (some: readonly Watched[]) => clock.monotonicNow() - agreedAt(some);
  const refusals = new Refusals(() => clock.monotonicNow());
  stores.trackers.subscribe((change) => {
    if (change.kind === 'removed') refusals.forget(trackerKey(change.before));
  });
  const { compareNodes, ...ofPods } = rememberPods(stores, options, () => ageMs(nodes));
  const memories = { ...ofPods, refusals };
  return {
    ...stores,
    ...memories,
    project,
    adopt(other) {
      const isKnown = (podKey: string) => stores.pods.get(podKey) !== undefined;
      // Not of a pod that no profile selects any more: nobody would hear of its end.
      const isOurs = (podKey: string) => {
        const [before, now] = [other.pods.get(podKey), stores.pods.get(podKey)];
        if (before === undefined) return false;
        return now?.uid === before.uid ? isProtected(now, settings) && isMarked(now) : isProtected(before, settings);
      };
      memories.earlierInstances.adopt(other.earlierInstances, isOurs);
      for (const before of other.pods.values()) {
        const podKey = storeKey(before);
        const now = stores.pods.get(podKey);
        if (now?.uid !== before.uid && isProtected(before, settings)) {
          memories.earlierInstances.missed(podKey, before, now);
        }
      }
      memories.terminationTimes.adopt(other.terminationTimes);
      memories.markMemory.adopt(other.markMemory, isKnown);
      memories.endedDrains.adopt(other.endedDrains, isKnown);
      compareNodes(other.nodes);
      memories.refusals.adopt(other.refusals);
    },
    hasSynced,
    podsAgeMs: () => ageMs(pods),
    nodesAgeMs: () => ageMs(nodes),
    podsTrouble() {
      const [worst] = pods.flatMap((one) => troubleOf(one) ?? []);
      return worst;
    },
    trackersAgeMs: () => (others.length === 0 ? Number.POSITIVE_INFINITY : ageMs(others)),
    freshness: () =>
      [...byName].map(([kind, some]) => ({
        kind,
        hasSynced: some.every(({ store }) => store.hasSynced),
        agreedAt: agreedAt(some),
        objects: kind === 'pods' ? stores.pods.size : some.reduce((sum, { store }) => sum + store.size, 0),
      })),
    start() {
      for (const { reflector } of [...kinds, ...reports]) reflector.start();
    },
    async stop() {
      await Promise.all([...kinds, ...reports].map(({ reflector }) => reflector.stop()));
    },
  };
}

/** Says which permission is missing, if that is the cause. A watch that just breaks off begins again by itself. */
function troubleOf({ name, store, reflector: { failure } }: Watched): CacheTrouble | undefined {
  const isRefused = failure?.error instanceof ApiError && failure.error.code === 403;
  if (store.hasSynced && !isRefused) return undefined;
  const what = `the hook's cache ${store.hasSynced ? 'is behind' : 'has not synced'}`;
  if (failure === undefined) return { text: what, lasts: false };
  return {
    text: `${what}: ${isRefused ? `it may not ${failure.verb} ${name}` : describeError(failure.error)}`,
    lasts: true,
  };
}

function projectionsFor({ profiles, drainConditions }: PolicySettings): Projections {
  const labelKeys = profiles.flatMap(({ selectors, mark, request, tracking, hindrances = [], maxConcurrent }) => [
    ...selectors.flat().map(({ key }) => key),
    ...hindrances.map(({ label }) => label),
    ...(maxConcurrent?.by ?? []),
    ...labelsIn(mark?.value ?? ''),
    ...(request === undefined ? [] : [request.label, ...formOf(request).labelKeys]),
    ...tracking.labelKeys,
  ]);
  const annotationKeys = profiles.flatMap(({ requires }) => requires.map(({ key }) => key));
  const podFields = {
    profiles,
    labelKeys: [...new Set([...labelKeys, ...MISSELECTION_LABELS])],
    annotationKeys: [...new Set(annotationKeys)],
  };
  const trackings = trackingsOf({ profiles });
  return {
    pod: (object) => projectPod(object, podFields),
    podMetadata: (object) => projectPodMetadata(object, podFields),
    node: (object) => projectNode(object, drainConditions),
    tracker: (object, resource) => trackingWith(trackings, resource).project(object, resource),
    namespace: projectNamespace,
  };
}

/** Whichever profiles an object is a tracker of, it is projected in one way. */
function trackingWith(trackings: readonly Tracking[], resource: Resource | undefined): Tracking {
  const found = trackings.find(({ resources }) => resource !== undefined && resources.includes(resource));
  return found ?? (trackings[0] as Tracking);
}

type Stores = Pick<Cache, 'pods' | 'podParts' | 'nodes' | 'trackers' | 'namespaces' | 'hindrances'>;

function createStores({ settings, log }: CacheOptions, onSynced: () => void): Stores {
  const quiet = {
    isSame: isSameButVersion,
    onHandlerError: (error: unknown) => log('warn', LOG.handlerFailed, { error: String(error) }),
  };
  const shared = { ...quiet, onSynced };
  const hasOtherUid = (a: { uid: string }, b: { uid: string }) => a.uid !== b.uid;
  const named: Pick<StoreOptions<Pod & Node & Namespace>, 'keyOf' | 'isOtherInstance'> = {
    keyOf: storeKey,
    isOtherInstance: hasOtherUid,
  };
  const trackers = () => new Store<Tracker>({ ...shared, keyOf: trackerKey, isOtherInstance: hasOtherUid });
  // If a pod lost its label meanwhile, the DELETED event is older than our write, and the store would ignore it.
  const pods = new Store<Pod>({ ...shared, ...named, isWatched: (pod) => isProtected(pod, settings) });
  const selectors = labelSelectorsOf(settings);
  return {
    pods,
    podParts: selectors.length === 1 ? [pods] : partsOf(pods, selectors.length),
    nodes: new Store<Node>({ ...shared, ...named }),
    trackers: new Trackers(new Map(trackedResources(settings).map(({ plural }) => [plural, trackers()]))),
    namespaces: new Store<Namespace>({ ...shared, ...named }),
    hindrances: new Hindrances(
      settings.profiles,
      () => new Store<Reporter>({ ...quiet, keyOf: storeKey, isOtherInstance: hasOtherUid }),
    ),
  };
}

function watchedKinds(options: CacheOptions, stores: Stores, project: Projections): Watched[] {
  const { namespace, settings } = options;
  const resources = trackedResources(settings);
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
  const pods = { name: 'pods', path: `/api/v1${scope}/pods` };
  return [
    ...labelSelectorsOf(settings).map((labelSelector, i) =>
      watch(options, { ...pods, labelSelector }, stores.podParts[i] as Filled<Pod>, project.pod),
    ),
    watch(options, { name: 'nodes', path: '/api/v1/nodes' }, stores.nodes, project.node),
    ...resources.map((resource, i) =>
      watch(options, trackersAt(resource, scope), stores.trackers.stores[i] as Store<Tracker>, (object) =>
        project.tracker(object, resource),
      ),
    ),
    ...(settings.readsNamespacePolicy || resources.some(({ own }) => own)
      ? [watch(options, { name: 'namespaces', path: '/api/v1/namespaces' }, stores.namespaces, project.namespace)]
      : []),
  ];
}

/** Nobody waits for them. Without the right to read them, the check of permissions has said so. */
function watchedReports(options: CacheOptions, { watched }: Hindrances): Pick<Watched, 'reflector'>[] {
  const { client, clock, random, log, backoff, namespace } = options;
  const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return watched.map(({ source, store }) => {
    const { group, plural } = source;
    const reflector = new Reflector<Reporter>({
      name: plural,
      listWatch: listWatchOf(client, source, scope),
      project: (object) => projectReporter(object, source),
      sink: store,
      clock,
      random,
      log: (_, message, fields) => log('debug', message, fields),
      isServed: async (signal) => (await servedVersion(client, group, plural, signal)) !== undefined,
      ...(backoff === undefined ? {} : { backoff }),
    });
    return { reflector };
  });
}

interface Collection {
  /** The plural of the kind. */
  readonly name: string;
  readonly path: string;
  readonly labelSelector?: string;
  /** Set for a kind that may not be installed. */
  readonly apiPath?: string;
}

function trackersAt({ apiPath, plural, isNamespaced, own }: Resource, scope: string): Collection {
  if (own) {
    const labelSelector = `${own.label.key}=${own.label.value}`;
    return { name: plural, path: collectionPath(apiPath, plural, own.namespace), labelSelector };
  }
  return { name: plural, path: `${apiPath}${isNamespaced ? scope : ''}/${plural}`, apiPath };
}

function watch<T extends Cached>(
  { client, clock, random, log, backoff, onInterrupted }: CacheOptions,
  { name, path, labelSelector, apiPath }: Collection,
  store: Filled<T>,
  project: (object: JsonObject) => T,
): Watched {
  const reflector = new Reflector<T>({
    name,
    listWatch: createListWatch(client, path, labelSelector),
    project,
    sink: store,
    clock,
    random,
    log,
    onInterrupted: (error) => onInterrupted?.(name, error),
    ...(apiPath === undefined ? {} : { isServed: (signal) => isServed(client, apiPath, name, signal) }),
    ...(backoff === undefined ? {} : { backoff }),
  });
  return { name, store, reflector };
}

/** Remembers the end of pods. Earlier instances are remembered only of protected pods. */
function rememberPods(stores: Stores, options: CacheOptions, nodesAgeMs: () => number) {
  const { settings, clock, log } = options;
  const { pods, nodes } = stores;
  const drains = (node: Node) => isDraining(node, settings.drainTaints);
  const podIndex = new PodIndex({
    profileOf: (pod) => profileOf(pod, settings)?.name,
    misselectionsOf: (pod) => misselectionsOf(pod, settings),
    onMisselected: (why, { name: pod, namespace, ...metadata }) =>
      log('warn', LOG.misselected, { why, pod, namespace, profile: profileOf(metadata, settings)?.name }),
  });
  const earlierInstances = new EarlierInstances({
    isMarked,
    nodeOf({ node: name }) {
      const node = name === undefined ? undefined : nodes.get(name);
      return node && { uid: node.uid, isDraining: drains(node) };
    },
    now: () => clock.now(),
    onDropped: () => options.onEarlierInstanceDropped?.(),
    onForgotten: (pod) => options.onEarlierInstanceForgotten?.(pod),
  });
  const terminationTimes = new TerminationTimes(() => clock.monotonicNow());
  const endedDrains = new EndedDrains(clock, nodesAgeMs);
  const markMemory: MarkMemory = new MarkMemory(
    isMarked,
    () => clock.now(),
    (pod) => {
      const seen = observeDrain({ ...stores, earlierInstances, markMemory }, pod, settings);
      return seen !== undefined && isDrainOver(seen, settings);
    },
  );
  /** UIDs of pods of the cache whose Namespace went first: watches of two kinds have no common order. */
  const left = new Set<string>();
  pods.subscribe((change) => {
    podIndex.observe(change);
    terminationTimes.observe(change);
    markMemory.observe(change);
    endedDrains.observe(change);
    const ofProtected = amongProtected(change, settings);
    if (ofProtected !== undefined) earlierInstances.observe(ofProtected);
    if (change.kind === 'removed' && left.delete(change.before.uid)) earlierInstances.forget(change.key);
  });
  onNamespaceGone(stores, (name) => {
    for (const { namespace, uid } of pods.values()) if (namespace === name) left.add(uid);
    earlierInstances.forgetNamespace(name);
    markMemory.forgetNamespace(name);
  });
  const forEachOn = (node: string, tell: (podKey: string, pod: Pod) => void) => {
    for (const podKey of podIndex.on(node)) {
      const pod = pods.get(podKey);
      if (pod !== undefined && isProtected(pod, settings)) tell(podKey, pod);
    }
  };
  const observeNode = ({ key, ...change }: Change<Node>) => {
    if (change.kind === 'removed') return;
    const wasDraining = change.kind === 'updated' && drains(change.before);
    if (drains(change.now)) forEachOn(key, (podKey, pod) => earlierInstances.look(podKey, pod));
    else if (wasDraining) forEachOn(key, (podKey, pod) => endedDrains.note(podKey, pod));
  };
  nodes.subscribe(observeNode);
  /** What became of them between the last thing that another cache heard and the first list of this one. */
  const compareNodes = (others: Store<Node>) => {
    for (const before of others.values()) {
      const now = nodes.get(before.name);
      if (now?.uid === before.uid) observeNode({ kind: 'updated', key: before.name, before, now });
    }
  };
  return { earlierInstances, terminationTimes, markMemory, endedDrains, podIndex, compareNodes };
}

/** The change as protected pods have it: a pod that loses what its profile requires has left them, as with its label. */
function amongProtected(change: Change<Pod>, settings: PolicySettings): Change<Pod> | undefined {
  const { key } = change;
  const [before, now] = [change.kind !== 'added' && change.before, change.kind !== 'removed' && change.now];
  if (now && isProtected(now, settings)) return change;
  return before && isProtected(before, settings) ? { kind: 'removed', key, before } : undefined;
}

/** Calls it for a Namespace that went, or came back under its name, where the cache has Namespaces of either use. */
function onNamespaceGone({ namespaces, trackers }: Stores, callback: (name: string) => void): void {
  namespaces.subscribe((change) => {
    if (change.kind === 'removed') callback(change.before.name);
  });
  trackers.subscribe((change) => {
    if (change.kind === 'removed' && isNamespace(change.before)) callback(change.before.name);
  });
}

/** Heartbeats and status reports change only the resourceVersion of a projection. No subscriber needs those changes. */
function isSameButVersion<T extends Cached>(a: T, b: T): boolean {
  return JSON.stringify({ ...a, resourceVersion: '' }) === JSON.stringify({ ...b, resourceVersion: '' });
}
