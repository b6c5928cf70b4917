import { chooseDrainer } from './drainers/choose.ts';
import type { Flags } from './flags.ts';
import type { LogLine } from './log-lines.ts';
import type { Member } from './member.ts';
import { watchNodes } from './node-watch.ts';
import { StandInOperator } from './operator.ts';
import { PodWatch } from './pod-watch.ts';
import type { RehearsalRecord, Scenario } from './record.ts';
import { type Followed, Recorder } from './recorder.ts';
import { Cleanup, type Stage, setStage } from './stage.ts';
import { tellHookLine, tellOperatorEvent, tellPodChange } from './tell.ts';
import { Timeline } from './timeline.ts';
import { checksOf, movesByPod, type Outcome, refusalsIn } from './verdict.ts';
import { versionsOf } from './versions.ts';
import * as workload from './workload.ts';

export interface RehearsalOptions {
  readonly write: (line: string) => void;
  readonly signal: AbortSignal;
  /** Is given what tells of the pods at each moment, once there is anything to tell. */
  readonly follow?: (pods: () => readonly Followed[]) => void;
}

const NAMESPACE = 'db';
const CLUSTER = 'cb';
const ANNOTATION = { key: 'cao.couchbase.com/reschedule', value: 'true' };
const LEAST_SAFETY_MS = 10 * 60_000;

/** Rehearses one drain. Resolves to the record of it, after everything that was started has been stopped. */
export async function rehearse(flags: Flags, options: RehearsalOptions): Promise<RehearsalRecord> {
  const { write, signal, follow } = options;
  const cleanup = new Cleanup();
  const monotonicNow = () => performance.now();
  const recorder = new Recorder({ monotonicNow, clusterOf: ({ labels }) => labels.couchbase_cluster });
  const timeline = new Timeline({ monotonicNow, write, onHappening: (happening) => recorder.happened(happening) });
  try {
    const onHookLine = (line: LogLine) => {
      recorder.hookLine(line);
      tellHookLine(timeline, line, NAMESPACE);
    };
    const { nodes, controlPlane } = flags;
    const stage = await setStage({ nodes, controlPlane, write, signal, onHookLine }, cleanup);
    follow?.(() => recorder.followed);
    write(`waiting until ${flags.members} members are in place and balanced`);
    const scene = await setScene(stage, { flags, timeline, recorder, write, signal }, cleanup);
    const failed = stage.cluster.failed.then((error) => {
      throw error;
    });
    failed.catch(() => undefined);
    return await Promise.race([failed, drainAndJudge(stage, scene, { flags, timeline, recorder, write, signal })]);
  } finally {
    await cleanup.run();
  }
}

interface Scene {
  readonly operator: StandInOperator;
  readonly watch: PodWatch;
  readonly members: readonly Member[];
}

/** A cluster with its operator, spread over the nodes, and some pods that nobody protects. */
async function setScene(
  { client }: Stage,
  { flags, timeline, recorder, signal }: Context,
  cleanup: Cleanup,
): Promise<Scene> {
  cleanup.defer(watchNodes(client, (name, isCordoned) => recorder.node(name, isCordoned)));
  await workload.createNamespace(client, NAMESPACE);
  let isTold = false;
  const operator = new StandInOperator({
    client,
    namespaces: [NAMESPACE],
    periodMs: flags.periodMs,
    annotation: ANNOTATION,
    onEvent: (event) => isTold && tellOperatorEvent(timeline, event),
  });
  const watch = new PodWatch({
    client,
    namespace: NAMESPACE,
    onChange: (change, pod) => {
      recorder.pod(change, pod);
      if (isTold) tellPodChange(timeline, change, pod);
    },
    onTrouble: (message, fields) => timeline.add({ who: 'cluster', what: message, detail: String(fields.error) }),
  });
  cleanup.defer(() => watch.stop());
  await watch.start({ signal });
  operator.start();
  cleanup.defer(() => operator.stop());
  const process = flags.process === 'in-place' ? 'InPlaceUpgrade' : 'SwapRebalance';
  recorder.expect(CLUSTER, flags.members);
  await workload.createCluster(client, { namespace: NAMESPACE, name: CLUSTER, size: flags.members, process });
  await workload.createPdb(client, { namespace: NAMESPACE, cluster: CLUSTER, size: flags.members });
  await workload.createDeployment(client, { namespace: NAMESPACE, name: 'web', replicas: flags.nodes });
  const timeoutMs = 60_000 + 3 * flags.periodMs;
  const wanted = { namespace: NAMESPACE, cluster: CLUSTER, size: flags.members, balanced: true, timeoutMs, signal };
  const members = await workload.waitForMembers(client, wanted);
  timeline.start();
  recorder.start();
  isTold = true;
  for (const { name, node, uid } of members) {
    timeline.add({ who: 'cluster', what: 'in place', pod: name, uid, ...(node ? { node } : {}) });
  }
  return { operator, watch, members };
}

interface Context extends RehearsalOptions {
  readonly flags: Flags;
  readonly timeline: Timeline;
  readonly recorder: Recorder;
}

async function drainAndJudge(stage: Stage, scene: Scene, context: Context): Promise<RehearsalRecord> {
  const { client, hook } = stage;
  const startedAt = new Date().toISOString();
  const { operator, watch, members } = scene;
  const { flags, timeline, recorder, write, signal } = context;
  const node = fullestNode(members);
  const drained = new Set(members.filter((member) => member.node === node).map(({ uid }) => uid));
  const deletedBefore = new Set(operator.deletedUids);
  const since = hook.lines.length;
  const drainer = chooseDrainer(stage, flags.drainer, write);
  const drainEnded = recorder.drain(node, drainer.name);
  const drainCode = await drainer.drain({
    node,
    timeoutMs: Math.max(LEAST_SAFETY_MS, flags.members * 10 * flags.periodMs),
    signal,
    onLine: (line) => timeline.add({ who: drainer.voice, what: line }),
  });
  signal.throwIfAborted();
  drainEnded(`exit code ${drainCode}`);
  timeline.add({ who: drainer.voice, what: `exit code ${drainCode}`, node });
  await waitUntilCalm(client, flags, signal);

  const outcome: Outcome = {
    drainCode,
    node,
    drained,
    instances: watch.instances.filter(({ labels }) => labels.app === 'couchbase'),
    deletedByOperator: operator.deletedUids,
    deletedBefore,
    annotation: ANNOTATION,
  };
  const moves = [...movesByPod(outcome)].map(([pod, count]) => `${pod} ${count}x`);
  const entries = Object.keys(await workload.entriesOnCluster(client, NAMESPACE, CLUSTER));
  return recorder.record({
    scenario: scenarioOf(flags),
    startedAt,
    versions: await versionsOf(client),
    checks: checksOf(outcome),
    figures: [
      { what: 'pods moved', value: `${moves.length} of ${drained.size} on the node` },
      { what: 'moves per pod', value: moves.join(', ') || 'none' },
      { what: 'evictions refused', value: String(refusalsIn(hook.lines.slice(since), NAMESPACE)) },
      { what: 'entries left', value: [entries.length, ...entries].join(' ') },
    ],
  });
}

function scenarioOf({ nodes, members, process, periodMs }: Flags): Scenario {
  const names = process === 'in-place' ? 'its name comes back' : 'a member with a new name takes its place';
  return {
    name: process,
    title: process === 'in-place' ? 'A drain with names that come back' : 'A drain with new names',
    about:
      `One of ${nodes} nodes is drained under a Couchbase cluster of ${members} members. Each member on it ` +
      `is moved by its operator, which looks at its cluster every ${periodMs / 1000} s: ${names}.`,
  };
}

/** After the drain the operator may still be at work; what it does then belongs to the verdict. No calm is told there. */
async function waitUntilCalm(client: Stage['client'], flags: Flags, signal: AbortSignal): Promise<void> {
  const timeoutMs = 10_000 + 6 * flags.periodMs;
  const wanted = { namespace: NAMESPACE, cluster: CLUSTER, size: flags.members, balanced: true, timeoutMs, signal };
  await workload.waitForMembers(client, wanted).catch(() => signal.throwIfAborted());
}

/** The node with the most members; the last of them where there are several. */
export function fullestNode(members: readonly Member[]): string {
  const counts = new Map<string, number>();
  for (const { node } of members) if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1);
  const [fullest] = [...counts].sort(([a, m], [b, n]) => n - m || b.localeCompare(a));
  if (fullest === undefined) throw new Error('no member has a node');
  return fullest[0];
}
