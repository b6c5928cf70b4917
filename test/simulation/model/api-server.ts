import type { ApiRequest, JsonObject } from '../../../src/kube/client.ts';
import { REGISTRATIONS } from '../../../src/kube/paths.ts';
import { refusal } from '../../support/api.ts';
import type { Variant } from '../runs/variant.ts';
import type { ChangeListener } from './change-listener.ts';
import type { SimClock } from './clock.ts';
import { familyOf, profileFor, shardOf } from './families.ts';
import { OURS } from './installations.ts';
import {
  isMarked,
  isMarkedByHook,
  labelsOf,
  NAMESPACE,
  rawNode,
  rawPod,
  rawTracker,
  type SimNode,
  type SimPod,
  type SimTracker,
  shown,
} from './objects.ts';
import { Patches } from './patches.ts';

/** The pods of each selector have a list and watch of their own. */
export const POD_KINDS = ['pods', 'pods 2', 'pods 3', 'pods 4'] as const;
export type PodKind = (typeof POD_KINDS)[number];
/** `others`: Namespaces or ConfigMaps, if another kind is the tracker of the variant. `namespaces`: those that ConfigMaps are for. */
export type WatchKind = PodKind | 'nodes' | 'trackers' | 'others' | 'namespaces';
export const WATCH_KINDS: readonly WatchKind[] = [
  'pods',
  'nodes',
  'trackers',
  'pods 2',
  'pods 3',
  'pods 4',
  'others',
  'namespaces',
];

/** What the API server keeps one history of. */
export type History = Exclude<WatchKind, 'pods 2' | 'pods 3' | 'pods 4'>;
export const historyOf = (kind: WatchKind): History => (isPodKind(kind) ? 'pods' : kind);
export const isPodKind = (kind: WatchKind): kind is PodKind => (POD_KINDS as readonly string[]).includes(kind);

export interface WatchLine {
  readonly at: number;
  readonly type: 'put' | 'remove';
  readonly raw: JsonObject;
}

interface Deletion {
  readonly preconditions: { readonly uid: string; readonly resourceVersion: string };
}

/** The linear state of the cluster: each call takes effect at one moment, and each change is one line of a watch. */
export class ApiServer<Caller> {
  /** The registrations of the hook, with the times since when. */
  readonly registrations = new Map<string, number>([[OURS, -1]]);
  readonly pods = new Map<string, SimPod>();
  readonly nodes = new Map<string, SimNode>();
  /** The trackers, by path. */
  readonly trackers = new Map<string, SimTracker>();
  /** When the present tracker of the variant was created; undefined if there is none. */
  trackerSince: number | undefined;
  /** The names of pods that their operators have replaced under new ones. */
  readonly successors = new Map<string, string>();
  /** UIDs of nodes that were ever draining. */
  readonly drained = new Set<string>();
  /** UIDs of pods of which some process could not know that the hook took their mark back. */
  readonly misjudged = new Set<string>();
  /** The node of the last pod of a name that has gone. */
  readonly lastNodes = new Map<string, string | undefined>();
  /** The first node of each member's name: the only one, if pods are pinned. */
  readonly firstNodes = new Map<string, string>();
  /** UIDs of the pods that ever lost the label that the hook watches by. */
  readonly hidden = new Set<string>();
  readonly watch: Readonly<Record<History, WatchLine[]>> = {
    pods: [],
    nodes: [],
    trackers: [],
    others: [],
    namespaces: [],
  };
  readonly #clock: SimClock;
  readonly #variant: Variant;
  readonly #listener: ChangeListener<Caller>;
  readonly #patches: Patches<Caller>;
  #version = 1_000;
  #uids = 0;
  #nodes = 0;

  constructor(clock: SimClock, variant: Variant, listener: ChangeListener<Caller>) {
    this.#clock = clock;
    this.#variant = variant;
    this.#listener = listener;
    this.#patches = new Patches(this, listener);
  }

  get now(): number {
    return this.#clock.now;
  }

  createPod(kind: SimPod['kind'], name: string): SimPod {
    const version = ++this.#version;
    const uid = `${shown(name)}#${++this.#uids}`;
    const { graceSeconds } = this.#variant;
    const family = kind === 'member' ? familyOf(this.#variant, name) : undefined;
    const profile = family && profileFor(this.#variant, name);
    const shard = family?.profile.maxConcurrent === undefined ? {} : { shard: shardOf(family, name) };
    const labels = labelsOf(kind, name, family && { app: family.app, ...shard });
    const fields = { name, kind, uid, ready: false, isLabelled: true, graceSeconds, version, profile, labels };
    const pod: SimPod = { ...fields, raw: rawPod(fields) };
    this.pods.set(name, pod);
    this.#sendPod(pod, 'put');
    return pod;
  }

  changePod(pod: SimPod, edit: (pod: SimPod) => void): void {
    const wasWatched = isWatched(pod);
    const before = { ...pod };
    edit(pod);
    if (pod.node !== undefined) pod.boundAt ??= this.#clock.now;
    pod.version = ++this.#version;
    pod.raw = rawPod(pod);
    if (isMarked({ ...before }) && !isMarked(pod)) this.#listener.unmarked(pod, isMarkedByHook(before));
    const { kind, name, node } = pod;
    if (kind === 'member' && node !== undefined && !this.firstNodes.has(name)) this.firstNodes.set(name, node);
    if (wasWatched && !isWatched(pod)) this.#hide(before, pod.version);
    else this.#sendPod(pod, 'put');
  }

  removePod(pod: SimPod): void {
    this.#listener.removed(pod);
    this.lastNodes.set(pod.name, pod.node);
    this.pods.delete(pod.name);
    pod.version = ++this.#version;
    pod.raw = rawPod(pod);
    this.#sendPod(pod, 'remove');
  }

  /**
   * Carries out a DELETE: a pod on a node goes when its kubelet reports so, and at once without a grace period. A
   * terminating pod can only get less grace. The API server counts it from the first DELETE, the kubelet from now on.
   * Returns false if nothing changes.
   */
  terminatePod(pod: SimPod, askedSeconds?: number): boolean {
    const isPlaced = pod.node !== undefined && pod.finishedAt === undefined;
    const had = pod.deletionGraceSeconds;
    const seconds = askedSeconds ?? had ?? (isPlaced ? pod.graceSeconds : 0);
    if (had !== undefined && seconds >= had) return false;
    if (seconds === 0 || !isPlaced) {
      this.removePod(pod);
      return true;
    }
    const { now } = this.#clock;
    const begunAt = had === undefined ? now : (pod.deletionDeadline ?? now) - had * 1000;
    const deletionDeadline = begunAt + seconds * 1000;
    const overAt = now + seconds * 1000;
    this.changePod(pod, () => Object.assign(pod, { deletionDeadline, deletionGraceSeconds: seconds, overAt }));
    return true;
  }

  putNode(name: string, edit: (node: SimNode) => void): void {
    const node = this.nodes.get(name) ?? this.#newNode(name);
    edit(node);
    if (!node.unschedulable) delete node.cordonedAt;
    else node.cordonedAt ??= this.#clock.now;
    node.version = ++this.#version;
    node.raw = rawNode(node);
    this.nodes.set(name, node);
    if (node.unschedulable || node.taints.length > 0) this.drained.add(node.uid);
    this.#push('nodes', 'put', node.raw);
    this.#listener.changed();
  }

  /** A node that comes again under its name has another UID. */
  #newNode(name: string): SimNode {
    return { name, uid: `${name}#${++this.#nodes}`, unschedulable: false, taints: [], version: 0, raw: {} };
  }

  removeNode(node: SimNode): void {
    this.nodes.delete(node.name);
    node.version = ++this.#version;
    this.#push('nodes', 'remove', rawNode(node));
    this.#listener.changed();
  }

  createTracker(fields: Pick<SimTracker, 'path' | 'name' | 'kind' | 'created'>): SimTracker {
    if (fields.kind === 'trackers') this.trackerSince = this.#clock.now;
    const tracker: SimTracker = { ...fields, uid: `tracker#${++this.#uids}`, annotations: {}, version: 0, raw: {} };
    this.trackers.set(tracker.path, tracker);
    this.changeTracker(tracker, {});
    return tracker;
  }

  changeTracker(tracker: SimTracker, annotations: Readonly<Record<string, string>>): void {
    tracker.annotations = annotations;
    tracker.version = ++this.#version;
    tracker.raw = rawTracker(tracker, this.#variant);
    this.#push(tracker.kind, 'put', tracker.raw);
  }

  /** Removes a tracker with its entries. */
  removeTracker(tracker: SimTracker): void {
    if (tracker.kind === 'trackers') this.trackerSince = undefined;
    this.trackers.delete(tracker.path);
    tracker.version = ++this.#version;
    this.#push(tracker.kind, 'remove', rawTracker(tracker, this.#variant));
  }

  /** All objects of one kind, as a list returns them. */
  list(kind: History): JsonObject[] {
    if (kind === 'nodes') return [...this.nodes.values()].map(({ raw }) => raw);
    if (kind === 'namespaces') return [this.#namespace()];
    if (kind !== 'pods') return [...this.trackers.values()].filter((one) => one.kind === kind).map(({ raw }) => raw);
    return [...this.pods.values()].filter(isWatched).map(({ raw }) => raw);
  }

  /**
   * Does what the eviction API does after an allow: reads the pod again by name, and deletes what it finds. Returns the
   * status for the drainer, and the deleted pod.
   */
  evict(name: string, { uid, dryRun }: { uid: string | undefined; dryRun: boolean }): { code: number; pod?: SimPod } {
    const pod = this.pods.get(name);
    if (pod === undefined) return { code: 404 };
    if (uid !== undefined && uid !== pod.uid) return { code: 409 };
    return dryRun ? { code: 201 } : { code: 201, pod };
  }

  /** Carries out one call of the hook. Throws ApiError if it is refused. */
  call(request: ApiRequest, caller: Caller): JsonObject {
    const { method, path } = request;
    this.#listener.called(path);
    if (method === 'POST') return this.#create(path, request.body as JsonObject, caller);
    const discovered = DISCOVERY[path];
    if (discovered !== undefined) return discovered;
    const registration = path.startsWith(`${REGISTRATIONS}/`) ? path.slice(REGISTRATIONS.length + 1) : '';
    if (this.registrations.has(registration))
      return { metadata: { name: registration, labels: { 'app.kubernetes.io/name': 'reschedule-hook' } } };
    if (path === PODS) return { items: this.#select(`${request.query?.labelSelector}`) };
    if (path === NAMESPACE_PATH && method === 'GET') return this.#namespace();
    const found = this.#find(path);
    if (method === 'DELETE') return this.#delete(found, request.body as Deletion, caller);
    if (method === 'GET') {
      this.#listener.read(found, caller);
      return found.raw;
    }
    this.#patches.apply(found, request, caller);
    return found.raw;
  }

  /** An Event, or a ConfigMap of the hook with its first entry. */
  #create(path: string, object: JsonObject, caller: Caller): JsonObject {
    if (!path.endsWith('/configmaps')) {
      this.#listener.wrote({ kind: 'event', object }, caller);
      return object;
    }
    const { name } = object.metadata as { name: string };
    const at = `${path}/${name}`;
    if (this.trackers.has(at)) throw refusal(409, { reason: 'AlreadyExists' });
    const tracker = this.createTracker({ kind: 'others', path: at, name, created: object });
    this.#patches.writeData(tracker, object.data as Readonly<Record<string, string>>, caller);
    return tracker.raw;
  }

  /** A ConfigMap of the hook, with the entries that are left. */
  #delete(found: SimPod | SimNode | SimTracker, { preconditions }: Deletion, caller: Caller): JsonObject {
    const isIt = preconditions.uid === found.uid && preconditions.resourceVersion === `${found.version}`;
    if (!isIt || !('created' in found)) throw refusal(409, { reason: 'Conflict' });
    for (const [key, value] of Object.entries(found.annotations))
      this.#listener.wrote({ kind: 'prune', tracker: found, key, value }, caller);
    this.removeTracker(found);
    return found.raw;
  }

  /** That of the pods. It carries entries if it is a tracker. */
  #namespace(): JsonObject {
    const metadata = { name: NAMESPACE, uid: `${NAMESPACE}#0`, resourceVersion: '1' };
    return this.trackers.get(NAMESPACE_PATH)?.raw ?? { metadata };
  }

  #find(path: string): SimPod | SimNode | SimTracker {
    const [kind = '', name = ''] = path.split('/').slice(-2);
    const tracker = this.trackers.get(path);
    const found = tracker ?? (kind === 'nodes' ? this.nodes.get(name) : undefined) ?? this.#findPod(path, name);
    if (found === undefined) throw refusal(404, { reason: 'NotFound', details: { kind, name } });
    return found;
  }

  #findPod(path: string, name: string): SimPod | undefined {
    return path === `${PODS}/${name}` ? this.pods.get(name) : undefined;
  }

  /** The pods that a label selector matches. */
  #select(selector: string): JsonObject[] {
    const terms = selector.split(/,(?![^(]*\))/);
    const labelled = [...this.pods.values()].filter(({ isLabelled }) => isLabelled);
    return labelled.filter(({ labels }) => terms.every((term) => meets(term, labels))).map(({ raw }) => raw);
  }

  /** Sends a DELETED event to watches by label: the pod's last state, with the new version. */
  #hide(before: SimPod, version: number): void {
    this.hidden.add(before.uid);
    this.#push('pods', 'remove', rawPod({ ...before, version }));
    this.#listener.changed();
  }

  #sendPod(pod: SimPod, type: WatchLine['type']): void {
    if (isWatched(pod)) this.#push('pods', type, pod.raw);
    this.#listener.changed();
  }

  #push(kind: History, type: WatchLine['type'], raw: JsonObject): void {
    this.watch[kind].push({ at: this.#clock.now, type, raw });
  }
}

const NAMESPACE_PATH = `/api/v1/namespaces/${NAMESPACE}`;
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;

/** Whether the labels meet a term such as `a in (b,c)`, `!a` or `a`. */
function meets(term: string, labels: Readonly<Record<string, string>>): boolean {
  const [, key = '', values = ''] = /^(\S+) in \((.*)\)$/.exec(term) ?? [];
  if (key !== '') return labels[key] !== undefined && values.split(',').includes(labels[key]);
  return term.startsWith('!') ? labels[term.slice(1)] === undefined : labels[term] !== undefined;
}

/** The discovery of the kinds that it serves. */
const DISCOVERY: Readonly<Record<string, JsonObject>> = {
  '/apis': { groups: [{ name: 'couchbase.com', versions: [{ version: 'v2' }] }] },
  '/apis/couchbase.com/v2': { resources: [{ name: 'couchbaseclusters' }] },
  '/api/v1': { resources: [{ name: 'namespaces' }, { name: 'configmaps' }] },
};

/** The hook watches by label, so it never receives other pods. */
export const isWatched = ({ kind, isLabelled }: SimPod) => kind !== 'other' && isLabelled;
