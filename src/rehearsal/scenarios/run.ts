import { chooseDrainer } from '../drainers/choose.ts';
import type { Flags } from '../flags.ts';
import { watchNodes } from '../node-watch.ts';
import { StandInOperator } from '../operator.ts';
import { PodWatch } from '../pod-watch.ts';
import type { Figure, RehearsalRecord } from '../record.ts';
import { Recorder } from '../recorder.ts';
import type { RehearsalOptions } from '../rehearse.ts';
import { Cleanup, type Stage, setStage } from '../stage.ts';
import { tellHookLine, tellOperatorEvent, tellPodChange } from '../tell.ts';
import { Timeline } from '../timeline.ts';
import { refusalsIn } from '../verdict.ts';
import { versionsOf } from '../versions.ts';
import * as workload from '../workload.ts';
import { movedNames, type Seen } from './checks.ts';
import type { Definition } from './definitions.ts';
import { CLUSTER, NAMESPACE, Play } from './play.ts';

const ANNOTATION = { key: 'cao.couchbase.com/reschedule', value: 'true' };

/** Plays one scenario on a cluster of its own. Resolves to its record, after everything that was started has been stopped. */
export async function playScenario(
  scenario: Definition,
  { periodMs, controlPlane, drainer }: Pick<Flags, 'periodMs' | 'controlPlane' | 'drainer'>,
  { write, signal, follow }: RehearsalOptions,
): Promise<RehearsalRecord> {
  const cleanup = new Cleanup();
  const monotonicNow = () => performance.now();
  const recorder = new Recorder({ monotonicNow, clusterOf: ({ labels }) => labels.couchbase_cluster });
  const timeline = new Timeline({ monotonicNow, write, onHappening: (happening) => recorder.happened(happening) });
  const { nodes = 3, hookEnv = {} } = scenario;
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
          tellHookLine(timeline, line, NAMESPACE);
        },
      },
      cleanup,
    );
    follow?.(() => recorder.followed);
    const play = await setScene(
      stage,
      scenario,
      { periodMs, wanted: drainer, recorder, timeline, write, signal },
      cleanup,
    );
    const failed = stage.cluster.failed.then((error) => {
      throw error;
    });
    failed.catch(() => undefined);
    return await Promise.race([failed, playAndJudge(play, scenario)]);
  } finally {
    await cleanup.run();
  }
}

interface Context {
  readonly periodMs: number;
  /** For scenarios that have none of their own. */
  readonly wanted: Flags['drainer'];
  readonly recorder: Recorder;
  readonly timeline: Timeline;
  readonly write: (line: string) => void;
  readonly signal: AbortSignal;
}

async function setScene(
  stage: Stage,
  { members: size = 3, nodes = 3, process = 'in-place', isPacked = false, atOnce = 1, drainer }: Definition,
  { periodMs, wanted, recorder, timeline, write, signal }: Context,
  cleanup: Cleanup,
): Promise<Play> {
  const { client } = stage;
  cleanup.defer(watchNodes(client, (name, isCordoned) => recorder.node(name, isCordoned)));
  await workload.createNamespace(client, NAMESPACE);
  let isTold = false;
  const operator = new StandInOperator({
    client,
    namespaces: [NAMESPACE],
    periodMs,
    maxUpgradable: atOnce,
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
  });
  cleanup.defer(() => watch.stop());
  await watch.start({ signal });
  operator.start();
  cleanup.defer(() => operator.stop());
  const options = { stage, operator, watch, recorder, timeline, size, periodMs, signal };
  const play = new Play({ ...options, drainer: drainer?.(client) ?? chooseDrainer(stage, wanted, write) });
  const closed = isPacked ? stage.cluster.nodes.slice(1) : [];
  for (const node of closed) await play.cordon(node, true);
  recorder.expect(CLUSTER, size);
  const upgrade = process === 'in-place' ? 'InPlaceUpgrade' : 'SwapRebalance';
  await workload.createCluster(client, { namespace: NAMESPACE, name: CLUSTER, size, process: upgrade });
  await workload.createPdb(client, { namespace: NAMESPACE, cluster: CLUSTER, size });
  await workload.createDeployment(client, { namespace: NAMESPACE, name: 'web', replicas: nodes });
  await play.calm();
  for (const node of closed) await play.cordon(node, false);
  timeline.start();
  recorder.start();
  isTold = true;
  return play;
}

async function playAndJudge(play: Play, scenario: Definition): Promise<RehearsalRecord> {
  const { stage, operator, watch, recorder, signal } = play.options;
  const { client, hook } = stage;
  const startedAt = new Date().toISOString();
  const deletedBefore = new Set(operator.deletedUids);
  const since = hook.lines.length;
  await scenario.script(play);
  // What the operator does afterwards belongs to the verdict; that it finds no calm shows there.
  await play.calm().catch(() => signal.throwIfAborted());

  const { name, title, about } = scenario;
  const ending = { scenario: { name, title, about }, startedAt, versions: await versionsOf(client) };
  const { availability, drains } = recorder.record({ ...ending, checks: [], figures: [] });
  const seen: Seen = {
    drains: play.drains,
    instances: watch.instances,
    deletedByOperator: operator.deletedUids,
    deletedBefore,
    annotation: ANNOTATION,
    availability,
    entries: Object.keys(await workload.entriesOnCluster(client, NAMESPACE, CLUSTER)),
  };
  const lines = hook.lines.slice(since);
  const drainMs = drains.reduce((sum, { beganMs, endedMs = beganMs }) => sum + endedMs - beganMs, 0);
  const figures: Figure[] = [
    { what: 'pods moved', value: String(movedNames(seen).length) },
    { what: 'evictions refused', value: String(refusalsIn(lines, NAMESPACE)) },
    { what: 'entries left', value: String(seen.entries.length) },
    { what: 'time in the hook', value: hookShare(lines, drainMs) },
  ];
  return recorder.record({ ...ending, checks: [...scenario.rules.map((rule) => rule(seen)), ...play.checks], figures });
}

/** All decisions added up, though many are made at the same time, against the time that the drains took. */
export function hookShare(lines: readonly { readonly [field: string]: unknown }[], drainMs: number): string {
  const durations = lines.flatMap(({ decision, durationMs }) =>
    decision !== undefined && typeof durationMs === 'number' ? [durationMs] : [],
  );
  const sum = durations.reduce((total, one) => total + one, 0);
  const share = drainMs > 0 ? ` (${((100 * sum) / drainMs).toFixed(1)} % of the drain)` : '';
  return `${Math.round(sum)} ms for ${durations.length} answers${share}`;
}
