import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { drainerOf } from '../../rehearsal/drainers/drain-node.ts';
import { KUBECTL } from '../../rehearsal/drainers/models/kubectl.ts';
import type { ApiClient } from '../../src/kube/client.ts';
import { podPath } from '../../src/kube/paths.ts';
import { startBalancer } from '../../testkit/balancer.ts';
import { connect } from '../../testkit/connect.ts';
import type { HookProcess } from '../../testkit/hook-process.ts';
import { cordon, type NodePod, podsOn, taint, untaint } from '../../testkit/nodes.ts';
import { NotYet, until } from '../../testkit/until.ts';
import { registerWebhook } from '../../testkit/webhook-registration.ts';
import type { FleetApiHandlers } from '../processes/fleet-api.ts';
import type { FleetOperatorsHandlers } from '../processes/fleet-operators.ts';
import type { Context } from '../support/context.ts';
import { CLUSTER, FLEET_MODELS, type FleetSize, fleetNode, fleetOf } from '../support/fleet.ts';
import {
  type AnswerTimes,
  type ApiCalls,
  allCallsIn,
  answerTimes,
  callsIn,
  entriesIn,
  metricsOf,
  scrape,
} from '../support/hook-metrics.ts';
import type { UpgradeReplica, UpgradeResult, UpgradeStep } from '../support/results.ts';
import type { Process } from '../support/rpc.ts';
import { percentile } from '../support/statistics.ts';

const FULL: FleetSize = { nodes: 5_000, pods: 100_000, atOnce: 50 };
const QUICK: FleetSize = { nodes: 500, pods: 10_000, atOnce: 10 };
const REPLICAS = 2;
/** A taint of the nodes that are to be drained, as long as they are not. */
const NEXT_STEP = 'example.com/next-step';
/** In life they look every 10 s to 2 minutes, and a rebalance takes minutes. */
const PERIOD_MS = 15_000;
const REBALANCE_MS = 60_000;
/** So the end of its entries, which a pod costs too, is within a step. */
const RETENTION = '1m';
/** Operators that do not get on would never end it. */
const LIMIT_MS = 30 * 60_000;

interface Fleet {
  readonly context: Context;
  readonly size: FleetSize;
  readonly client: ApiClient;
  readonly api: Process<FleetApiHandlers>;
  readonly operators: Process<FleetOperatorsHandlers>;
}

/**
 * Two steps of a rolling upgrade that have the same pods of the same clusters. In the first one all pods are marked at once,
 * and nobody drains: that is what the operators need. In the second one the nodes are drained, and the hook is asked.
 */
export async function measureUpgrade(context: Context): Promise<UpgradeResult> {
  const size = context.quick ? QUICK : FULL;
  context.progress(`upgrade: ${size.nodes} nodes, ${size.pods} pods of ${FLEET_MODELS.length} profiles`);
  const api = context.start<FleetApiHandlers>('fleet-api', { nodeArgs: ['--max-old-space-size=6144'] });
  const { kubeconfigPath, hookKubeconfigPath } = await api.call('start', size);
  const { client, close } = await connect(kubeconfigPath, 'fleet');
  context.defer(close);
  const operators = context.start<FleetOperatorsHandlers>('fleet-operators');
  const fleet = { context, size, client, api, operators };
  context.progress('upgrade: the hooks read it');
  const hooks = await startHooks(fleet, hookKubeconfigPath);
  const synced = await Promise.all(hooks.map(replicaNow));
  await operators.call('start', {
    kubeconfigPath,
    namespaces: namespacesOf(size),
    periodMs: PERIOD_MS,
    rebalanceMs: REBALANCE_MS,
  });
  // What came to these nodes in the first step would have to move once more in the second one.
  await onNodes(fleet, 1, (node) => taint(client, node, NEXT_STEP, context.signal));
  const without = await watched(fleet, () => moveWithoutHook(fleet));
  const { neededMs, markMs } = without.value;
  context.progress(`upgrade: the operators alone needed ${Math.round(neededMs / 1000)} s`);
  await until('the clusters to be balanced', () => assertBalanced(fleet), { timeoutMs: LIMIT_MS, everyMs: PERIOD_MS });
  await onNodes(fleet, 1, (node) => untaint(client, node, NEXT_STEP, context.signal));
  for (const hook of hooks) await scrape(hook.healthUrl);
  const before = await Promise.all(hooks.map(callsOf));
  const drained = await watched(fleet, () => drainAll(fleet));
  const { tookMs, endedMs, begunAgain } = drained.value;
  context.progress(`upgrade: with drains it took ${Math.round(endedMs / 1000)} s`);
  // Each look at the metrics begins the longest block anew.
  const replicas = await Promise.all(hooks.map(replicaNow));
  await until('the entries to be pruned', () => assertPruned(hooks), { timeoutMs: LIMIT_MS, everyMs: 1_000 });
  const after = await Promise.all(hooks.map(callsOf));
  const moved = size.atOnce * (size.pods / size.nodes);
  const perPod = (of: (calls: Calls) => number) =>
    (after.reduce((sum, calls) => sum + of(calls), 0) - before.reduce((sum, calls) => sum + of(calls), 0)) / moved;
  return {
    ...size,
    moved,
    needed: { ms: neededMs, ...without.load },
    markMs,
    took: { ms: tookMs, ...drained.load },
    endedMs,
    begunAgain,
    synced,
    replicas,
    callsPerPod: perPod(({ reads, writes }) => reads + writes),
    allCallsPerPod: perPod(({ all }) => all),
    ...(await timesOf(hooks)),
  };
}

async function startHooks({ context, client }: Fleet, kubeconfigPath: string): Promise<HookProcess[]> {
  const env = {
    PROFILES: FLEET_MODELS.map(({ profile }) => profile).join(),
    TRACKING_RESOURCE_TYPE: 'namespace',
    TRACKING_RETENTION: RETENTION,
  };
  const hooks = await Promise.all(
    Array.from({ length: REPLICAS }, () => context.startHook(kubeconfigPath, env, START_WITHIN_MS)),
  );
  const service = await startBalancer(hooks.map(({ webhookPort }) => webhookPort));
  context.defer(() => service.close());
  const { caBundle } = context.authority;
  const urls = [`https://127.0.0.1:${service.port}/eviction`];
  await registerWebhook(client, { urls, caBundle }, { signal: context.signal });
  return hooks;
}

/** Also where the machine has much else to do. */
const START_WITHIN_MS = 10 * 60_000;

function namespacesOf(size: FleetSize): string[][] {
  const moved = fleetOf(size).filter(({ nodes }) => nodes.some((node) => node < size.atOnce));
  return FLEET_MODELS.map((_, index) => moved.flatMap(({ model, namespace }) => (model === index ? namespace : [])));
}

const nodesOf = ({ atOnce }: FleetSize, step: number) =>
  Array.from({ length: atOnce }, (_, index) => fleetNode(step * atOnce + index));

const onNodes = ({ size }: Fleet, step: number, act: (node: string) => Promise<void>) =>
  Promise.all(nodesOf(size, step).map((node) => until(`${node} to be changed`, () => act(node))));

/** Their operators have begun no move and no rebalance that is not over. */
async function assertBalanced({ client }: Fleet): Promise<void> {
  const kinds = new Set(FLEET_MODELS.map(({ kind }) => `/apis/${kind.group}/${kind.version}/${kind.plural}`));
  const lists = await Promise.all([...kinds].map((path) => client.json({ method: 'GET', path })));
  const conditions = lists.flatMap(({ items }) =>
    (items as readonly RawCluster[]).flatMap(({ status }) => status?.conditions ?? []),
  );
  const open = conditions.filter(({ type, status }) => type === 'Balanced' && status !== 'True');
  if (open.length > 0) throw new NotYet(`${open.length} are not`);
}

interface RawCluster {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** What one step did to the API and to the operators. */
async function watched<T>({ api, operators }: Fleet, step: () => Promise<T>) {
  const look = () =>
    Promise.all([api.call('cpuSeconds', undefined as never), operators.call('failed', undefined as never)]);
  const startedAt = performance.now();
  const [cpuBefore, failedBefore] = await look();
  const value = await step();
  const [cpu, failed] = await look();
  const seconds = (performance.now() - startedAt) / 1_000;
  const load: Omit<UpgradeStep, 'ms'> = { apiCpu: (cpu - cpuBefore) / seconds, failedCalls: failed - failedBefore };
  return { value, load };
}

interface Unhooked {
  readonly neededMs: number;
  /** Of the marks alone, which are one write each; 99 of a hundred took no longer. */
  readonly markMs: number;
}

async function moveWithoutHook(fleet: Fleet): Promise<Unhooked> {
  const { context, size, client, operators } = fleet;
  const { signal } = context;
  const nodes = nodesOf(size, 0);
  const pods = await podsOf(fleet, nodes);
  for (const node of nodes) await until(`${node} to be cordoned`, () => cordon(client, node, signal));
  await operators.call('lookNow', undefined as never);
  const startedAt = Date.now();
  const markMs = await Promise.all(
    pods.map((pod) => until(`the mark of ${pod.name}`, () => mark(client, pod, startedAt))),
  );
  const neededMs = (await untilDeleted(fleet, pods)) - startedAt;
  return {
    neededMs,
    markMs: percentile(
      markMs.toSorted((a, b) => a - b),
      0.99,
    ),
  };
}

async function podsOf({ context, client }: Fleet, nodes: readonly string[]): Promise<NodePod[]> {
  const pods: NodePod[] = [];
  for (const node of nodes) {
    pods.push(...(await until(`the pods of ${node}`, () => podsOn(client, node, context.signal))));
  }
  return pods;
}

/** Resolves to when their operators have deleted the last one, epoch milliseconds. */
async function untilDeleted({ operators, context }: Fleet, pods: readonly NodePod[]): Promise<number> {
  const begun = performance.now();
  for (;;) {
    const deletedAt = await operators.call('deletedAt', undefined as never);
    const times = pods.flatMap(({ uid }) => deletedAt[uid] ?? []);
    if (times.length === pods.length) return Math.max(...times);
    if (performance.now() - begun > LIMIT_MS) throw new Error(`${pods.length - times.length} pods were not moved`);
    await sleep(1_000, undefined, { signal: context.signal });
  }
}

/** As its operator wants it. Resolves to the milliseconds since then. */
async function mark(client: ApiClient, { namespace, name, labels }: NodePod, since: number): Promise<number> {
  const model = FLEET_MODELS.find((one) => {
    const wanted = Object.entries(one.labels(CLUSTER, name));
    return wanted.every(([key, value]) => labels[key] === value);
  });
  const { key = '', value = '' } = model?.mark ?? {};
  const body = { metadata: { annotations: { [key]: value || 'true' } } };
  const contentType = 'application/merge-patch+json';
  await client.json({ method: 'PATCH', path: podPath(namespace, name), contentType, body });
  return Date.now() - since;
}

async function drainAll(fleet: Fleet): Promise<{ tookMs: number; endedMs: number; begunAgain: number }> {
  const { context, size, client, operators } = fleet;
  const drainer = drainerOf(KUBECTL, client);
  const { signal } = context;
  const nodes = nodesOf(size, 1);
  const pods = await podsOf(fleet, nodes);
  // So both steps wait equally long for their operators' first look.
  await operators.call('lookNow', undefined as never);
  const startedAt = Date.now();
  let begunAgain = 0;
  const left = () => startedAt + LIMIT_MS - Date.now();
  const drain = async (node: string) => {
    // Whoever drains by kubectl runs it again when an API server did not answer.
    while ((await drainer.drain({ node, timeoutMs: left(), signal })) !== 0) {
      if (left() <= 0) throw new Error(`the drain of ${node} did not end`);
      begunAgain++;
    }
  };
  await Promise.all(nodes.map(drain));
  const endedMs = Date.now() - startedAt;
  return { tookMs: (await untilDeleted(fleet, pods)) - startedAt, endedMs, begunAgain };
}

async function assertPruned(hooks: readonly HookProcess[]): Promise<void> {
  const counts = await Promise.all(hooks.map(async ({ healthUrl }) => entriesIn(await metricsOf(healthUrl))));
  const left = Math.max(...counts);
  if (left > 0) throw new NotYet(`${left} are left`);
}

async function replicaNow({ pid, healthUrl }: HookProcess): Promise<UpgradeReplica> {
  const { rssMb, blockMs } = await scrape(healthUrl);
  const status = await readFile(`/proc/${pid}/status`, 'utf-8').catch(() => '');
  const peakMb = (Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1_024) / 1e6;
  return { rssMb, peakMb, blockMs };
}

interface Calls extends ApiCalls {
  readonly all: number;
}

async function callsOf({ healthUrl }: HookProcess): Promise<Calls> {
  const text = await metricsOf(healthUrl);
  return { ...callsIn(text), all: allCallsIn(text) };
}

async function timesOf(hooks: readonly HookProcess[]): Promise<{ answers: AnswerTimes; marks: AnswerTimes }> {
  const texts = await Promise.all(hooks.map(({ healthUrl }) => metricsOf(healthUrl)));
  return { answers: answerTimes(texts), marks: answerTimes(texts, 'mark') };
}
