import { randomBytes } from 'node:crypto';
import type { ApiClient } from '../../kube/client.ts';
import { describeError } from '../../kube/errors.ts';
import { matches } from '../../policy/selector.ts';
import { installedKubectl } from '../drainers/kubectl.ts';
import { type Flags, UsageError } from '../flags.ts';
import { watchNodes } from '../node-watch.ts';
import { StandInOperator } from '../operator.ts';
import { PodWatch } from '../pod-watch.ts';
import type { RehearsalRecord } from '../record.ts';
import { Recorder } from '../recorder.ts';
import { fullestNode, type RehearsalOptions } from '../rehearse.ts';
import { Cleanup } from '../stage.ts';
import { tellOperatorEvent, tellPodChange } from '../tell.ts';
import { Timeline } from '../timeline.ts';
import { NotYet, until } from '../until.ts';
import { checksOf, movesByPod, type Outcome } from '../verdict.ts';
import { versionsOf } from '../versions.ts';
import { deniedBy, probe } from '../webhook-registration.ts';
import * as workload from '../workload.ts';
import { access } from './access.ts';
import { drain } from './drain.ts';
import type { ClusterFlags } from './flags.ts';
import { findInstalledHook, type InstalledHook, REGISTRATION } from './installed-hook.ts';
import { markTeller } from './marks.ts';
import { checkNode } from './nodes.ts';
import * as standIns from './stand-ins.ts';

export interface AnyClusterOptions extends RehearsalOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Asks the person before the terminal; undefined where there is none. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
}

const CLUSTER = 'cb';
/** An image may have to be pulled. */
const IN_PLACE_WITHIN_MS = 180_000;

/** What one run works with. */
export interface Run extends AnyClusterOptions {
  readonly flags: Flags;
  readonly cluster: ClusterFlags;
  readonly client: ApiClient;
  readonly hook: InstalledHook;
  readonly kubectl: string;
  /** The namespace of the run. */
  readonly name: string;
  readonly timeline: Timeline;
  readonly recorder: Recorder;
  readonly cleanup: Cleanup;
}

/**
 * Rehearses one drain on a cluster that exists, with the hook that is installed there. Resolves to the record of it after
 * everything that was created is gone again. UsageError where it must not or cannot be rehearsed there.
 */
export async function rehearseOnCluster(
  flags: Flags,
  cluster: ClusterFlags,
  options: AnyClusterOptions,
): Promise<RehearsalRecord> {
  const { write, signal, env } = options;
  const kubectl = installedKubectl(env.PATH);
  if (kubectl === undefined) throw new UsageError('kubectl is not in the PATH');
  const todo = new Cleanup();
  const cleanup = telling(todo, write);
  const monotonicNow = () => performance.now();
  const recorder = new Recorder({ monotonicNow, clusterOf: ({ labels }) => labels[standIns.MEMBER_LABEL] });
  const timeline = new Timeline({ monotonicNow, write, onHappening: (happening) => recorder.happened(happening) });
  try {
    const { client, close } = await access(cluster, env);
    todo.defer(close);
    const name = `reschedule-hook-rehearsal-${randomBytes(3).toString('hex')}`;
    const hook = await findInstalledHook(client);
    const run = { ...options, flags, cluster, client, hook, kubectl, name, timeline, recorder, cleanup };
    await checkAndAsk(run);
    signal.throwIfAborted();
    return await rehearse(run);
  } finally {
    await todo.run();
  }
}

/** What cannot be undone is told at once: a failure that follows from it must not hide it. */
function telling(cleanup: Cleanup, write: (line: string) => void): Cleanup {
  const told = new Cleanup();
  told.defer = (undo) =>
    cleanup.defer(() =>
      undo().catch((error: unknown) => {
        write(`left behind: ${describeError(error)}`);
        throw error;
      }),
    );
  return told;
}

const namespaceLabels = (name: string) => ({
  'kubernetes.io/metadata.name': name,
  'pod-security.kubernetes.io/enforce': 'restricted',
  [standIns.RUN_LABEL]: name,
});

/** Nothing has been written before this, and nothing is where it throws. */
async function checkAndAsk({ client, hook, name, flags, cluster, write, ask }: Run): Promise<void> {
  const kind = standIns.kindFor(hook.settings);
  if (!hook.covers(namespaceLabels(name))) {
    throw new UsageError(`the registration ${REGISTRATION} does not cover evictions in the namespace ${name}`);
  }
  standIns.memberLabels(hook.settings, kind, name);
  await standIns.checkDefinition(client, kind);
  for (const node of cluster.nodes) await checkNode(client, node);
  for (const line of [
    `On the cluster of context "${cluster.context}" this will`,
    `  create the namespace ${name} and the definition ${kind.plural}.${kind.group}`,
    `  run ${flags.members} stand-in members and some unprotected pods (${cluster.image}) on ${cluster.nodes.join(', ')}`,
    '  cordon the one of these nodes that has most of them, and evict the pods of the rehearsal from it, no others',
    '  uncordon that node and delete all of the above at the end, also when it is interrupted',
  ]) {
    write(line);
  }
  if (cluster.yes) return;
  if (ask === undefined) throw new UsageError('nobody can be asked here: --yes goes on without');
  if (!(await ask('Go on? [y/N] '))) throw new UsageError('nothing was done');
}

async function rehearse(run: Run): Promise<RehearsalRecord> {
  const { client, hook, name, cleanup, cluster, flags, write, signal, recorder, timeline, follow } = run;
  const { settings } = hook;
  const kind = standIns.kindFor(settings);
  cleanup.defer(await standIns.createDefinition(client, kind, name, signal));
  cleanup.defer(() => standIns.removeNamespace(client, name));
  await workload.createNamespace(client, name, namespaceLabels(name));
  await untilAsked(client, hook, name, signal);
  cleanup.defer(
    watchNodes(client, (node, isCordoned) => cluster.nodes.includes(node) && recorder.node(node, isCordoned)),
  );
  let isTold = false;
  const annotation = { key: settings.annotationKey, value: settings.annotationValue };
  const labels = standIns.memberLabels(settings, kind, name);
  const operator = new StandInOperator({
    client,
    namespaces: [name],
    periodMs: flags.periodMs,
    annotation,
    kind,
    labels,
    manifest: (pod) => standIns.asStandIn(pod, cluster),
    onEvent: (event) => isTold && tellOperatorEvent(timeline, event),
  });
  const watch = new PodWatch({
    client,
    namespace: name,
    onSeen: markTeller(annotation, recorder, timeline),
    onChange: (change, pod) => {
      recorder.pod(change, pod);
      if (isTold) tellPodChange(timeline, change, pod);
    },
    onTrouble: (message, fields) => timeline.add({ who: 'cluster', what: message, detail: String(fields.error) }),
  });
  cleanup.defer(() => watch.stop());
  await watch.start({ signal });
  follow?.(() => recorder.followed);
  operator.start();
  cleanup.defer(() => operator.stop());

  const process = flags.process === 'in-place' ? 'InPlaceUpgrade' : 'SwapRebalance';
  recorder.expect(CLUSTER, flags.members);
  const size = flags.members;
  await workload.createCluster(client, { namespace: name, name: CLUSTER, size, process, kind });
  await workload.createPdb(client, {
    namespace: name,
    cluster: CLUSTER,
    size,
    matchLabels: { [standIns.MEMBER_LABEL]: CLUSTER },
  });
  const web = { ...standIns.WEB_LABELS, [standIns.RUN_LABEL]: name };
  if (!matches(settings.selector, web)) {
    const spec = standIns.standInSpec(cluster);
    await workload.createDeployment(client, {
      namespace: name,
      name: 'web',
      replicas: cluster.nodes.length,
      labels: web,
      spec,
    });
  }
  write(`waiting until ${size} members are in place and balanced`);
  const wanted = { namespace: name, cluster: CLUSTER, size, kind, balanced: true, signal };
  const members = await workload.waitForMembers(client, { ...wanted, timeoutMs: IN_PLACE_WITHIN_MS });
  timeline.start();
  recorder.start();
  isTold = true;
  for (const { name: pod, node = '', uid } of members)
    timeline.add({ who: 'cluster', what: 'in place', pod, uid, node });

  const node = fullestNode(members);
  const drained = new Set(members.filter((member) => member.node === node).map(({ uid }) => uid));
  const deletedBefore = new Set(operator.deletedUids);
  const startedAt = new Date().toISOString();
  const { code, refusals } = await drain(run, node);
  await workload
    .waitForMembers(client, { ...wanted, timeoutMs: 10_000 + 6 * flags.periodMs })
    .catch(() => signal.throwIfAborted());
  const outcome: Outcome = {
    drainCode: code,
    node,
    drained,
    instances: watch.instances.filter((pod) => pod.labels[standIns.MEMBER_LABEL] === CLUSTER),
    deletedByOperator: operator.deletedUids,
    deletedBefore,
    annotation,
  };
  const moves = [...movesByPod(outcome)].map(([pod, count]) => `${pod} ${count}x`);
  return recorder.record({
    scenario: {
      name: 'cluster',
      title: `A drain on the cluster of context ${cluster.context}`,
      about:
        `One of the nodes ${cluster.nodes.join(', ')} is drained with kubectl under ${size} stand-in members, which are ` +
        `moved by a stand-in operator that looks every ${flags.periodMs / 1000} s. The hook is the installed one.`,
    },
    startedAt,
    versions: await versionsOf(client),
    checks: checksOf(outcome),
    figures: [
      { what: 'pods moved', value: `${moves.length} of ${drained.size} on the node` },
      { what: 'moves per pod', value: moves.join(', ') || 'none' },
      { what: 'evictions refused', value: String(refusals) },
    ],
  });
}

/** The registration says that the hook is asked; only an answer shows that it can be reached. */
async function untilAsked(client: ApiClient, { webhooks }: InstalledHook, name: string, signal: AbortSignal) {
  const asked = async () => {
    const answer = await probe(client, name);
    if (!webhooks.some((webhook) => answer === deniedBy(webhook))) throw new NotYet(answer);
  };
  try {
    await until('an answer of the installed hook', asked, { timeoutMs: 20_000, everyMs: 500, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new UsageError(describeError(error), { cause: error });
  }
}
