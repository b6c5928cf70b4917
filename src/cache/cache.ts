import type { BackoffOptions } from '../informer/backoff.ts';
import { createListWatch } from '../informer/list-watch.ts';
import { Reflector, type ReflectorOptions } from '../informer/reflector.ts';
import { type Cached, type Lister, Store } from '../informer/store.ts';
import type { ApiClient, JsonObject } from '../kube/client.ts';
import { isServed } from '../kube/discovery.ts';
import { LOG } from '../log/messages.ts';
import type { Lookup } from '../policy/entry-lifecycle.ts';
import type { Node, Pod, Tracker } from '../policy/model.ts';
import type { TrackerKind } from '../policy/trackers/index.ts';
import { EarlierInstances } from './earlier-instances.ts';
import { projectNode, projectPod, projectTracker } from './projections.ts';
import { TerminationTimes } from './termination-times.ts';

export interface CacheOptions {
  readonly client: ApiClient;
  readonly labelSelector: string;
  /** Of the namespaced kinds, only what is in this one. Absent: all, as the hook needs it. */
  readonly namespace?: string;
  /** The labels that the selector looks at. */
  readonly selectorKeys: readonly string[];
  readonly annotationKey: string;
  /** Absent where tracking is switched off. */
  readonly trackerKind?: TrackerKind;
  readonly entryPrefix: string;
  /** Whether the pod is one that the hook protects: of no other is the end remembered. */
  readonly isProtected: (pod: Pod) => boolean;
  readonly isMarked: (pod: Pod) => boolean;
  readonly isDraining: (node: Node | undefined) => boolean;
  readonly now: () => number;
  readonly monotonicNow: () => number;
  readonly random: () => number;
  readonly log: ReflectorOptions<unknown>['log'];
  readonly backoff?: BackoffOptions;
  /** Told of every list or watch that failed, with the kind's plural. */
  readonly onInterrupted?: (kind: string, error: unknown) => void;
  /** Called once, when every kind has synced. */
  readonly onSynced?: () => void;
}

/** How one kind's copy stands. */
export interface Freshness {
  readonly kind: string;
  readonly hasSynced: boolean;
  /** When the API server last told something about it, on the monotonic clock. */
  readonly agreedAt: number;
  readonly objects: number;
}

/** The shared informer cache: selected pods, nodes, tracking resources, and the memory of marked pods that left. */
export interface Cache {
  readonly pods: Store<Pod>;
  readonly nodes: Store<Node>;
  readonly trackers: Store<Tracker>;
  readonly earlierInstances: EarlierInstances;
  readonly terminationTimes: TerminationTimes;
  project: {
    pod(object: JsonObject): Pod;
    node(object: JsonObject): Node;
    tracker(object: JsonObject): Tracker;
  };
  hasSynced(): boolean;
  /** How long ago the API server last told something about pods. */
  podsAgeMs(): number;
  /** The same of tracking resources; infinite where tracking is switched off. */
  trackersAgeMs(): number;
  freshness(): Freshness[];
  start(): void;
  stop(): Promise<void>;
}

type Running = Pick<Reflector<unknown>, 'start' | 'stop' | 'agreedAt'>;

/** `namespace/name`, the key of namespaced objects in their store. */
export const namespacedKey = (namespace: string, name: string) => `${namespace}/${name}`;

export const trackerKey = (tracker: Pick<Tracker, 'namespace' | 'name'>) =>
  tracker.namespace === undefined ? tracker.name : namespacedKey(tracker.namespace, tracker.name);

/** The key of the pod's tracking resource; undefined where it has none, or tracking is off. */
export function trackerKeyOf(pod: Pod, kind: TrackerKind | undefined): string | undefined {
  const named = kind?.nameFor(pod);
  if (kind === undefined || named === undefined || 'missing' in named) return undefined;
  return kind.isNamespaced ? namespacedKey(pod.namespace, named.name) : named.name;
}

/** What the cache knows, for reading entries. */
export const lookupIn = ({ pods, nodes }: Pick<Cache, 'pods' | 'nodes'>): Lookup => ({
  pod: (namespace, name) => pods.get(namespacedKey(namespace, name)),
  node: (name) => nodes.get(name),
});

export function createCache(options: CacheOptions): Cache {
  const { client, annotationKey, trackerKind, entryPrefix, log } = options;
  const podFields = { annotationKey, labelKeys: [...options.selectorKeys, ...(trackerKind?.labelKeys ?? [])] };
  const project = {
    pod: (object: JsonObject) => projectPod(object, podFields),
    node: projectNode,
    tracker: (object: JsonObject) => {
      if (trackerKind === undefined) throw new Error('tracking is switched off');
      return projectTracker(object, trackerKind, entryPrefix);
    },
  };
  const hasSynced = () => kinds.every(({ store }) => store.hasSynced);
  const onSynced = () => {
    if (hasSynced()) options.onSynced?.();
  };
  const onHandlerError = (error: unknown) => log('warn', LOG.handlerFailed, { error: String(error) });
  const hasOtherUid = (a: { uid: string }, b: { uid: string }) => a.uid !== b.uid;
  const pods = new Store<Pod>({
    keyOf: (pod) => namespacedKey(pod.namespace, pod.name),
    isSame: isSameButVersion,
    isOtherInstance: hasOtherUid,
    // One that has lost its label meanwhile: the watch's word of that is older than our write, and would count for nothing.
    isWatched: options.isProtected,
    onHandlerError,
    onSynced,
  });
  const nodes = new Store<Node>({
    keyOf: (node) => node.name,
    isSame: isSameButVersion,
    isOtherInstance: () => false,
    onHandlerError,
    onSynced,
  });
  const trackers = new Store<Tracker>({
    keyOf: trackerKey,
    isSame: isSameButVersion,
    isOtherInstance: hasOtherUid,
    onHandlerError,
    onSynced,
  });
  const isOnDrainingNode = ({ node: name }: Pod) => {
    const node = name === undefined ? undefined : nodes.get(name);
    return node && options.isDraining(node);
  };
  const earlierInstances = new EarlierInstances(options.isMarked, isOnDrainingNode, options.now);
  const terminationTimes = new TerminationTimes(options.monotonicNow);
  pods.subscribe((change) => {
    terminationTimes.observe(change);
    if (options.isProtected(change.kind === 'removed' ? change.before : change.now)) earlierInstances.observe(change);
  });
  nodes.subscribe(({ key, ...change }) => {
    if (change.kind === 'removed' || !options.isDraining(change.now)) return;
    for (const pod of pods.values()) {
      if (pod.node === key) earlierInstances.look(namespacedKey(pod.namespace, pod.name), pod);
    }
  });

  const reflect = <T extends Cached>(
    name: string,
    path: string,
    sink: Store<T>,
    project: (object: JsonObject) => T,
    extra: Pick<ReflectorOptions<T>, 'isServed'> & { labelSelector?: string } = {},
  ) =>
    new Reflector<T>({
      name,
      listWatch: createListWatch(client, path, extra.labelSelector),
      project,
      sink,
      log,
      ...(extra.isServed ? { isServed: extra.isServed } : {}),
      monotonicNow: options.monotonicNow,
      random: options.random,
      onInterrupted: (error) => options.onInterrupted?.(name, error),
      ...(options.backoff ? { backoff: options.backoff } : {}),
    });

  const scope = options.namespace === undefined ? '' : `/namespaces/${options.namespace}`;
  const kinds: { name: string; store: Lister<Cached>; reflector: Running }[] = [
    {
      name: 'pods',
      store: pods,
      reflector: reflect('pods', `/api/v1${scope}/pods`, pods, project.pod, { labelSelector: options.labelSelector }),
    },
    { name: 'nodes', store: nodes, reflector: reflect('nodes', '/api/v1/nodes', nodes, project.node) },
  ];
  if (trackerKind !== undefined) {
    const { apiPath, plural } = trackerKind;
    const reflector = reflect(
      plural,
      `${apiPath}${trackerKind.isNamespaced ? scope : ''}/${plural}`,
      trackers,
      project.tracker,
      {
        isServed: (signal) => isServed(client, apiPath, plural, signal),
      },
    );
    kinds.push({ name: plural, store: trackers, reflector });
  }

  const ageMs = (of: Lister<Cached>) =>
    options.monotonicNow() - (kinds.find(({ store }) => store === of)?.reflector.agreedAt ?? Number.NEGATIVE_INFINITY);

  return {
    pods,
    nodes,
    trackers,
    earlierInstances,
    terminationTimes,
    project,
    hasSynced,
    podsAgeMs: () => ageMs(pods),
    trackersAgeMs: () => ageMs(trackers),
    freshness: () =>
      kinds.map(({ name, store, reflector }) => ({
        kind: name,
        hasSynced: store.hasSynced,
        agreedAt: reflector.agreedAt,
        objects: store.size,
      })),
    start() {
      for (const { reflector } of kinds) reflector.start();
    },
    async stop() {
      await Promise.all(kinds.map(({ reflector }) => reflector.stop()));
    },
  };
}

/** Heartbeats and status reports change only the resourceVersion of a projection; nobody needs to hear of those. */
function isSameButVersion<T extends Cached>(a: T, b: T): boolean {
  return JSON.stringify({ ...a, resourceVersion: '' }) === JSON.stringify({ ...b, resourceVersion: '' });
}
