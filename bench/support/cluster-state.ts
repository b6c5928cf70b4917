import {
  clusterJson,
  clusterName,
  entryOf,
  namespaceOf,
  nodeJson,
  nodeName,
  type PodState,
  podIndexOf,
  podJson,
  podMetadataJson,
  unprotectedIndexOf,
} from './objects.ts';

/** How many objects a stand-in API server has, and how they lie. */
export interface Size {
  readonly pods: number;
  readonly nodes: number;
  readonly clusters: number;
  /** How many of the pods, from the first on, have an entry about an earlier instance. */
  readonly entries: number;
  /** All pods are on the first node, and that is cordoned. */
  readonly onCordonedNode: boolean;
  /** Of how many profiles the pods are, one after the other. Absent: of the one for Couchbase. */
  readonly profiles?: number;
  /** What a tenant has written into its own objects. */
  readonly written?: Written;
}

export interface Written {
  /** Entries about nobody on each cluster. */
  readonly madeUpEntries?: number;
  /** Bytes in an annotation of each pod that nobody reads. */
  readonly padding?: number;
  /** Bytes in the value of each pod's mark. */
  readonly mark?: number;
}

/** By which number its profile selects a pod, and what the label `app` of such a pod says. */
export const appOf = (profile: number) => `p${profile}`;
const OF_PROFILE = /\(p(\d+)\)/;

export type Kind = 'pods' | 'nodes' | 'couchbaseclusters';

const MARK = 'cao.couchbase.com/reschedule';

function madeUp(count: number, namespace: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`reschedule.hook/${namespace}.x${n}`, '']));
}

function annotationsOf({ padding, mark }: Written = {}): Record<string, string> | undefined {
  if (padding === undefined && mark === undefined) return undefined;
  return { ...(padding && { padding: 'x'.repeat(padding) }), ...(mark && { [MARK]: 'x'.repeat(mark) }) };
}

/** The objects of a stand-in API server: numbers only, so that 100,000 pods are no burden; the JSON is made when asked for. */
export class ClusterState {
  readonly size: Size;
  readonly #podVersions: Uint32Array;
  readonly #clusterVersions: number[];
  readonly #entries: Record<string, string>[];
  readonly #annotations: Readonly<Record<string, string>> | undefined;
  #isCordoned: boolean;
  #resourceVersion = 1_000_000;

  constructor(size: Size) {
    this.size = size;
    this.#isCordoned = size.onCordonedNode;
    this.#podVersions = new Uint32Array(size.pods).fill(1000);
    this.#clusterVersions = Array.from({ length: size.clusters }, () => 1000);
    this.#entries = Array.from({ length: size.clusters }, (_, index) =>
      madeUp(size.written?.madeUpEntries ?? 0, this.#namespaceOf(index)),
    );
    this.#annotations = annotationsOf(size.written);
    for (let pod = 0; pod < size.entries; pod++) {
      const [key, value] = entryOf(pod);
      const entries = this.#entries[this.#clusterOf(pod)];
      if (entries !== undefined) entries[key] = value;
    }
  }

  get resourceVersion(): number {
    return this.#resourceVersion;
  }

  /** The kind that a collection's path names. */
  static kindOf(path: string): Kind | undefined {
    if (path === '/api/v1/pods') return 'pods';
    if (path === '/api/v1/nodes') return 'nodes';
    return path === '/apis/couchbase.com/v2/couchbaseclusters' ? 'couchbaseclusters' : undefined;
  }

  count(kind: Kind): number {
    if (kind === 'pods') return this.size.pods;
    return kind === 'nodes' ? this.size.nodes : this.size.clusters;
  }

  /** The objects that a list selects, in steps: of pods those of one profile, otherwise all. */
  selected(
    kind: Kind,
    selector: string | null,
  ): { readonly first: number; readonly step: number; readonly count: number } {
    const all = this.count(kind);
    const step = kind === 'pods' ? (this.size.profiles ?? 1) : 1;
    const first = Number(OF_PROFILE.exec(selector ?? '')?.[1] ?? 0);
    return { first, step, count: Math.ceil((all - first) / step) };
  }

  /** The number of the profile that selects a pod. */
  profileOf(index: number): number {
    return index % (this.size.profiles ?? 1);
  }

  json(kind: Kind, index: number): string {
    if (kind === 'nodes') return nodeJson(index, this.#resourceVersion, this.#isCordoned && index === 0);
    return kind === 'pods' ? this.#pod(index) : this.#cluster(index);
  }

  /** Changes one pod. Its readiness goes with the version: every tenth change is one that the policy looks at. */
  touchPod(index: number): string {
    this.#podVersions[index] = ++this.#resourceVersion;
    return this.#pod(index);
  }

  /** One pod by its name, listed or unprotected; undefined if there is none. */
  pod(namespace: string, name: string): string | undefined {
    const found = this.#find(namespace, name);
    return found && podJson(found);
  }

  /** Its metadata, as a PartialObjectMetadata. */
  podMetadata(namespace: string, name: string): string | undefined {
    const found = this.#find(namespace, name);
    return found && podMetadataJson(found);
  }

  podVersion(index: number): number {
    return this.#podVersions[index] ?? 0;
  }

  cordon(): string {
    this.#isCordoned = true;
    this.#resourceVersion++;
    return this.json('nodes', 0);
  }

  /** A marked pod on the first node that comes or goes, under a name of its own. */
  passing(index: number): string {
    const metadata = {
      name: `passing-${index}`,
      namespace: namespaceOf(0),
      uid: `passing-${index}`,
      resourceVersion: String(++this.#resourceVersion),
      labels: { app: 'couchbase', couchbase_cluster: clusterName(0) },
      annotations: { [MARK]: 'true' },
    };
    return JSON.stringify({ metadata, spec: { nodeName: nodeName(0) } });
  }

  uncordon(): string {
    this.#isCordoned = false;
    this.#resourceVersion++;
    return this.json('nodes', 0);
  }

  /** A JSON patch that tests and removes one annotation; undefined where the test fails. */
  removeEntry(namespace: string, name: string, key: string, value: unknown): string | undefined {
    const index = Number(name.slice(clusterName(0).length - 1));
    const entries = this.#entries[index];
    if (entries === undefined || this.#namespaceOf(index) !== namespace || entries[key] !== value) return undefined;
    delete entries[key];
    this.#clusterVersions[index] = ++this.#resourceVersion;
    return this.#cluster(index);
  }

  #pod(index: number): string {
    const json = podJson(this.#podState(index));
    if (this.#annotations === undefined) return json;
    const pod = JSON.parse(json) as { metadata: { annotations?: object } };
    const annotations = { ...pod.metadata.annotations, ...this.#annotations };
    return JSON.stringify({ ...pod, metadata: { ...pod.metadata, annotations } });
  }

  #podState(index: number): PodState {
    const resourceVersion = this.#podVersions[index] ?? 0;
    return {
      index,
      resourceVersion,
      node: nodeName(this.size.onCordonedNode ? 0 : index % this.size.nodes),
      cluster: this.#clusterOf(index),
      ready: resourceVersion % 10 !== 0,
      ...(this.size.profiles === undefined ? {} : { app: appOf(this.profileOf(index)) }),
    };
  }

  /** Unprotected pods are in no list: the hook lists only pods that a profile selects. */
  #find(namespace: string, name: string): PodState | undefined {
    const unprotected = unprotectedIndexOf(namespace, name);
    if (unprotected !== undefined) return { ...this.#podState(unprotected), unprotected: true };
    const index = podIndexOf(namespace, name);
    return index !== undefined && index < this.size.pods ? this.#podState(index) : undefined;
  }

  #cluster(index: number): string {
    return clusterJson({
      index,
      namespace: this.#namespaceOf(index),
      resourceVersion: this.#clusterVersions[index] ?? 0,
      entries: this.#entries[index] ?? {},
    });
  }

  #podsPerCluster(): number {
    return Math.max(1, Math.floor(this.size.pods / this.size.clusters));
  }

  #clusterOf(pod: number): number {
    return Math.min(Math.floor(pod / this.#podsPerCluster()), this.size.clusters - 1);
  }

  #namespaceOf(cluster: number): string {
    return namespaceOf(cluster * this.#podsPerCluster());
  }
}
