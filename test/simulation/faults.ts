import type { Cache } from '../../src/cache/cache.ts';
import type { Decision, Observation } from '../../src/policy/decision.ts';
import { ENTRY_PREFIX } from '../../src/policy/entry.ts';
import type { InvariantId } from './invariants.ts';
import type { Mutation } from './mutation.ts';
import { DRAINERS, type Variant } from './variant.ts';

/** A fault that is planted, to show that it would be found. */
export interface Fault {
  readonly what: string;
  /** What it violates. */
  readonly violates: InvariantId;
  readonly mutation: Mutation;
  /** Where it can show itself. */
  readonly variant?: Partial<Variant>;
}

/** Without a pod a live observation is rule 2: 404. */
function asGone({ pod: _pod, node: _node, ...rest }: Observation): Observation {
  return rest;
}

const hasEarlier = ({ pod, entry, departed }: Observation) =>
  pod !== undefined && (entry ?? departed) !== undefined && (entry ?? departed)?.uid !== pod.uid;

const denied = (code: 404 | 500): Decision => ({ kind: 'deny', rule: 'S6', reason: 'Doubt', code, message: '' });
/** No node of it is draining. */
function withNobodyDraining(cache: Cache): Cache {
  const nodes = Object.create(cache.nodes, {
    get: { value: (name: string) => ({ ...cache.nodes.get(name), unschedulable: false, taints: [] }) },
  }) as Cache['nodes'];
  return { ...cache, nodes };
}

const ALLOWED: Decision = { kind: 'allow', rule: '6', reason: 'Corpse' };

export const FAULTS: readonly Fault[] = [
  {
    what: 'an entry means "moved", whatever node the pod is on',
    violates: 'b',
    mutation: { observation: (seen) => (seen.evidence === 'live' && hasEarlier(seen) ? asGone(seen) : seen) },
  },
  {
    what: 'an entry is consumed by the first answer that it gives',
    violates: 'c',
    mutation: { consumesEntries: true },
  },
  {
    what: 'an entry with the own UID means "moved": the mark failed, another is about to write it, or it was taken away',
    violates: 'b',
    variant: { tracking: 'inPlace' },
    mutation: {
      observation: (seen) =>
        seen.evidence === 'live' && seen.pod !== undefined && seen.entry?.uid === seen.pod.uid && !seen.pod.mark
          ? asGone(seen)
          : seen,
    },
  },
  {
    what: 'a dry run in the body is not seen',
    violates: 'f',
    mutation: { request: (request) => ({ ...request, dryRun: false }) },
    variant: { drainers: [DRAINERS.dryRun, DRAINERS.kubectl] },
  },
  {
    what: 'a key that is too long is not cut',
    violates: 'd',
    variant: { longNames: true, tracking: 'inPlace', drainers: [DRAINERS.kubectl] },
    mutation: {
      writes: (writes) => ({
        ...writes,
        writeEntry: (tracker, _key, value, signal) =>
          writes.writeEntry(tracker, ENTRY_PREFIX + (JSON.parse(value) as { pod: string }).pod, value, signal),
      }),
    },
  },
  {
    what: 'the UID that a request names is not looked at',
    violates: 'c',
    mutation: { request: ({ uid: _uid, ...request }) => request },
    variant: { drainers: [DRAINERS.karpenter, DRAINERS.kubectl] },
  },
  {
    what: 'the mark is written without the UID that it was decided on',
    violates: 'g',
    mutation: {
      writes: (writes) => ({
        ...writes,
        markPod: ({ namespace, name }, ...rest) =>
          writes.markPod({ namespace, name } as Parameters<typeof writes.markPod>[0], ...rest),
      }),
    },
  },
  {
    what: 'the mark is written before the entry',
    violates: 'c',
    variant: { tracking: 'inPlace' },
    mutation: { marksFirst: true },
  },
  {
    what: 'no tracking resource is answered with 500',
    violates: 'd',
    variant: { tracking: 'missing' },
    mutation: {
      decision: (decision) =>
        decision.kind === 'mark' && decision.trackerMissing !== undefined ? denied(500) : decision,
    },
  },
  {
    what: 'an API error is answered with 500',
    violates: 'd',
    mutation: { decision: (decision) => (decision.reason === 'Doubt' ? denied(500) : decision) },
  },
  {
    what: 'the namespace is taken from a body that has none',
    violates: 'b',
    mutation: { request: (request) => ({ ...request, namespace: '' }) },
  },
  {
    what: "a Job's pod is taken for a member",
    violates: 'd',
    mutation: {
      observation: (seen) => {
        const { owner: _owner, ...pod } = seen.pod ?? {};
        return seen.pod === undefined ? seen : { ...seen, pod: pod as NonNullable<Observation['pod']> };
      },
    },
  },
  {
    what: 'without entries, nothing is remembered of a pod that has gone',
    violates: 'c',
    variant: { tracking: 'off' },
    mutation: { forgetsDeparted: true },
  },
  {
    what: 'only the older field of the spec says that names come back',
    violates: 'c',
    variant: { tracking: 'upgradePath' },
    mutation: {
      trackerKind: (kind) => ({
        ...kind,
        reusesNames: (object) =>
          (object as { spec?: { upgradeProcess?: string } }).spec?.upgradeProcess === 'InPlaceUpgrade',
      }),
    },
  },
  {
    what: 'a pod that is gone is let through, not refused with 404',
    violates: 'a',
    mutation: { decision: (decision) => (decision.reason === 'PodGone' ? ALLOWED : decision) },
  },
  {
    what: 'a pod that is ending is let through by name',
    violates: 'a',
    mutation: { decision: (decision) => (decision.reason === 'Ending' ? ALLOWED : decision) },
  },
  {
    what: 'the wall clock says for how long a pod has been over',
    violates: 'a',
    variant: { replicas: 1, drainers: [DRAINERS.kubectl, DRAINERS.clusterApi] },
    mutation: {
      observation: (seen) => ({
        ...seen,
        endingForMs: seen.now - (seen.pod?.finishedAt ?? seen.pod?.deletionDeadline ?? seen.now),
      }),
    },
  },
  {
    what: 'what the cache says is taken for a live read',
    violates: 'b',
    mutation: { observation: (seen) => ({ ...seen, evidence: 'live' }) },
  },
  {
    what: 'a pod is marked that the cache has not seen yet',
    violates: 'c',
    variant: { tracking: 'off' },
    mutation: { observation: (seen) => ({ ...seen, cacheKnowsInstance: true }) },
  },
  {
    what: 'a pod that came back on its node is held to have stayed, though that was not drained',
    violates: 'd',
    variant: { keepsNodes: true, replicas: 1, drainers: [DRAINERS.kubectl] },
    mutation: {
      observation: ({ entry, departed, ...seen }) => ({
        ...seen,
        ...(entry ? { entry: { ...entry, draining: true } } : {}),
        ...(departed ? { departed: { ...departed, draining: true } } : {}),
      }),
    },
  },
  {
    what: 'a pod that is ending is refused with 404',
    violates: 'b',
    mutation: { decision: (decision) => (decision.reason === 'Ending' ? denied(404) : decision) },
  },
  {
    what: 'a successor that is not scheduled yet lets the drain end',
    violates: 'b',
    mutation: { decision: (decision) => (decision.reason === 'WaitingForSchedule' ? denied(404) : decision) },
  },
  {
    what: 'a successor lets the drain end before it is ready, though it should be',
    violates: 'b',
    variant: { condition: 'ready' },
    mutation: { settings: (settings) => ({ ...settings, replacementCondition: 'scheduled' }) },
  },
  {
    what: 'the end of an instance is not told where a list has the next one of that name',
    violates: 'c',
    variant: { tracking: 'off' },
    mutation: { missesReplaced: true },
  },
  {
    what: 'an entry is written without the version of the tracking resource that it was decided on',
    violates: 'g',
    variant: { tracking: 'inPlace', replicas: 2, drainers: [DRAINERS.karpenter, DRAINERS.karpenter, DRAINERS.hasty] },
    mutation: {
      writes: (writes) => ({
        ...writes,
        writeEntry: ({ path }, ...rest) =>
          writes.writeEntry({ path } as Parameters<typeof writes.writeEntry>[0], ...rest),
      }),
    },
  },
  {
    what: 'an entry is pruned while the next instance is on a draining node',
    violates: 'e',
    variant: { tracking: 'inPlace' },
    mutation: { reconcilerCache: withNobodyDraining },
  },
  {
    what: 'what a new list does not name stays in the cache',
    violates: 'e',
    variant: { tracking: 'swap' },
    mutation: { keepsUnlisted: true },
  },
  {
    what: 'nothing is ever pruned',
    violates: 'e',
    mutation: { neverReconciles: true },
  },
  {
    what: 'what the cache remembers is pruned as soon as the pod has settled',
    violates: 'e',
    variant: { tracking: 'off' },
    mutation: { settings: (settings) => ({ ...settings, retentionMs: 0 }) },
  },
  {
    what: 'entries are pruned as soon as the pod has settled',
    violates: 'e',
    variant: { tracking: 'inPlace' },
    mutation: { settings: (settings) => ({ ...settings, retentionMs: 0 }) },
  },
];
