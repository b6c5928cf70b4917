import { isDeepStrictEqual } from 'node:util';
import { BUDGET, type Kind, NAMESPACE, NODE, POD, SERVICE_ACCOUNT } from '../storage/kinds.ts';
import {
  type ApiObject,
  isPodReady,
  type Json,
  type Node,
  type OwnerReference,
  type Pod,
  recordAt,
  timestamp,
} from '../storage/object.ts';
import { selects } from '../storage/selectors.ts';
import type { World } from '../storage/world.ts';
import { type DeleteOptions, removeNow } from '../writes/deletion.ts';
import type { BudgetStatus } from '../writes/eviction.ts';
import { changeAs, createAs } from '../writes/writes.ts';

const MANAGER = 'kube-controller-manager';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
/** How long an eviction that was granted counts, though its pod does not go. */
const DISRUPTION_MS = 120_000;

/** A cordoned node is tainted, too. */
export function taintNodes(world: World): undefined {
  for (const node of world.store.list(NODE) as Node[]) {
    const { taints = [], unschedulable = false, ...spec } = node.spec;
    if (taints.some(({ key }) => key === UNSCHEDULABLE) === unschedulable) continue;
    const taint = { key: UNSCHEDULABLE, effect: 'NoSchedule', timeAdded: timestamp(world.now()) };
    const wanted = unschedulable ? [...taints, taint] : taints.filter(({ key }) => key !== UNSCHEDULABLE);
    changeAs(world, NODE, node, MANAGER, {
      spec: { ...spec, ...(unschedulable ? { unschedulable } : {}), ...(wanted.length > 0 ? { taints: wanted } : {}) },
    });
  }
}

/** Every namespace has its default service account; one that is being deleted is emptied, and then goes. */
export function keepNamespaces(world: World): undefined {
  for (const namespace of world.store.list(NAMESPACE)) {
    if (namespace.metadata.deletionTimestamp === undefined) furnish(world, namespace.metadata.name);
    else empty(world, namespace.metadata.name);
  }
}

function furnish(world: World, namespace: string): void {
  if (world.store.get(SERVICE_ACCOUNT, namespace, 'default') !== undefined) return;
  createAs(world, SERVICE_ACCOUNT, MANAGER, { metadata: { name: 'default', namespace } });
}

function empty(world: World, namespace: string): void {
  const { store, kinds } = world;
  const content = kinds.all
    .filter(({ namespaced }) => namespaced)
    .flatMap((kind) => store.list(kind, namespace).map((object) => ({ kind, object })));
  for (const { kind, object } of content) removeObject(world, kind, object);
  const current = store.get(NAMESPACE, undefined, namespace);
  if (content.length === 0 && current !== undefined) store.remove(NAMESPACE, current);
}

/** What is owned goes with its owners; an owner of a kind that is not served may exist, for all anybody knows. */
export function collectGarbage(world: World): undefined {
  const all = world.kinds.all.flatMap((kind) => world.store.list(kind).map((object) => ({ kind, object })));
  const uids = new Set(all.map(({ object }) => object.metadata.uid));
  const isGone = ({ apiVersion, kind, uid }: OwnerReference) =>
    world.kinds.named(apiVersion, kind) !== undefined && !uids.has(uid);
  for (const { kind, object } of all) {
    const { ownerReferences = [], deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined) releaseDependents(world, kind, object, all);
    else if (ownerReferences.length > 0 && ownerReferences.every(isGone)) removeObject(world, kind, object);
  }
}

/** Foreground: the owner waits until they are gone. Orphan: they stay, without an owner. */
function releaseDependents(
  world: World,
  kind: Kind,
  owner: ApiObject,
  all: readonly { readonly kind: Kind; readonly object: ApiObject }[],
): void {
  const { finalizers = [], uid } = owner.metadata;
  const of = (uid: string) =>
    all.filter(({ object }) => object.metadata.ownerReferences?.some((one) => one.uid === uid));
  const dependents = of(uid);
  for (const dependent of dependents) {
    // One that has dependents itself waits for those in turn: a Deployment for the pods of its ReplicaSet.
    const policy = of(dependent.object.metadata.uid).length > 0 ? { propagationPolicy: 'Foreground' } : {};
    if (finalizers.includes('foregroundDeletion')) removeObject(world, dependent.kind, dependent.object, policy);
    else if (finalizers.includes('orphan')) disown(world, dependent.kind, dependent.object, uid);
  }
  const isOver = finalizers.includes('orphan') || dependents.length === 0;
  const left = finalizers.filter((name) => !(isOver && ['foregroundDeletion', 'orphan'].includes(name)));
  if (left.length < finalizers.length) changeAs(world, kind, owner, MANAGER, { metadata: { finalizers: left } });
}

function disown(world: World, kind: Kind, object: ApiObject, uid: string): void {
  const ownerReferences = object.metadata.ownerReferences?.filter((one) => one.uid !== uid) ?? [];
  changeAs(world, kind, object, MANAGER, { metadata: { ownerReferences } });
}

function removeObject(world: World, kind: Kind, { metadata }: ApiObject, options: DeleteOptions = {}): void {
  const { namespace, name, uid, deletionTimestamp } = metadata;
  if (deletionTimestamp !== undefined || world.store.get(kind, namespace, name)?.metadata.uid !== uid) return;
  removeNow(world, { kind, namespace, name }, { ...options, preconditions: { uid } }, false);
}

/** Counts what each disruption budget still allows. */
export function countBudgets(world: World): number | undefined {
  const waits = world.store.list(BUDGET).flatMap((budget) => countBudget(world, budget) ?? []);
  return waits.length === 0 ? undefined : Math.min(...waits);
}

function countBudget(world: World, budget: ApiObject): number | undefined {
  const { namespace, generation: observedGeneration } = budget.metadata;
  const spec = recordAt(budget, 'spec');
  const before = budget.status as unknown as BudgetStatus;
  const pods = (world.store.list(POD, namespace) as Pod[]).filter(({ metadata }) =>
    selects(spec.selector, metadata.labels),
  );
  const disrupted = stillDisrupted(world, pods, before.disruptedPods);
  const healthy = pods.filter(
    (pod) => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined && !(pod.metadata.name in disrupted),
  );
  const expectedPods = pods.length;
  const desiredHealthy = desiredOf(spec, expectedPods);
  const currentHealthy = healthy.length;
  const disruptionsAllowed = expectedPods === 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const counted = { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods, observedGeneration };
  const isAllowed = disruptionsAllowed > 0;
  const [known] = (recordAt(budget, 'status').conditions ?? []) as readonly { status: string }[];
  const condition = {
    type: 'DisruptionAllowed',
    status: isAllowed ? 'True' : 'False',
    reason: isAllowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    observedGeneration,
    lastTransitionTime: timestamp(world.now()),
  };
  const conditions = known?.status === condition.status ? [known] : [condition];
  const status: Json = {
    ...counted,
    ...(Object.keys(disrupted).length > 0 ? { disruptedPods: disrupted } : {}),
    conditions,
  };
  if (!isDeepStrictEqual(status, before)) changeAs(world, BUDGET, budget, MANAGER, { status });
  const deadlines = Object.values(disrupted).map((at) => Date.parse(at) + DISRUPTION_MS - world.now());
  return deadlines.length === 0 ? undefined : Math.min(...deadlines);
}

/** Evictions that were granted and have not shown yet. */
function stillDisrupted(world: World, pods: readonly Pod[], granted: Readonly<Record<string, string>> = {}) {
  const entries = Object.entries(granted).filter(([name, at]) => {
    const pod = pods.find(({ metadata }) => metadata.name === name);
    const isOver = Date.parse(at) + DISRUPTION_MS <= world.now();
    return pod !== undefined && pod.metadata.deletionTimestamp === undefined && !isOver;
  });
  return Object.fromEntries(entries);
}

function desiredOf({ minAvailable, maxUnavailable }: Json, expected: number): number {
  if (maxUnavailable !== undefined) return Math.max(0, expected - scaled(maxUnavailable, expected));
  return minAvailable === undefined ? Math.max(0, expected - 1) : scaled(minAvailable, expected);
}

/** A number, or a percentage of all, rounded up. */
const scaled = (value: unknown, of: number) =>
  typeof value === 'string' ? Math.ceil((Number.parseInt(value, 10) * of) / 100) : Number(value);
