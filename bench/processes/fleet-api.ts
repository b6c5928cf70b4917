/** The embedded API with a fleet in it: thousands of nodes, and clusters of eight operators. */
import { type EmbeddedCluster, startEmbedded } from '../../rehearsal/embedded-api/cluster.ts';
import { keepNamespaces, taintNodes } from '../../rehearsal/embedded-api/controllers/housekeeping.ts';
import { playKubelets } from '../../rehearsal/embedded-api/controllers/kubelet.ts';
import { schedule } from '../../rehearsal/embedded-api/controllers/scheduler.ts';
import { apiVersionOf, DEFINITION, NAMESPACE, POD } from '../../rehearsal/embedded-api/storage/kinds.ts';
import type { ApiObject, Json } from '../../rehearsal/embedded-api/storage/object.ts';
import { timestamp } from '../../rehearsal/embedded-api/storage/object.ts';
import type { World } from '../../rehearsal/embedded-api/storage/world.ts';
import { prepareCreate } from '../../rehearsal/embedded-api/writes/prepare.ts';
import { createAs } from '../../rehearsal/embedded-api/writes/writes.ts';
import type { OperatorModel } from '../../rehearsal/operator/model.ts';
import { clusterDefinition } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import { clusterOwner, memberManifest } from '../../testkit/couchbase/member.ts';
import { answerCalls } from '../support/answer-calls.ts';
import {
  CLUSTER,
  CLUSTER_PODS,
  FLEET_MODELS,
  type FleetCluster,
  type FleetSize,
  fleetNode,
  fleetOf,
} from '../support/fleet.ts';

export interface FleetApi {
  readonly kubeconfigPath: string;
  readonly hookKubeconfigPath: string;
}

export type FleetApiHandlers = {
  start(size: FleetSize): Promise<FleetApi>;
  cpuSeconds(): number;
};

const MANAGER = 'bench';
/** A look at so many nodes and pods takes tens of milliseconds, in which nobody is answered. Kubelets take longer in life. */
const LOOK_AFTER_MS = 400;
/** Nothing here is owned by what goes, and there are no Deployments and no budgets. */
const COMPONENTS = [keepNamespaces, taintNodes, schedule, playKubelets];

let cluster: EmbeddedCluster | undefined;

async function start(size: FleetSize): Promise<FleetApi> {
  const furnish = (world: World) => {
    // Two models may be of one kind.
    for (const kind of new Set(FLEET_MODELS.map((model) => model.kind.plural))) define(world, kind);
    for (const one of fleetOf(size)) furnishCluster(world, one);
    world.store.compact();
  };
  cluster = await startEmbedded({ nodes: size.nodes, components: COMPONENTS, lookAfterMs: LOOK_AFTER_MS, furnish });
  return { kubeconfigPath: cluster.kubeconfigPath, hookKubeconfigPath: cluster.hookUser.kubeconfigPath };
}

function define(world: World, plural: string): void {
  const model = FLEET_MODELS.find(({ kind }) => kind.plural === plural);
  createAs(world, DEFINITION, MANAGER, clusterDefinition(model?.kind));
}

function furnishCluster(world: World, { model: index, namespace, nodes }: FleetCluster): void {
  const model = FLEET_MODELS[index] as OperatorModel;
  const kind = world.kinds.named(`${model.kind.group}/${model.kind.version}`, model.kind.kind);
  if (kind === undefined) throw new Error(`${model.kind.kind} is not served`);
  createAs(world, NAMESPACE, MANAGER, { metadata: { name: namespace } });
  const spec = { size: CLUSTER_PODS, upgradeProcess: 'InPlaceUpgrade', ...model.spec };
  const raw = createAs(world, kind, MANAGER, { metadata: { name: CLUSTER, namespace }, spec });
  const view = model.view(raw as Json);
  const options = {
    labels: model.labels,
    owner: clusterOwner(view, model.kind),
    readinessGate: false,
    finalizers: model.finalizers,
    annotations: model.annotations,
    examples: [model.nameOf(view, 0), model.nameOf(view, 1)] as const,
  };
  nodes.forEach((node, member) => {
    const manifest = memberManifest(view, model.nameOf(view, member), options);
    world.store.create(POD, running(world, manifest as unknown as Json, namespace, fleetNode(node)));
  });
}

/** As the scheduler and its kubelet would have left it. */
function running(world: World, manifest: Json, namespace: string, nodeName: string): ApiObject {
  const at = timestamp(world.now());
  const prepared = prepareCreate({ kind: POD, namespace }, { ...manifest, apiVersion: apiVersionOf(POD) }, world.now());
  const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
    type,
    status: 'True',
    lastTransitionTime: at,
  }));
  const status = { ...(prepared.status as Json), phase: 'Running', startTime: at, conditions };
  return { ...prepared, spec: { ...(prepared.spec as Json), nodeName }, status };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

answerCalls({ start, cpuSeconds } satisfies FleetApiHandlers);
