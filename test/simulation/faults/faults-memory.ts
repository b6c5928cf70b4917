import type { Cache } from '../../../src/cache/cache.ts';
import type { TrackerKey } from '../../../src/cache/keys.ts';
import { ENTRY_PREFIX } from '../../../src/policy/entry.ts';
import { type Observation, seenValue } from '../../../src/policy/observation.ts';
import { entryOf } from '../../../src/policy/rules/rule.ts';
import { ELSEWHERE } from '../model/objects.ts';
import { DRAINERS } from '../runs/variant.ts';
import type { Fault } from './fault.ts';
import { asGone } from './faults-answers.ts';

/** The cache without any draining node. */
function withNobodyDraining(cache: Cache): Cache {
  const nodes = Object.create(cache.nodes, {
    get: { value: (name: string) => ({ ...cache.nodes.get(name), unschedulable: false, taints: [] }) },
  }) as Cache['nodes'];
  return { ...cache, nodes };
}

/** The cache in which a tracker stands for the other namespace that an entry of it names. */
function withTrackersElsewhere(cache: Cache): Cache {
  const { trackers } = cache;
  const get = (key: TrackerKey) => {
    const tracker = trackers.get(key);
    const isAbout = (one: string) => one.startsWith(`${ENTRY_PREFIX}${ELSEWHERE}.`);
    return tracker && Object.keys(tracker.entries).some(isAbout) ? { ...tracker, namespace: ELSEWHERE } : tracker;
  };
  return { ...cache, trackers: { get, subscribe: trackers.subscribe.bind(trackers) } as unknown as typeof trackers };
}

/** The cache without what it remembers of the marks that this process made or saw taken away. */
function withoutMarkMemory(cache: Cache): Cache {
  const { markMemory } = cache;
  const forgetful = { get: () => undefined, returnsTo: markMemory.returnsTo.bind(markMemory) };
  return { ...cache, markMemory: forgetful as unknown as typeof markMemory };
}

/** A tenant makes up entries, and little else goes wrong. */
const FORGED = { forges: true, hangs: 'never' } as const;

/** The pod is on another node than the entry of this very instance says. */
function isElsewhere(seen: Observation): boolean {
  const pod = seen.pod.kind === 'present' && seen.pod.from === 'live' ? seen.pod.value : undefined;
  const { uid, node } = entryOf(seen) ?? {};
  return pod?.node !== undefined && uid === pod.uid && node !== undefined && node !== pod.node;
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
    what: 'a mark that takes the place of one that was taken away counts as the first of its instance',
    violates: 'm',
    variant: { stripsMarks: 'at once', tracking: 'inPlace' },
    mutation: { observation: ({ ownMarks: _ownMarks, ...seen }) => seen },
  },
  {
    what: 'without an entry, a pod has waited since its last mark, not since its first',
    violates: 'm',
    variant: { stripsMarks: 'at once', tracking: 'off' },
    mutation: { reconcilerCache: withoutMarkMemory },
  },
  {
    what: 'a call that hangs is waited for beyond the deadline of the answer',
    violates: 'i',
    mutation: { answersLate: true },
  },
  {
    what: 'an entry that names another node than the pod has means "moved"',
    violates: 'b',
    variant: { ...FORGED, tracking: 'inPlace' },
    mutation: { observation: (seen) => (isElsewhere(seen) ? asGone(seen) : seen) },
  },
  {
    what: 'an entry that is no JSON is an error',
    violates: 'd',
    variant: { ...FORGED, tracking: 'inPlace', toleratesCordon: false },
    mutation: {
      observation: (seen) => {
        for (const value of Object.values(seenValue(seen.tracker)?.entries ?? {})) JSON.parse(value);
        return seen;
      },
    },
  },
  {
    what: 'what the cache remembers of an instance does not count where it should have an entry',
    violates: 'c',
    variant: { ...FORGED, tracking: 'inPlace', replicas: 1, drainers: [DRAINERS.kubectl, DRAINERS.clusterApi] },
    mutation: {
      observation: ({ remembered, ...seen }) =>
        seenValue(seen.tracker)?.reusesNames || !remembered ? seen : { ...seen, remembered },
    },
  },
  {
    what: 'an entry counts for a pod of whatever namespace it names',
    violates: 'g',
    variant: { ...FORGED, tracking: 'inPlace' },
    mutation: { reconcilerCache: withTrackersElsewhere },
  },
  {
    what: 'another installation is held to be gone, and its entries count as ours',
    violates: 'l',
    variant: { second: 'overlapping', tracking: 'inPlace', hangs: 'never' },
    mutation: { reads: (reads) => ({ ...reads, isInstalled: async () => false }) },
  },
  {
    what: 'an installation that is gone is held to be there, and its entries stay',
    violates: 'e',
    variant: { second: 'apart', tracking: 'inPlace', hangs: 'never' },
    mutation: { reads: (reads) => ({ ...reads, isInstalled: async () => true }) },
  },
  {
    what: 'an entry does not say which installation wrote it',
    violates: 'l',
    variant: { second: 'overlapping', tracking: 'inPlace', hangs: 'never' },
    mutation: {
      writes: (writes) => ({
        ...writes,
        writeEntry: (tracker, key, value, signal) =>
          writes.writeEntry(tracker, key, value.replace(/,"hook":"[^"]*"/, ''), signal),
      }),
    },
  },
  {
    what: 'a cache that has heard nothing for minutes is believed',
    violates: 'd',
    variant: { hangs: 'watch', tracking: 'inPlace', toleratesCordon: false },
    mutation: { trustsSilentCache: true },
  },
  {
    what: 'calls of all classes take turns, and wait for those that hang',
    violates: 'k',
    variant: { hangs: 'now and then' },
    mutation: { oneCallAtATime: true },
  },
];
