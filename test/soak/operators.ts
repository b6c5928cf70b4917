import { PodWatch } from '../../rehearsal/evidence/pod-watch.ts';
import type { OperatorModel } from '../../rehearsal/operator/model.ts';
import { ARANGODB_REPLACE } from '../../rehearsal/operator/models/arangodb.ts';
import { COUCHBASE } from '../../rehearsal/operator/models/couchbase.ts';
import { TIDB_TIKV } from '../../rehearsal/operator/models/tidb.ts';
import { installDefinitions } from '../../rehearsal/venues/new-cluster.ts';
import { waitForMembers } from '../../testkit/couchbase/workload.ts';
import { until } from '../../testkit/until.ts';
import { drainPatiently, type PatientDrain } from '../cluster/support/drainer.ts';
import type { Rig } from '../cluster/support/rig.ts';
import { aScene, type Scene } from '../cluster/support/scene.ts';
import { KubeletReminder } from './kubelets.ts';

/** Names that come back, names that are new each time, and a group of which one pod is marked at a time. */
export const MODELS: readonly OperatorModel[] = [COUCHBASE, ARANGODB_REPLACE, TIDB_TIKV];

const SIZE = 4;
/** A drain is to last long enough for a fault to come in the middle of it. */
const PACE = { periodMs: 150, recreateDelayMs: 500, rebalanceMs: 500 };
/** Where the machine has much else to do, an API server takes minutes to come back. */
export const SETTLE_MS = 480_000;

/** What one operator's drain showed. */
export interface Drained extends PatientDrain {
  readonly drainedMs: number;
  readonly pods: number;
  readonly mostMoves: number;
}

/** One operator with a cluster and nodes of its own. */
export interface Stage {
  readonly scene: Scene;
  /** How often its kubelets had to be reminded of a pod. */
  readonly reminders: number;
  /** Drains the node with the most members, looks whether all was right, and uncordons the node. */
  drain(signal?: AbortSignal): Promise<Drained>;
}

export async function aStage(rig: Rig, model: OperatorModel, hook: string): Promise<Stage> {
  await installDefinitions(rig.client, model, new AbortController().signal);
  const namespace = `soak-${model.profile}`;
  const operator = { ...PACE, model };
  const scene = await aScene({ rig, hook, namespace, size: SIZE, pdb: false, operator });
  const watch = new PodWatch({ client: rig.client, namespace });
  rig.atStop(() => watch.stop());
  await watch.start();
  const kubelets = new KubeletReminder(rig.client, namespace);
  rig.atStop(() => kubelets.stop());
  return {
    scene,
    get reminders() {
      return kubelets.count;
    },
    drain: async (signal) => {
      const { oddities, ...drained } = await drain({
        client: rig.client,
        model,
        scene,
        watch,
        ...(signal && { signal }),
      });
      return { ...drained, oddities: [...oddities, ...kubelets.takeReminded()] };
    },
  };
}

interface DrainOfStage {
  readonly client: Rig['client'];
  readonly model: OperatorModel;
  readonly scene: Scene;
  readonly watch: PodWatch;
  readonly signal?: AbortSignal;
}

async function drain({ client, model, scene, watch, signal }: DrainOfStage): Promise<Drained> {
  const { namespace, cluster, operator } = scene;
  const { kind, indexOf } = model;
  const patience = { timeoutMs: SETTLE_MS, ...(signal && { signal }) };
  const members = () =>
    waitForMembers(client, { namespace, cluster, kind, indexOf, size: SIZE, balanced: true, ...patience });
  const startedAt = performance.now();
  const before = await members();
  const node = fullest(before.map((pod) => pod.node ?? ''));
  const drained = before.filter((pod) => pod.node === node);
  const gone = new Set(watch.instances.filter(({ isGone }) => isGone).map(({ uid }) => uid));
  const seen = await drainPatiently(scene, node, patience);
  const drainedMs = performance.now() - startedAt;
  const after = await members();
  // Where a new member comes before the old one goes, its end is the last thing to be seen.
  const remaining = new Set(after.map(({ uid }) => uid));
  await scene.until('the watch to see it all', () => isAll(watch, remaining), patience);
  const left = watch.instances.filter(({ uid, isGone }) => isGone && !gone.has(uid));
  // A scheduler that has not seen the cordon yet puts pods back on that node, and those have to move again (rule 8a).
  const isAgain = (pod: { readonly node?: string; readonly uid: string }) =>
    pod.node === node && !drained.some(({ uid }) => uid === pod.uid);
  const moved = left.filter((pod) => !isAgain(pod));
  const moves = drained.map(({ name }) => moved.filter((pod) => pod.name === name).length);
  const problems = [...seen.problems];
  if (moved.length !== drained.length || moves.some((count) => count !== 1)) {
    problems.push(`moves of ${drained.map(({ name }, i) => `${name}: ${moves[i]}`)}, of all pods: ${moved.length}`);
  }
  const evicted = left.filter(({ uid }) => !operator.deletedUids.has(uid));
  problems.push(...evicted.map(({ name }) => `${name} went, and it was not its operator`));
  await until('the node to be uncordoned', () => scene.cordon(node, false));
  const again = left.filter(isAgain).map(({ name }) => `${name} came back on ${node} and moved again`);
  const named = (lines: readonly string[]) => lines.map((line) => `${model.profile}: ${line}`);
  return {
    answers: seen.answers,
    problems: named(problems),
    oddities: named([...seen.oddities, ...again]),
    drainedMs,
    pods: drained.length,
    mostMoves: Math.max(...moves),
  };
}

/** Whether these are the pods that the watch knows to be there. */
function isAll(watch: PodWatch, uids: ReadonlySet<string>): boolean {
  const there = watch.instances.filter(({ isGone }) => !isGone);
  return there.length === uids.size && there.every(({ uid }) => uids.has(uid));
}

function fullest(nodes: readonly string[]): string {
  const counts = [...Map.groupBy(nodes, (node) => node)].sort(([, a], [, b]) => b.length - a.length);
  return counts[0]?.[0] ?? '';
}
