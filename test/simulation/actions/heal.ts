import { decodeEntry, entryKey, entryPod } from '../../../src/policy/entry.ts';
import { WATCH_KINDS } from '../model/api-server.ts';
import { quiet } from '../model/clock.ts';
import type { Drainer } from '../model/drainer.ts';
import { COUCHBASE } from '../model/families.ts';
import { SECOND } from '../model/installations.ts';
import { isTerminatingOrFinished, NAMESPACE, NODES, type SimPod } from '../model/objects.ts';
import type { Operator } from '../model/operator.ts';
import { isDraining } from '../model/truth.ts';
import type { Simulation } from '../runs/simulation.ts';
import { deliverAll } from './actions.ts';
import type { SimTask } from './admission.ts';
import { kubeletEnds, pinnedTo } from './cluster-actions.ts';
import { markMovedByHand, stripMarks } from './somebody.ts';
import { write } from './tenant.ts';

/** A round takes a minute while drains are open, and ten minutes if only pruning is left. */
const MINUTE_MS = 60_000;
/** A round limit. Good runs need 22 at most. */
const ROUNDS_TO_END = 40;
const ROUNDS_TO_PRUNE = 30;
/** Longer than a pod may wait before it is reported as stalled. */
const ROUNDS_OF_STRIPPING = 25;
/** Longer than a minute: of three replicas, each then marks a pod less often than a mark may be lost that is not forgotten. */
const STRIPPING_MS = 61_000;
const ROUNDS_OF_MARKS_BY_HAND = 10;
/** Enough for a pod that comes back to be moved more often than it may be. */
const ROUNDS_OF_RETURNS = 20;

/**
 * From here on nothing fails, and all parts get their turn again and again. Under that fairness every drain must end
 * (d). When no node is draining any more, no entry or memory may remain (e). Resolves to the number of rounds.
 */
export async function heal(sim: Simulation): Promise<number> {
  mend(sim);
  sim.invariants.nothingFails();
  const interferedRounds = (await stripForAWhile(sim)) + (await leaveMarksByHand(sim));
  const hangRounds = await endThoughCallsHang(sim);
  const most = sim.variant.toleratesCordon ? ROUNDS_OF_RETURNS : ROUNDS_TO_END;
  let endRounds = await roundsWhile(sim, { most, ms: MINUTE_MS }, () => stuck(sim) !== undefined);
  if (!sim.variant.toleratesCordon && stuck(sim) !== undefined && removeHolding(sim))
    endRounds += await roundsWhile(sim, { most, ms: MINUTE_MS }, () => stuck(sim) !== undefined);
  if (sim.invariants.violation === undefined && waitForNodes(sim)) {
    uncordonAll(sim);
    endRounds += await roundsWhile(sim, { most, ms: MINUTE_MS }, () => stuck(sim) !== undefined);
  }
  // A pod that tolerates the cordon comes back, and its drain cannot end.
  const drain = sim.variant.toleratesCordon ? undefined : stuck(sim);
  if (drain !== undefined) sim.invariants.violate('d', `the drain of ${drain.node} by ${drain.name} does not end`);
  for (const drainer of sim.drainers) drainer.end(true);
  uncordonAll(sim);
  const pruneRounds = await roundsWhile(
    sim,
    { most: ROUNDS_TO_PRUNE, ms: 10 * MINUTE_MS },
    () => leftOver(sim) !== undefined,
  );
  const left = leftOver(sim);
  if (left !== undefined) sim.invariants.violate('e', `${left} is never pruned`);
  return interferedRounds + hangRounds + endRounds + pruneRounds;
}

function uncordonAll({ server }: Simulation): void {
  for (const name of NODES) server.putNode(name, (node) => Object.assign(node, { unschedulable: false, taints: [] }));
}

/** Whether drains are open, and each of them waits for a pod that can run on a draining node only. */
function waitForNodes(sim: Simulation): boolean {
  const open = sim.drainers.filter(({ phase }) => phase !== 'idle');
  return open.length > 0 && open.every((drainer) => waitsForNode(sim, drainer));
}

/**
 * Whether one of its pods, or the new member of its swap, can run on a draining node only. It is enough for `left`, and by
 * UID, that the pod has gone; its swap must end all the same. Or it waits for its turn, and such a pod is before it.
 */
function waitsForNode(sim: Simulation, { targets, kind }: Drainer): boolean {
  const mayGo = sim.variant.condition === 'left' || kind.namesUid;
  const open = [...targets.values()].filter(({ state }) => state !== 'done' && state !== 'failed');
  return open.some(({ name }) => {
    const operator = sim.operatorOf(name);
    const next = operator?.swaps.get(name);
    if (operator?.needsAllPods && operator.names.some((one) => hasNoNode(sim, one))) return true;
    return (!mayGo && hasNoNode(sim, name)) || (next !== undefined && hasNoNode(sim, next));
  });
}

/** Whether the pod of that name waits for its only node, which is draining. */
function hasNoNode(sim: Simulation, name: string): boolean {
  const node = pinnedTo(sim, name);
  const pod = sim.server.pods.get(name);
  return pod !== undefined && pod.node === undefined && node !== undefined && isDraining(sim.server.nodes.get(node));
}

function mend(sim: Simulation): void {
  sim.calls.hanging.clear();
  for (const operator of sim.operators) Object.assign(operator, { isUp: true, isPaused: false });
  labelGroups(sim);
  // These nodes never drain, so that pods always have a place.
  for (const name of ['n4', 'n5']) sim.server.putNode(name, () => undefined);
  sim.createTracker();
  for (const replica of sim.replicas) {
    if (!sim.server.registrations.has(replica.installation)) sim.crash(replica);
    sim.startProcess(replica);
    // A working watch continues, because a new list would repair the watch's errors.
    for (const kind of WATCH_KINDS) if (!replica.process?.feed.isWatching(kind)) replica.process?.list(kind);
  }
}

/**
 * Somebody takes every mark away before the operator acts. Or they do so in every fifth round, while the operator is paused.
 * Such pods are reported as stalled (m).
 */
async function stripForAWhile(sim: Simulation): Promise<number> {
  const { stripsMarks } = sim.variant;
  if (stripsMarks === 'never') return 0;
  for (const operator of sim.operators) operator.isPaused = stripsMarks === 'later';
  const every = stripsMarks === 'later' ? 5 : 1;
  const beforeOperator = (round: number) => {
    if (round % every === every - 1) sim.invariants.stripped(stripMarks(sim));
  };
  const span = { most: ROUNDS_OF_STRIPPING, ms: STRIPPING_MS };
  const rounds = await roundsWhile(sim, span, () => stuck(sim) !== undefined, { beforeOperator });
  for (const operator of sim.operators) operator.isPaused = false;
  sim.invariants.checkStripped();
  return rounds;
}

/** Somebody else marks pods that have moved, and the operator leaves them alone. No drain waits for them (d). */
async function leaveMarksByHand(sim: Simulation): Promise<number> {
  if (!sim.variant.marksByHand) return 0;
  for (const operator of sim.operators) operator.leavesMarksByHand = true;
  sim.invariants.leavesMarksByHand(true);
  const span = { most: ROUNDS_OF_MARKS_BY_HAND, ms: MINUTE_MS };
  const afterOperator = () => markMovedByHand(sim);
  const rounds = await roundsWhile(sim, span, () => stuck(sim) !== undefined, { afterOperator });
  sim.invariants.leavesMarksByHand(false);
  for (const operator of sim.operators) operator.leavesMarksByHand = false;
  return rounds;
}

/** Removes the made-up entries that drains may wait for; false if there are none. */
function removeHolding(sim: Simulation): boolean {
  const keys = [...sim.server.trackers.values()].flatMap((tracker) => sim.invariants.forgeries.holding(tracker));
  for (const key of keys) write(sim, key, undefined);
  return keys.length > 0;
}

/** Drains must end also while a class of calls hangs that they can do without. */
async function endThoughCallsHang(sim: Simulation): Promise<number> {
  const { hangs, toleratesCordon } = sim.variant;
  if (hangs === 'never' || hangs === 'now and then' || toleratesCordon) return 0;
  await answerAll(sim);
  sim.calls.hanging.set(hangs, sim.clock.now);
  const rounds = await roundsWhile(sim, { most: ROUNDS_TO_END, ms: MINUTE_MS }, () => stuck(sim) !== undefined);
  const drain = sim.drainers.find(
    (drainer) => drainer.phase !== 'idle' && !mayWait(sim, drainer) && !waitsForNode(sim, drainer),
  );
  if (drain !== undefined)
    sim.invariants.violate('d', `the drain of ${drain.node} by ${drain.name} does not end while ${hangs} calls hang`);
  sim.calls.hanging.clear();
  return rounds;
}

/** Whether what hangs, or what a tenant wrote, must keep the drain waiting. */
function mayWait(sim: Simulation, { targets }: Drainer): boolean {
  const { server, invariants } = sim;
  const held = [...server.trackers.values()].flatMap((tracker) => invariants.forgeries.holding(tracker));
  const open = [...targets.values()].filter(({ state }) => state !== 'done' && state !== 'failed');
  return open.some(({ name }) => {
    const pod = server.pods.get(name);
    return held.includes(entryKey(NAMESPACE, name)) || (pod !== undefined && mayWaitFor(sim, pod));
  });
}

function mayWaitFor({ server, replicas, variant, invariants }: Simulation, pod: SimPod): boolean {
  const isDrained = isDraining(server.nodes.get(pod.node ?? ''));
  // The absence of a tracker, and a mark where nobody drains, must rest on a live read of the tracker. So must a turn.
  const isOfGroup = pod.profile?.maxConcurrent !== undefined;
  if (variant.hangs === 'tracker')
    return variant.tracking === 'missing' || !isDrained || isOfGroup || hasNone(server, pod, variant);
  if (variant.hangs !== 'watch') return false;
  // The caches would have to notice it, or that what is known of its name is to be pruned.
  const entry = invariants.entryOf(pod.name);
  const isUnknown = replicas.some(({ process }) => !process?.feed.received.knows(pod.name, pod.uid));
  const memories = replicas.map(({ process }) => process?.cache.earlierInstances.get(`${NAMESPACE}/${pod.name}`));
  const isOnItsNode = !isDrained && [entry, ...memories].some((known) => known?.node === pod.node);
  // One that a tenant has made up may be where the hook does not look.
  const isMadeUp = invariants.forgeries.changedAt(entryKey(NAMESPACE, pod.name)) !== -1;
  return (isUnknown && (entry === undefined || isMadeUp)) || isOnItsNode || isTerminatingOrFinished(pod);
}

/** The ConfigMap for its entry has yet to be created. */
function hasNone(
  { trackers }: Simulation['server'],
  { profile }: SimPod,
  { usesConfigMap }: Simulation['variant'],
): boolean {
  const isThere = [...trackers.values()].some(({ created }) => created !== undefined);
  return usesConfigMap && profile?.tracking === 'namespace' && !isThere;
}

async function roundsWhile(
  sim: Simulation,
  { most, ms }: { most: number; ms: number },
  isOpen: () => boolean,
  interference: Interference = {},
): Promise<number> {
  let rounds = 0;
  for (; rounds < most && sim.invariants.violation === undefined && isOpen(); rounds++) {
    await round(sim, rounds, interference);
    await sim.advance(ms, () => answerAll(sim));
  }
  return rounds;
}

const stuck = ({ drainers }: Simulation) => drainers.find(({ phase }) => phase !== 'idle');

function leftOver({ server, replicas }: Simulation): string | undefined {
  // The hook keeps its knowledge of an instance until the next one of that name has settled or gone.
  const isKept = (name: string | undefined) => server.pods.get(name ?? '')?.finishedAt !== undefined;
  const entries = [...server.trackers.values()].flatMap(({ kind, annotations }) =>
    Object.entries(annotations)
      // What is about no pod of the namespace is not the hook's.
      .filter(([key, value]) => entryPod(key, value)?.namespace === NAMESPACE)
      // Nor is what the second installation is said to have written where it has no entries.
      .filter(([, value]) => kind !== 'others' || decodeEntry(value).installation !== SECOND)
      .filter(([key, value]) => !isKept(entryPod(key, value)?.name))
      .map(([key]) => `the entry ${key}`),
  );
  const memories = replicas.flatMap(({ name, process }) =>
    (process?.cache.earlierInstances.pods() ?? [])
      .filter((pod) => !isKept(pod.name))
      .map((pod) => `what ${name} remembers of ${pod.name}`),
  );
  return [...entries, ...memories, ...ghosts(replicas, server)][0];
}

/** Objects in the caches that the API server lacks, or that the caches' watches would not deliver. */
function ghosts(replicas: Simulation['replicas'], server: Simulation['server']): string[] {
  return replicas.flatMap(({ name, process }) => {
    const watched = [...server.pods.values()].filter((pod) => process?.watches(pod));
    const there = new Set(watched.map(({ uid }) => uid));
    return [...(process?.cache.pods.values() ?? [])]
      .filter(({ uid }) => !there.has(uid))
      .map(({ uid }) => `what the cache of ${name} has of ${uid}`);
  });
}

/** What somebody does in every round, before the operator acts and afterwards. All replicas are told of it. */
interface Interference {
  readonly beforeOperator?: (round: number) => void;
  readonly afterOperator?: () => void;
}

async function round(sim: Simulation, number: number, { beforeOperator, afterOperator }: Interference): Promise<void> {
  while (sim.calls.settleLimbo(true));
  await answerAll(sim);
  if (beforeOperator !== undefined) await tellAll(sim, () => beforeOperator(number));
  operate(sim);
  if (afterOperator !== undefined) await tellAll(sim, afterOperator);
  for (const drainer of sim.drainers) await drain(sim, drainer, number);
  await answerAll(sim);
}

async function tellAll(sim: Simulation, interfere: () => void): Promise<void> {
  interfere();
  await answerAll(sim);
}

/** Answers calls until everything waits only for time. */
async function answerAll(sim: Simulation): Promise<void> {
  for (let isBusy = true; isBusy; ) {
    const isDelivered = sim.replicas.map(deliverAll).includes(true);
    await quiet();
    const isServed = sim
      .tasks()
      .map((task) => serveAll(sim, task))
      .includes(true);
    await quiet();
    sim.sweep();
    const isAnswered = slotsOf(sim)
      .map((slot) => sim.answer(slot, false))
      .includes(true);
    isBusy = isDelivered || isServed || isAnswered;
  }
}

/** Of two installations, now the one and now the other is the first to answer. */
function slotsOf({ slots, second, clock }: Simulation): number[] {
  const inOrder = [...slots.keys()];
  return second !== undefined && Math.floor(clock.now / MINUTE_MS) % 2 === 1 ? inOrder.reverse() : inOrder;
}

function serveAll({ calls }: Simulation, task: SimTask): boolean {
  let isBusy = false;
  while (calls.serve(task)) isBusy = true;
  while (calls.answer(task, false)) isBusy = true;
  return isBusy;
}

function operate(sim: Simulation): void {
  for (const pod of [...sim.server.pods.values()]) kubeletEnds(sim, pod);
  for (const operator of sim.operators) for (const name of operator.names) operateOn(sim, operator, name);
  place(sim);
}

function operateOn({ variant }: Simulation, operator: Operator, name: string): void {
  // Somebody may be waiting for the new member of a swap, or for others of a group.
  const isNeeded = operator.needsAllPods || [...operator.swaps.values()].includes(name);
  if (!variant.leavesCorpses || isNeeded) operator.restart(name, true);
  if (!operator.endSwap(name) && !operator.deleteMarked(name) && !operator.renameMarked(name)) operator.startSwap(name);
  operator.recreate(name);
}

/** Others of a group wait for a pod that has lost its label as for one that has gone: for an hour. */
function labelGroups({ server }: Simulation): void {
  for (const pod of server.pods.values()) {
    const isOfGroup = pod.profile?.maxConcurrent !== undefined;
    if (isOfGroup && !pod.isLabelled) server.changePod(pod, () => Object.assign(pod, { isLabelled: true }));
  }
}

/** Schedules every waiting pod, and makes the others ready. */
function place(sim: Simulation): void {
  const { server } = sim;
  for (const pod of server.pods.values()) {
    const node = pod.node === undefined ? freeNode(sim, pod) : undefined;
    if (node !== undefined) server.changePod(pod, () => Object.assign(pod, { node }));
    else if (isStarting(pod)) server.changePod(pod, () => Object.assign(pod, { ready: true }));
  }
}

const isStarting = ({ node, ready, finishedAt }: SimPod) => node !== undefined && !ready && finishedAt === undefined;

/** A node that is not draining: the last node of that name, or else the first. Undefined if its only node drains. */
function freeNode(sim: Simulation, { name }: SimPod): string | undefined {
  const { server, variant } = sim;
  const only = pinnedTo(sim, name);
  if (only !== undefined) return isDraining(server.nodes.get(only)) ? undefined : only;
  const before = server.lastNodes.get(name);
  if (variant.toleratesCordon) return before !== undefined && server.nodes.has(before) ? before : 'n5';
  const free = [...server.nodes.values()].filter((node) => !isDraining(node)).map((node) => node.name);
  const last = server.lastNodes.get(name);
  return variant.keepsNodes && last !== undefined && free.includes(last) ? last : (free[0] ?? 'n5');
}

/** Whether the next eviction may have to wait for others. The pods of Couchbase alone are few. */
function isCrowded({ slots, variant }: Simulation): boolean {
  const isFew = variant.families.every((family) => family === COUCHBASE);
  return !isFew && slots.filter((slot) => slot === undefined).length < 2;
}

async function drain(sim: Simulation, drainer: Drainer, number: number): Promise<void> {
  if (drainer.phase === 'marked') drainer.list();
  for (const { name } of drainer.targets.values()) drainer.poll(name);
  if (drainer.isThrough()) drainer.end(true);
  for (const [i, { name }] of [...drainer.targets.values()].entries()) {
    const replica = sim.ours[(number + i) % sim.ours.length];
    if (replica === undefined) continue;
    if (isCrowded(sim)) await answerAll(sim);
    sim.ask(drainer, name, replica);
  }
}
