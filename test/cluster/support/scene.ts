import assert from 'node:assert/strict';
import { COUCHBASE } from '../../../rehearsal/operator/models/couchbase.ts';
import {
  type OperatorEvent,
  type OperatorOptions,
  StandInOperator,
} from '../../../rehearsal/operator/stand-in-operator.ts';
import { nodePath } from '../../../src/kube/paths.ts';
import type { KubectlResult } from '../../../testkit/control-plane/kubectl.ts';
import { workerNode } from '../../../testkit/control-plane/nodes.ts';
import {
  type ClusterOptions,
  createCluster,
  createNamespace,
  createPdb,
  entriesOn,
  entriesOnCluster,
  waitForMembers,
} from '../../../testkit/couchbase/workload.ts';
import { listPods, type PodView } from '../../../testkit/pods.ts';
import { NotYet, type UntilOptions, until } from '../../../testkit/until.ts';
import { SYSTEM_NAMESPACE } from './manifests.ts';
import { HOOK_LABEL, type Rig } from './rig.ts';

export interface SceneOptions {
  readonly rig: Rig;
  /** Which hook is asked; see Rig.hook. */
  readonly hook: string;
  /** Also the prefix of its nodes. */
  readonly namespace: string;
  readonly nodes?: number;
  /** Members, all of them on the first node. */
  readonly size?: number;
  readonly cluster?: Partial<ClusterOptions>;
  readonly operator?: Partial<OperatorOptions>;
  /** A disruption budget like the operator's. Default true. */
  readonly pdb?: boolean;
}

export interface ConfigMapView {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
  };
  readonly data?: Readonly<Record<string, string>>;
}

const CLUSTER = 'cb';
export const DRAIN_ARGS = ['--ignore-daemonsets', '--delete-emptydir-data', '--force', '--timeout=300s'];

/** A namespace with nodes, an operator and a cluster of its own, so that many drains can run beside each other. */
export class Scene {
  readonly rig: Rig;
  readonly namespace: string;
  readonly cluster: string;
  readonly nodes: readonly string[];
  readonly operator: StandInOperator;
  readonly events: OperatorEvent[];
  /** Every selected instance that ever was: UID to name. */
  readonly #instances = new Map<string, string>();

  constructor(rig: Rig, options: SceneOptions, nodes: readonly string[]) {
    const { namespace } = options;
    this.rig = rig;
    this.namespace = namespace;
    this.cluster = options.cluster?.name ?? CLUSTER;
    this.nodes = nodes;
    this.events = [];
    this.operator = new StandInOperator({
      client: rig.client,
      namespaces: [namespace],
      periodMs: 150,
      ...options.operator,
      manifest: (pod, cluster) => {
        const inPool = { ...pod, spec: { ...pod.spec, nodeSelector: { pool: namespace } } };
        return options.operator?.manifest?.(inPool, cluster) ?? inPool;
      },
      onEvent: (event) => {
        this.events.push(event);
        if (event.kind === 'created') this.#instances.set(event.uid, event.pod);
        options.operator?.onEvent?.(event);
      },
    });
  }

  /** The n-th node, from 1. */
  node(n: number): string {
    return this.nodes[n - 1] ?? '';
  }

  pods(): Promise<PodView[]> {
    return listPods(this.rig.client, this.namespace);
  }

  async pod(name: string): Promise<PodView | undefined> {
    return (await this.pods()).find((pod) => pod.name === name);
  }

  async podsOn(node: string): Promise<string[]> {
    return (await this.pods()).filter((pod) => pod.node === node).map(({ name }) => name);
  }

  /** Names of the members that the operator moved, one for each move, sorted. */
  get moves(): string[] {
    return this.events.flatMap((event) => (event.kind === 'deleted' ? event.pod : [])).sort();
  }

  /** The same where the API server broke off: the answer to a DELETE may be lost, and the operator then tells of no move. */
  get movesAskedFor(): string[] {
    const moved = new Map(this.events.flatMap((one) => (one.kind === 'deleted' ? [[one.uid, one.pod] as const] : [])));
    for (const [uid, name] of this.#instances) if (this.operator.deletedUids.has(uid)) moved.set(uid, name);
    return [...moved.values()].sort();
  }

  entries(): Promise<Record<string, string>> {
    return entriesOnCluster(this.rig.client, this.namespace, this.cluster);
  }

  async namespaceEntries(): Promise<Record<string, string>> {
    return entriesOn(await this.rig.client.json({ method: 'GET', path: `/api/v1/namespaces/${this.namespace}` }));
  }

  /** Of the ConfigMap of its namespace, in the hook's own: undefined if there is none. */
  async configMap(): Promise<ConfigMapView | undefined> {
    const { items } = await this.rig.client.json({
      method: 'GET',
      path: `/api/v1/namespaces/${SYSTEM_NAMESPACE}/configmaps`,
    });
    const name = `reschedule-hook.${this.namespace}`;
    return (items as readonly ConfigMapView[]).find(({ metadata }) => metadata.name === name);
  }

  drain(node: string, args: readonly string[] = DRAIN_ARGS): Promise<KubectlResult> {
    return this.rig.controlPlane.kubectl(['drain', node, ...args]);
  }

  /** An uncordoned node counts as draining until the controller-manager has taken its taint away, which this waits for. */
  async cordon(node: string, unschedulable = true): Promise<void> {
    const path = nodePath(node);
    const contentType = 'application/merge-patch+json';
    await this.rig.client.json({ method: 'PATCH', path, contentType, body: { spec: { unschedulable } } });
    if (unschedulable) return;
    await this.until(`the taint of ${node} to go`, async () => {
      const { spec } = (await this.rig.client.json({ method: 'GET', path })) as {
        spec: { taints?: { key: string }[] };
      };
      return !spec.taints?.some(({ key }) => key === UNSCHEDULABLE);
    });
  }

  /** Waits until `probe` gives something else than undefined or false. */
  until<T>(
    what: string,
    probe: () => Promise<T | undefined | false> | T | undefined | false,
    options: UntilOptions = {},
  ): Promise<T> {
    return until(
      what,
      async () => {
        const value = await probe();
        if (value === undefined || value === false) throw new NotYet('not yet');
        return value as T;
      },
      options,
    );
  }

  untilMarked(name: string): Promise<PodView> {
    return this.until(`${name} to be marked`, async () => {
      const pod = await this.pod(name);
      return pod !== undefined && Object.values(pod.annotations).includes('true') && pod;
    });
  }

  /** Every selected instance is either still there or was deleted by its operator: nobody was evicted. */
  async assertNobodyEvicted(): Promise<void> {
    const alive = new Set((await this.pods()).map(({ uid }) => uid));
    assert.ok(this.#instances.size > 0, 'the scene has had members');
    for (const [uid, name] of this.#instances) {
      assert.ok(alive.has(uid) || this.operator.deletedUids.has(uid), `${name} (${uid}) was evicted`);
    }
  }

  async stop(): Promise<void> {
    await this.operator.stop();
  }

  /** `await using`: with the test the scene ends, whose operator would go on looking. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';

/** Sets the scene: nodes, namespace, cluster, members Running and Ready on the first node, the other nodes free. */
export async function aScene(options: SceneOptions): Promise<Scene> {
  const { rig, namespace, nodes: count = 3, size = 2 } = options;
  const { client } = rig;
  const nodes = Array.from({ length: count }, (_, i) => `${namespace}-${i + 1}`);
  await createNamespace(client, namespace, { [HOOK_LABEL]: options.hook });
  await Promise.all(nodes.map((name, i) => addNode(rig, name, namespace, i > 0)));
  const scene = new Scene(rig, options, nodes);
  rig.atStop(() => scene.stop());
  const { kind, indexOf } = options.operator?.model ?? COUCHBASE;
  const process = 'InPlaceUpgrade';
  await createCluster(client, { namespace, name: scene.cluster, size, process, kind, ...options.cluster });
  scene.operator.start();
  await waitForMembers(client, { namespace, cluster: scene.cluster, size, kind, indexOf });
  if (options.pdb !== false) await createPdb(client, { namespace, cluster: scene.cluster, size });
  await Promise.all(nodes.slice(1).map((name) => scene.cordon(name, false)));
  return scene;
}

/** KWOK takes every node that looks like its own; the pool keeps other scenes' pods away. */
export async function addNode({ client }: Rig, name: string, pool: string, unschedulable: boolean): Promise<void> {
  const node = workerNode(name);
  const body = {
    ...node,
    metadata: { ...node.metadata, labels: { ...node.metadata.labels, pool } },
    spec: { unschedulable },
  };
  await client.json({ method: 'POST', path: '/api/v1/nodes', body });
  await until(`node ${name} to be Ready`, async () => {
    const { status, spec } = (await client.json({ method: 'GET', path: nodePath(name) })) as {
      status?: { conditions?: { type: string; status: string }[] };
      spec?: { taints?: { key: string }[] };
    };
    const isReady = status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
    const taints = spec?.taints?.filter(({ key }) => key !== UNSCHEDULABLE) ?? [];
    if (!isReady || taints.length > 0) throw new NotYet(`taints: ${taints.map(({ key }) => key).join(', ')}`);
  });
}
