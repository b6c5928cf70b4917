import type { ApiRequest, JsonObject } from '../../../src/kube/client.ts';
import { refusal } from '../../support/api.ts';
import type { Variant } from '../runs/variant.ts';
import type { SimClock } from './clock.ts';
import {
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
import type { Witness } from './witness.ts';

export type WatchKind = 'pods' | 'nodes' | 'trackers';
export const WATCH_KINDS: readonly WatchKind[] = ['pods', 'nodes', 'trackers'];

export interface WatchLine {
  readonly at: number;
  readonly type: 'put' | 'remove';
  readonly raw: JsonObject;
}

/** The state of the cluster, linear: every call is carried out at one moment, and every change is one line of a watch. */
export class ApiServer<Caller> {
  readonly pods = new Map<string, SimPod>();
  readonly nodes = new Map<string, SimNode>();
  /** By path. */
  readonly trackers = new Map<string, SimTracker>();
  /** Since when there is the tracking resource that there is; absent: there is none. */
  trackerSince: number | undefined;
  /** Where the last pod of a name was that is gone. */
  readonly lastNodes = new Map<string, string | undefined>();
  /** UIDs of the pods that have ever lost the label by which the hook watches. */
  readonly hidden = new Set<string>();
  readonly watch: Readonly<Record<WatchKind, WatchLine[]>> = { pods: [], nodes: [], trackers: [] };
  readonly #clock: SimClock;
  readonly #variant: Variant;
  readonly #witness: Witness<Caller>;
  readonly #patches: Patches<Caller>;
  #version = 1_000;
  #uids = 0;

  constructor(clock: SimClock, variant: Variant, witness: Witness<Caller>) {
    this.#clock = clock;
    this.#variant = variant;
    this.#witness = witness;
    this.#patches = new Patches(this, witness);
  }

  get now(): number {
    return this.#clock.now;
  }

  createPod(kind: SimPod['kind'], name: string): SimPod {
    const version = ++this.#version;
    const uid = `${shown(name)}#${++this.#uids}`;
    const { graceSeconds } = this.#variant;
    const fields = { name, kind, uid, ready: false, isLabelled: true, graceSeconds, version };
    const pod: SimPod = { ...fields, raw: rawPod(fields) };
    this.pods.set(name, pod);
    this.#tellPod(pod, 'put');
    return pod;
  }

  changePod(pod: SimPod, edit: (pod: SimPod) => void): void {
    const wasWatched = isWatched(pod);
    const before = { ...pod };
    edit(pod);
    pod.version = ++this.#version;
    pod.raw = rawPod(pod);
    if (wasWatched && !isWatched(pod)) this.#hide(before, pod.version);
    else this.#tellPod(pod, 'put');
  }

  removePod(pod: SimPod): void {
    this.#witness.removed(pod);
    this.lastNodes.set(pod.name, pod.node);
    this.pods.delete(pod.name);
    pod.version = ++this.#version;
    pod.raw = rawPod(pod);
    this.#tellPod(pod, 'remove');
  }

  /**
   * DELETE: a pod on a node goes once its kubelet says so, and at once where it has no grace. One that is terminating can only
   * be given less; that counts from the first DELETE for the API server, and from now on for the kubelet. False: nothing changes.
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
    const node = this.nodes.get(name) ?? { name, unschedulable: false, taints: [], version: 0, raw: {} };
    edit(node);
    node.version = ++this.#version;
    node.raw = rawNode(node);
    this.nodes.set(name, node);
    this.#push('nodes', 'put', node.raw);
    this.#witness.changed();
  }

  removeNode(node: SimNode): void {
    this.nodes.delete(node.name);
    node.version = ++this.#version;
    this.#push('nodes', 'remove', rawNode(node));
    this.#witness.changed();
  }

  createTracker(fields: Pick<SimTracker, 'path' | 'name'>): void {
    this.trackerSince = this.#clock.now;
    const tracker: SimTracker = { ...fields, uid: `tracker#${++this.#uids}`, annotations: {}, version: 0, raw: {} };
    this.trackers.set(tracker.path, tracker);
    this.changeTracker(tracker, {});
  }

  changeTracker(tracker: SimTracker, annotations: Readonly<Record<string, string>>): void {
    tracker.annotations = annotations;
    tracker.version = ++this.#version;
    tracker.raw = rawTracker(tracker, this.#variant);
    this.#push('trackers', 'put', tracker.raw);
  }

  /** Its entries go with it. */
  removeTracker(tracker: SimTracker): void {
    this.trackerSince = undefined;
    this.trackers.delete(tracker.path);
    tracker.version = ++this.#version;
    this.#push('trackers', 'remove', rawTracker(tracker, this.#variant));
  }

  /** Everything of one kind, as a list gives it. */
  list(kind: WatchKind): JsonObject[] {
    if (kind === 'nodes') return [...this.nodes.values()].map(({ raw }) => raw);
    if (kind === 'trackers') return [...this.trackers.values()].map(({ raw }) => raw);
    return [...this.pods.values()].filter(isWatched).map(({ raw }) => raw);
  }

  /**
   * What the eviction API does after an allow: it reads the pod again, by name, and deletes what is there then. Gives the
   * status that the drainer is told, and the pod that was deleted.
   */
  evict(name: string, { uid, dryRun }: { uid: string | undefined; dryRun: boolean }): { code: number; pod?: SimPod } {
    const pod = this.pods.get(name);
    if (pod === undefined) return { code: 404 };
    if (uid !== undefined && uid !== pod.uid) return { code: 409 };
    return dryRun ? { code: 201 } : { code: 201, pod };
  }

  /** Carries out one call of the hook. Throws ApiError where it is refused. */
  call(request: ApiRequest, caller: Caller): JsonObject {
    const { method, path } = request;
    if (method === 'POST') {
      this.#witness.wrote({ kind: 'event' }, caller);
      return request.body as JsonObject;
    }
    const discovered = DISCOVERY[path];
    if (discovered !== undefined) return discovered;
    const found = this.#find(path);
    if (method === 'GET') return found.raw;
    this.#patches.apply(found, request, caller);
    return found.raw;
  }

  #find(path: string): SimPod | SimNode | SimTracker {
    const [kind = '', name = ''] = path.split('/').slice(-2);
    const tracker = this.trackers.get(path);
    const found = tracker ?? (kind === 'nodes' ? this.nodes.get(name) : undefined) ?? this.#findPod(path, name);
    if (found === undefined) throw refusal(404, { reason: 'NotFound', details: { kind, name } });
    return found;
  }

  #findPod(path: string, name: string): SimPod | undefined {
    return path === `/api/v1/namespaces/${NAMESPACE}/pods/${name}` ? this.pods.get(name) : undefined;
  }

  /** A watch by label is told that the pod is deleted, as it last was, under the new version. */
  #hide(before: SimPod, version: number): void {
    this.hidden.add(before.uid);
    this.#push('pods', 'remove', rawPod({ ...before, version }));
    this.#witness.changed();
  }

  #tellPod(pod: SimPod, type: WatchLine['type']): void {
    if (isWatched(pod)) this.#push('pods', type, pod.raw);
    this.#witness.changed();
  }

  #push(kind: WatchKind, type: WatchLine['type'], raw: JsonObject): void {
    this.watch[kind].push({ at: this.#clock.now, type, raw });
  }
}

/** What it says of the kinds that it serves. */
const DISCOVERY: Readonly<Record<string, JsonObject>> = {
  '/apis': { groups: [{ name: 'couchbase.com', versions: [{ version: 'v2' }] }] },
  '/apis/couchbase.com/v2': { resources: [{ name: 'couchbaseclusters' }] },
  '/api/v1': { resources: [{ name: 'namespaces' }] },
};

/** The hook watches by label: it is never told of other pods. */
export const isWatched = ({ kind, isLabelled }: SimPod) => kind !== 'other' && isLabelled;
