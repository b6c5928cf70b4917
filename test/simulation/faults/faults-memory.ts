import type { Cache } from '../../../src/cache/cache.ts';
import { DRAINERS } from '../runs/variant.ts';
import type { Fault } from './fault.ts';

/** The cache without any draining node. */
function withNobodyDraining(cache: Cache): Cache {
  const nodes = Object.create(cache.nodes, {
    get: { value: (name: string) => ({ ...cache.nodes.get(name), unschedulable: false, taints: [] }) },
  }) as Cache['nodes'];
  return { ...cache, nodes };
}

/** Faults in marks, memory, pruning and reports: (c), (e), (g), (h) and (i). */
export const FAULTS_OF_MEMORY: readonly Fault[] = [
  {
    what: 'an entry is consumed by the first answer that it gives',
    violates: 'c',
    variant: { tracking: 'inPlace', replicas: 2, drainers: [DRAINERS.kubectl, DRAINERS.kubectl] },
    begins: ['kubectl-0 starts on n1', 'r0 is told everything', 'r1 is told everything'],
    mutation: { consumesEntries: true },
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
      tracking: (tracking) => ({
        ...tracking,
        project(object) {
          const { spec } = object as { spec?: { upgradeProcess?: string } };
          return { ...tracking.project(object), reusesNames: spec?.upgradeProcess === 'InPlaceUpgrade' };
        },
      }),
    },
  },
  {
    what: 'a pod is marked that the cache has not seen yet',
    violates: 'c',
    variant: { tracking: 'off' },
    mutation: { observation: (seen) => ({ ...seen, cacheKnowsInstance: true }) },
  },
  {
    what: 'the end of an instance is not told where a list has the next one of that name',
    violates: 'c',
    variant: { tracking: 'off', replicas: 1, drainers: [DRAINERS.kubectl, DRAINERS.clusterApi] },
    mutation: { missesReplaced: true },
  },
  {
    what: 'an entry is written without the version of the tracking resource that it was decided on',
    violates: 'g',
    variant: { tracking: 'inPlace', longNames: false, drainers: [DRAINERS.kubectl, DRAINERS.karpenter] },
    begins: [
      'kubectl-0 starts on n1',
      'kubectl-0 lists',
      'r0 is told everything',
      'kubectl-0 evicts cb-0 at r0',
      "t0's call breaks off",
      't0 is answered',
      'operator restarts cb-0',
      'operator creates cb-0',
    ],
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
  {
    what: "the clock of the machine says how old a mark is, not the API server's",
    violates: 'h',
    variant: { aheadMs: 7_200_000 },
    mutation: { trustsOwnClock: true },
  },
  {
    what: 'a call that hangs is waited for beyond the deadline of the answer',
    violates: 'i',
    mutation: { answersLate: true },
  },
];
