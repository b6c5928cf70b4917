import { Cleanup } from '../testkit/cleanup.ts';
import type { Member } from '../testkit/couchbase/member.ts';
import * as workload from '../testkit/couchbase/workload.ts';
import type { LogLine } from '../testkit/log-lines.ts';
import type { PodView } from '../testkit/pods.ts';
import { chooseDrainer } from './drainers/choose.ts';
import { brokenOff } from './evidence/broken-off.ts';
import { type DrainSight, seeDrain } from './evidence/held-drain.ts';
import { Hold } from './evidence/hold.ts';
import { HookGuard } from './evidence/hook-guard.ts';
import { watchNodes } from './evidence/node-watch.ts';
import { PodWatch } from './evidence/pod-watch.ts';
import type { RehearsalRecord, Scenario } from './evidence/record.ts';
import { type Followed, Recorder } from './evidence/recorder.ts';
import { Timeline } from './evidence/timeline.ts';
import { checksOf, figuresOf, refusalsIn, type Seen } from './evidence/verdict.ts';
import { versionsOf } from './evidence/versions.ts';
import { Witness } from './evidence/witness.ts';
import type { Flags } from './flags.ts';
import { StandInOperator } from './operator/stand-in-operator.ts';
import { tellHookLine, tellOperatorEvent, tellPodChange } from './terminal/narration.ts';
import { type Stage, setStage } from './venues/stage.ts';

export interface RehearsalOptions {
  readonly write: (line: string) => void;
  readonly signal: AbortSignal;
  /** Is given what tells of the pods at each moment, once there is anything to tell. */
  readonly follow?: (pods: () => readonly Followed[]) => void;
  /** Settings of the hook over those of a rehearsal. */
  readonly hookEnv?: Readonly<Record<string, string>>;
}

const NAMESPACE = 'db';
const CLUSTER = 'cb';
const ANNOTATION = { key: 'cao.couchbase.com/reschedule', value: 'true' };
const LEAST_SAFETY_MS = 10 * 60_000;

const isMember = ({ labels }: PodView) => labels.app === 'couchbase';

/** Rehearses one drain. Resolves to the record of it, after everything that was started has been stopped. */
export async function rehearse(flags: Flags, options: RehearsalOptions): Promise<RehearsalRecord> {
  const { write, signal: end, follow, hookEnv = {} } = options;
  const cleanup = new Cleanup();
  const over = new AbortController();
  const signal = AbortSignal.any([end, over.signal]);
  const monotonicNow = () => performance.now();
  const recorder = new Recorder({ monotonicNow, clusterOf: ({ labels }) => labels.couchbase_cluster });
  const witness = new Witness({ namespace: NAMESPACE, monotonicNow, now: () => Date.now() });
  const timeline = new Timeline({ monotonicNow, write, onHappening: (happening) => recorder.happened(happening) });
  const context: Context = { flags, timeline, recorder, witness, write, signal, now: monotonicNow };
  try {
    const onHookLine = (line: LogLine) => {
      recorder.hookLine(line);
      witness.hookLine(line);
      tellHookLine(timeline, line, NAMESPACE);
    };
    const { nodes, controlPlane } = flags;
    const stage = await setStage({ nodes, controlPlane, write, signal, onHookLine, hookEnv }, cleanup);
    const guard = new HookGuard(stage.hook);
    follow?.(() => recorder.followed);
    write(`waiting until ${flags.members} members are in place and balanced`);
    const failed = stage.cluster.failed.then((error) => {
      throw error;
    });
    failed.catch(() => undefined);
    const play = async () => drainAndJudge(stage, await setScene(stage, context, cleanup), context);
    return await Promise.race([failed, guard.died, play()]);
  } catch (error) {
    return brokenOff(scenarioOf(flags), error, end, recorder);
  } finally {
    // First of all: what is still under way where it broke off.
    over.abort(new Error('the rehearsal is over'));
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
  { flags, timeline, recorder, witness, signal, now }: Context,
  cleanup: Cleanup,
): Promise<Scene> {
  cleanup.defer(
    watchNodes(client, (name, isCordoned, isDraining) => {
      recorder.node(name, isCordoned);
      witness.node(name, isDraining);
    }),
  );
  await workload.createNamespace(client, NAMESPACE);
  let isTold = false;
  const operator = new StandInOperator({
    client,
    namespaces: [NAMESPACE],
    periodMs: flags.periodMs,
    annotation: ANNOTATION,
    now,
    onEvent: (event) => isTold && tellOperatorEvent(timeline, event),
  });
  const watch = new PodWatch({
    client,
    namespace: NAMESPACE,
    onChange: (change, pod) => {
      recorder.pod(change, pod);
      witness.pod(change, pod);
      if (isTold) tellPodChange(timeline, change, pod);
    },
    onTrouble: (message, fields) => timeline.add({ who: 'cluster', what: message, detail: String(fields.error) }),
  });
  cleanup.defer(() => watch.stop());
  await watch.start({ signal });
  const process = flags.process === 'in-place' ? 'InPlaceUpgrade' : 'SwapRebalance';
  recorder.expect(CLUSTER, flags.members);
  await workload.createCluster(client, { namespace: NAMESPACE, name: CLUSTER, size: flags.members, process });
  await workload.createPdb(client, { namespace: NAMESPACE, cluster: CLUSTER, size: flags.members });
  await workload.createDeployment(client, { namespace: NAMESPACE, name: 'web', replicas: flags.nodes });
  // Now that there is something to see: it looks at once, and then once a period.
  operator.start();
  cleanup.defer(() => operator.stop());
  const members = await balanced(client, flags, 60_000 + 3 * flags.periodMs, signal);
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
  readonly witness: Witness;
  readonly now: () => number;
}

async function drainAndJudge(stage: Stage, scene: Scene, context: Context): Promise<RehearsalRecord> {
  const { client, hook } = stage;
  const { operator, watch } = scene;
  const { flags, recorder, witness, signal, now } = context;
  const started = { iso: new Date().toISOString(), at: now(), line: hook.lines.length };
  const drains = [await drain(stage, scene, context)];
  // The operator may still be at work; what it does then belongs to the verdict, and that it finds no calm is told there.
  await balanced(client, flags, 10_000 + 6 * flags.periodMs, signal).catch(() => signal.throwIfAborted());

  const seen: Seen = {
    drains,
    members: watch.instances.filter(isMember),
    deletedAt: operator.deletedAt,
    startedAt: started.at,
    givenBack: new Set(),
    annotation: ANNOTATION,
    witness,
  };
  const entries = Object.keys(await workload.entriesOnCluster(client, NAMESPACE, CLUSTER));
  return recorder.record({
    scenario: scenarioOf(flags),
    startedAt: started.iso,
    versions: await versionsOf(client),
    checks: checksOf(seen),
    figures: [
      ...figuresOf(seen),
      { what: 'evictions refused', value: String(refusalsIn(hook.lines.slice(started.line), NAMESPACE)) },
      { what: 'entries left', value: [entries.length, ...entries].join(' ') },
    ],
  });
}

function drain(stage: Stage, { operator, members }: Scene, context: Context) {
  const { flags, timeline, recorder, witness, write, signal, now } = context;
  const { client } = stage;
  const node = fullestNode(members);
  const on = members.filter((member) => member.node === node);
  const drainer = chooseDrainer(stage, flags.drainer, write);
  const patienceMs = 60_000 + 3 * flags.periodMs;
  const hold = new Hold(operator, signal);
  const sight: DrainSight = { client, namespace: NAMESPACE, isMember, hold, witness, patienceMs, now, signal };
  return seeDrain(sight, { node, members: on }, async () => {
    const ended = recorder.drain(node, drainer.name);
    const code = await drainer.drain({
      node,
      timeoutMs: Math.max(LEAST_SAFETY_MS, flags.members * 10 * flags.periodMs),
      signal,
      onLine: (line) => timeline.add({ who: drainer.voice, what: line }),
    });
    ended(`exit code ${code}`);
    timeline.add({ who: drainer.voice, what: `exit code ${code}`, node });
    return code;
  });
}

const balanced = (client: Stage['client'], { members: size }: Flags, timeoutMs: number, signal: AbortSignal) =>
  workload.waitForMembers(client, { namespace: NAMESPACE, cluster: CLUSTER, size, balanced: true, timeoutMs, signal });

function scenarioOf({ nodes, members, process, periodMs }: Flags): Scenario {
  const names = process === 'in-place' ? 'its name comes back' : 'a member with a new name takes its place';
  return {
    name: process,
    title: process === 'in-place' ? 'A drain with names that come back' : 'A drain with new names',
    about:
      `One of ${nodes} nodes is drained under a Couchbase cluster of ${members} members. Each member on it ` +
      `is moved by its operator, which looks at its cluster every ${periodMs / 1000} s, but not before the drainer has ` +
      `asked twice: ${names}.`,
  };
}

/** The node with the most members; the last of them where there are several. */
export function fullestNode(members: readonly Member[]): string {
  const counts = new Map<string, number>();
  for (const { node } of members) if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1);
  const [fullest] = [...counts].sort(([a, m], [b, n]) => n - m || b.localeCompare(a));
  if (fullest === undefined) throw new Error('no member has a node');
  return fullest[0];
}
