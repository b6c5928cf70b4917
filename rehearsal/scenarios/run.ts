import { Cleanup } from '../../testkit/cleanup.ts';
import * as workload from '../../testkit/couchbase/workload.ts';
import type { PodView } from '../../testkit/pods.ts';
import { chooseDrainer } from '../drainers/choose.ts';
import { brokenOff } from '../evidence/broken-off.ts';
import { Hold } from '../evidence/hold.ts';
import { HookGuard } from '../evidence/hook-guard.ts';
import { watchNodes } from '../evidence/node-watch.ts';
import { PodWatch } from '../evidence/pod-watch.ts';
import type { Figure, RehearsalRecord } from '../evidence/record.ts';
import { Recorder } from '../evidence/recorder.ts';
import { Timeline } from '../evidence/timeline.ts';
import { movedNames, refusalsIn } from '../evidence/verdict.ts';
import { versionsOf } from '../evidence/versions.ts';
import { Witness } from '../evidence/witness.ts';
import type { Flags } from '../flags.ts';
import { StandInOperator } from '../operator/stand-in-operator.ts';
import type { RehearsalOptions } from '../rehearse.ts';
import { tellHookLine, tellOperatorEvent, tellPodChange } from '../terminal/narration.ts';
import { type Stage, type StageOptions, setStage } from '../venues/stage.ts';
import { isMember, type ScenarioSeen } from './checks.ts';
import type { Definition } from './definitions.ts';
import { CLUSTER, type Place, Play } from './play.ts';
import { describeTimeInHook, timeInHook } from './time-in-hook.ts';

const monotonicNow = () => performance.now();
const ANNOTATION = { key: 'cao.couchbase.com/reschedule', value: 'true' };

/** Where a scenario plays. */
export interface Venue {
  readonly setStage: (options: StageOptions, cleanup: Cleanup) => Promise<Stage>;
  readonly place: Place;
}

const CLUSTER_OF_ITS_OWN: Venue = { setStage, place: { namespace: 'db', labels: {}, nodeSelector: {} } };

/** Plays one scenario. Resolves to its record, after everything that was started has been stopped. */
export async function playScenario(
  scenario: Definition,
  { periodMs, controlPlane, drainer }: Pick<Flags, 'periodMs' | 'controlPlane' | 'drainer'>,
  { write, signal: end, follow }: RehearsalOptions,
  { setStage, place }: Venue = CLUSTER_OF_ITS_OWN,
): Promise<RehearsalRecord> {
  const cleanup = new Cleanup();
  const over = new AbortController();
  const signal = AbortSignal.any([end, over.signal]);
  const clusterOf = (pod: PodView) => (isMember(pod) ? pod.labels.couchbase_cluster : undefined);
  const recorder = new Recorder({ monotonicNow, clusterOf });
  const timeline = new Timeline({ monotonicNow, write, onHappening: (happening) => recorder.happened(happening) });
  const witness = new Witness({ namespace: place.namespace, monotonicNow, now: () => Date.now() });
  const { nodes = 3, hookEnv = {}, name, title, about } = scenario;
  try {
    const stage = await setStage(
      {
        nodes,
        controlPlane,
        write,
        signal,
        hookEnv,
        onHookLine: (line) => {
          recorder.hookLine(line);
          witness.hookLine(line);
          tellHookLine(timeline, line, place.namespace);
        },
      },
      cleanup,
    );
    follow?.(() => recorder.followed);
    const context = { periodMs, wanted: drainer, place, recorder, witness, timeline, write, signal };
    const play = await setScene(stage, scenario, context, cleanup);
    // First of all: what a script that broke off has left under way.
    cleanup.defer(async () => over.abort(new Error('the scenario is over')));
    const failed = stage.cluster.failed.then((error) => {
      throw error;
    });
    failed.catch(() => undefined);
    return await Promise.race([failed, play.options.guard.died, playAndJudge(play, scenario)]);
  } catch (error) {
    return brokenOff({ name, title, about }, error, end, recorder);
  } finally {
    await cleanup.run();
  }
}

interface Context {
  readonly periodMs: number;
  /** For scenarios that have none of their own. */
  readonly wanted: Flags['drainer'];
  readonly place: Place;
  readonly recorder: Recorder;
  readonly witness: Witness;
  readonly timeline: Timeline;
  readonly write: (line: string) => void;
  readonly signal: AbortSignal;
}

async function setScene(stage: Stage, scenario: Definition, context: Context, cleanup: Cleanup): Promise<Play> {
  const { members: size = 3, isPacked = false, atOnce = 1, drainer } = scenario;
  const { periodMs, wanted, place, recorder, witness, timeline, write, signal } = context;
  const { client, cluster, hook } = stage;
  const { namespace, nodeSelector } = place;
  const guard = new HookGuard(hook);
  const onNode = (name: string, isCordoned: boolean, isDraining: boolean) => {
    if (!cluster.nodes.includes(name)) return;
    recorder.node(name, isCordoned);
    witness.node(name, isDraining);
  };
  cleanup.defer(watchNodes(client, onNode));
  await workload.createNamespace(client, namespace, place.labels);
  let isTold = false;
  const operator = new StandInOperator({
    client,
    namespaces: [namespace],
    periodMs,
    maxUpgradable: atOnce,
    annotation: ANNOTATION,
    now: monotonicNow,
    manifest: (pod) => ({ ...pod, spec: { ...pod.spec, nodeSelector } }),
    onEvent: (event) => isTold && tellOperatorEvent(timeline, event),
  });
  const watch = new PodWatch({
    client,
    namespace,
    onChange: (change, pod) => {
      recorder.pod(change, pod);
      witness.pod(change, pod);
      if (isTold) tellPodChange(timeline, change, pod);
    },
  });
  cleanup.defer(() => watch.stop());
  await watch.start({ signal });
  operator.start();
  cleanup.defer(() => operator.stop());
  const { patienceMs = 60_000 + 10 * periodMs } = scenario;
  const told = { recorder, witness, timeline };
  const options = { stage, place, operator, guard, watch, ...told, size, patienceMs, now: monotonicNow, signal };
  const play = new Play({
    ...options,
    hold: new Hold(operator, signal),
    drainer: drainer?.(client) ?? chooseDrainer(stage, wanted, write),
  });
  const closed = isPacked ? cluster.nodes.slice(1) : [];
  for (const node of closed) await play.cordon(node, true);
  recorder.expect(CLUSTER, size);
  await createPods(play, scenario);
  await play.calm();
  for (const node of closed) await play.cordon(node, false);
  timeline.start();
  recorder.start();
  isTold = true;
  return play;
}

async function createPods({ options }: Play, { process = 'in-place' }: Definition): Promise<void> {
  const { stage, place, size } = options;
  const { client, cluster } = stage;
  const { namespace, nodeSelector } = place;
  const upgrade = process === 'in-place' ? 'InPlaceUpgrade' : 'SwapRebalance';
  await workload.createCluster(client, { namespace, name: CLUSTER, size, process: upgrade });
  await workload.createPdb(client, { namespace, cluster: CLUSTER, size });
  const replicas = cluster.nodes.length;
  await workload.createDeployment(client, { namespace, name: 'web', replicas, spec: { nodeSelector } });
}

async function playAndJudge(play: Play, scenario: Definition): Promise<RehearsalRecord> {
  const { stage, recorder, witness, signal, now } = play.options;
  const { client, hook } = stage;
  const startedAt = { iso: new Date().toISOString(), at: now() };
  const since = hook.lines.length;
  await scenario.script(play);
  // What the operator does afterwards belongs to the verdict; that it finds no calm shows there.
  await play.calm().catch(() => signal.throwIfAborted());

  const { name, title, about } = scenario;
  const ending = { scenario: { name, title, about }, startedAt: startedAt.iso, versions: await versionsOf(client) };
  const { availability, drains } = recorder.record({ ...ending, checks: [], figures: [] });
  const lines = hook.lines.slice(since);
  const drainMs = drains.reduce((sum, { beganMs, endedMs = beganMs }) => sum + endedMs - beganMs, 0);
  const { instances } = play.options.watch;
  const seen: ScenarioSeen = {
    drains: play.drains,
    members: instances.filter(isMember),
    others: instances.filter((one) => !isMember(one)),
    witness,
    deletedAt: play.options.operator.deletedAt,
    startedAt: startedAt.at,
    givenBack: play.givenBack,
    annotation: ANNOTATION,
    availability,
    entries: Object.keys(await workload.entriesOnCluster(client, play.namespace, CLUSTER)),
    inHook: timeInHook(lines, drainMs),
  };
  const figures: Figure[] = [
    { what: 'pods moved', value: String(movedNames(seen).length) },
    { what: 'runs of the drain', value: runsOf(play) },
    { what: 'evictions refused', value: String(refusalsIn(lines, play.namespace)) },
    { what: 'entries left', value: String(seen.entries.length) },
    { what: 'time in the hook', value: describeTimeInHook(seen.inHook) },
  ];
  return recorder.record({ ...ending, checks: [...scenario.rules.map((rule) => rule(seen)), ...play.checks], figures });
}

/** How often each node had to be drained until it was. */
function runsOf({ drains }: Play): string {
  const nodes = [...new Set(drains.map(({ node }) => node))];
  const runs = nodes.map((node) => `${drains.filter((one) => one.node === node).length} of ${node}`);
  return runs.join(', ') || 'none';
}
