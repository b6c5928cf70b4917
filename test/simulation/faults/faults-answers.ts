import { isNotFound } from '../../../src/kube/errors.ts';
import type { Decision } from '../../../src/policy/decision.ts';
import { ENTRY_PREFIX } from '../../../src/policy/entry.ts';
import type { Tracker } from '../../../src/policy/model.ts';
import { earlierInstance } from '../../../src/policy/next.ts';
import { NOTHING_SEEN, type Observation, type Sighting, seenValue } from '../../../src/policy/observation.ts';
import { entryOf } from '../../../src/policy/rules/rule.ts';
import { DRAINERS } from '../runs/variant.ts';
import type { Fault } from './fault.ts';

/** A live read that finds no pod leads to a 404. */
export function asGone({ now, request }: Observation): Observation {
  const gone = { kind: 'absent', from: 'live' } as const;
  return { now, request, ...NOTHING_SEEN, metadata: gone, pod: gone, cacheKnowsInstance: false };
}

const isLive = (sighting: Sighting<unknown>) => sighting.kind !== 'unread' && sighting.from === 'live';

/** Presents any sighting as a live one. */
function asLive<T extends Sighting<unknown>>(sighting: T): T {
  return sighting.kind === 'unread' ? sighting : { ...sighting, from: 'live' };
}

/** Removes fields of the pod or of its metadata. */
function withoutFields(seen: Observation, ...fields: string[]): Observation {
  const strip = <T extends object>(sighting: Sighting<T>): Sighting<T> =>
    sighting.kind === 'present'
      ? {
          ...sighting,
          value: Object.fromEntries(Object.entries(sighting.value).filter(([k]) => !fields.includes(k))) as T,
        }
      : sighting;
  return { ...seen, metadata: strip(seen.metadata), pod: strip(seen.pod) };
}

/** Makes every memory report that the node was draining. */
function withDrainedMemory({ remembered, tracker, ...seen }: Observation): Observation {
  return {
    ...seen,
    tracker: tracker.kind === 'present' ? { ...tracker, value: withDrainedEntries(tracker.value) } : tracker,
    ...(remembered ? { remembered: { ...remembered, draining: true } } : {}),
  };
}

function withDrainedEntries(tracker: Tracker): Tracker {
  const entries = Object.entries(tracker.entries).map(([key, value]) => [
    key,
    value.replace('"draining":false', '"draining":true'),
  ]);
  return { ...tracker, entries: Object.fromEntries(entries) };
}

/** Makes every mark one that the hook may have made. */
function withoutForeignMarks({ pod, ...seen }: Observation): Observation {
  if (pod.kind !== 'present' || pod.value.mark === undefined) return { ...seen, pod };
  const { isForeign: _isForeign, ...mark } = pod.value.mark;
  return { ...seen, pod: { ...pod, value: { ...pod.value, mark } } };
}

/** Makes every entry and memory about whatever node has that name now. */
function withoutNodeUids({ remembered, tracker, ...seen }: Observation): Observation {
  const { nodeUid: _nodeUid, ...memory } = remembered ?? {};
  const entries = Object.entries(seenValue(tracker)?.entries ?? {}).map(([key, value]) => [
    key,
    value.replace(/,"nodeUid":"[^"]*"/, ''),
  ]);
  return {
    ...seen,
    tracker:
      tracker.kind === 'present'
        ? { ...tracker, value: { ...tracker.value, entries: Object.fromEntries(entries) } }
        : tracker,
    ...(remembered ? { remembered: memory } : {}),
  };
}

/** Accepts any 404. */
const unlessNotFound = (error: unknown) => (isNotFound(error) ? undefined : Promise.reject(error));

const denied = (code: 404 | 429 | 500): Decision => ({ kind: 'deny', rule: 'S6', reason: 'Doubt', code, message: '' });
const ALLOWED: Decision = { kind: 'allow', rule: '6', reason: 'Corpse' };

/** Faults in the responses to drainers: (a), (b), (d) and (f). */
export const FAULTS_OF_ANSWERS: readonly Fault[] = [
  {
    what: 'an entry means "moved", whatever node the pod is on',
    violates: 'b',
    mutation: {
      observation: (seen) =>
        isLive(seen.pod) && seenValue(seen.pod) && earlierInstance(seen, entryOf(seen)) ? asGone(seen) : seen,
    },
  },
  {
    what: 'an entry with the own UID means "moved": the mark failed, another is about to write it, or it was taken away',
    violates: 'b',
    variant: { tracking: 'inPlace' },
    mutation: {
      observation: (seen) => {
        const pod = isLive(seen.pod) ? seenValue(seen.pod) : undefined;
        return pod !== undefined && entryOf(seen)?.uid === pod.uid && !pod.mark ? asGone(seen) : seen;
      },
    },
  },
  {
    what: 'a dry run in the body is not seen',
    violates: 'f',
    mutation: { request: (request) => ({ ...request, dryRun: false }) },
    variant: { drainers: [DRAINERS.dryRun, DRAINERS.kubectl] },
  },
  {
    what: 'a tracking resource that refuses each entry, as one with a key too long, keeps its pods from being marked',
    violates: 'd',
    variant: { longNames: true, tracking: 'inPlace', drainers: [DRAINERS.kubectl] },
    mutation: {
      observation: ({ refusal: _refusal, ...seen }) => seen,
      writes: (writes) => ({
        ...writes,
        writeEntry: (tracker, _key, value, signal) =>
          writes.writeEntry(tracker, ENTRY_PREFIX + (JSON.parse(value) as { pod: string }).pod, value, signal),
      }),
    },
  },
  {
    what: 'a pod that tolerates the cordon is moved without end',
    violates: 'j',
    variant: { toleratesCordon: true, tracking: 'inPlace', drainers: [DRAINERS.kubectl, DRAINERS.windows] },
    mutation: {
      writes: (writes) => ({
        ...writes,
        writeEntry: (tracker, key, value, signal) =>
          writes.writeEntry(tracker, key, value.replace(/,"returns":\d+/, ''), signal),
      }),
    },
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
      observation: (seen) => withoutFields(seen, 'owner'),
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
    variant: { replicas: 1, drainers: [DRAINERS.kubectl, DRAINERS.clusterApi], aheadMs: 0 },
    mutation: {
      trustsOwnClock: true,
      observation: (seen) => {
        const { finishedAt, deletionDeadline } = seenValue(seen.pod) ?? {};
        return { ...seen, terminatingOrFinishedForMs: seen.now - (finishedAt ?? deletionDeadline ?? seen.now) };
      },
    },
  },
  {
    what: 'what the cache says is taken for a live read',
    violates: 'b',
    mutation: {
      observation: (seen) => ({
        ...seen,
        metadata: asLive(seen.metadata),
        pod: asLive(seen.pod),
        node: asLive(seen.node),
        tracker: asLive(seen.tracker),
      }),
    },
  },
  {
    what: 'a pod that came back on its node is held to have stayed, though that was not drained',
    violates: 'd',
    variant: { keepsNodes: true, replicas: 1, drainers: [DRAINERS.kubectl] },
    mutation: { observation: withDrainedMemory },
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
    what: 'a successor that can run on a cordoned node only, and waits for it, lets the drain end',
    violates: 'b',
    variant: { pinsPods: true, toleratesCordon: false, condition: 'scheduled', tracking: 'inPlace' },
    mutation: { decision: (decision) => (decision.reason === 'WaitingForSchedule' ? denied(404) : decision) },
  },
  {
    what: 'a drain waits for the successor, though it is enough that the instance has left',
    violates: 'd',
    variant: { condition: 'left' },
    mutation: { settings: (settings) => ({ ...settings, replacementCondition: 'scheduled' }) },
  },
  {
    what: 'a node that was replaced under its name counts as the old one',
    violates: 'd',
    variant: {
      keepsNodes: true,
      pinsPods: true,
      toleratesCordon: false,
      forges: false,
      hangs: 'never',
      second: 'none',
      condition: 'scheduled',
      tracking: 'inPlace',
      drainers: [DRAINERS.kubectl, DRAINERS.clusterApi],
    },
    mutation: { observation: withoutNodeUids },
  },
  {
    what: "a drain waits for somebody else's mark, though its pod has moved",
    violates: 'd',
    variant: { marksByHand: true, stripsMarks: 'never', tracking: 'inPlace', forges: false },
    mutation: { observation: withoutForeignMarks },
  },
  {
    what: 'a terminating pod is given up to whoever names it, with less grace than it has',
    violates: 'a',
    variant: { drainers: [DRAINERS.brisk, DRAINERS.hasty], graceSeconds: 3_600 },
    mutation: { request: ({ graceSeconds: _grace, ...request }) => request },
  },
  {
    what: 'for how long a pod has been over goes on counting when its deadline changes',
    violates: 'a',
    variant: {
      tracking: 'off',
      replicas: 1,
      graceSeconds: 3_600,
      drainers: [DRAINERS.kubectl, DRAINERS.curt, DRAINERS.clusterApi],
    },
    mutation: { keepsCorpseClock: true },
  },
  {
    what: 'a corpse is never let go',
    violates: 'd',
    variant: { leavesCorpses: true },
    mutation: { decision: (decision) => (decision.reason === 'Corpse' ? denied(429) : decision) },
  },
  {
    what: 'a finished pod counts as live and is marked',
    violates: 'd',
    variant: { leavesCorpses: true },
    mutation: {
      observation: ({ terminatingOrFinishedForMs: _forMs, ...seen }) => withoutFields(seen, 'finishedAt'),
    },
  },
  {
    what: 'any 404 means that the pod is gone',
    violates: 'b',
    mutation: {
      reads: (reads) => ({
        ...reads,
        pod: (...of) => reads.pod(...of).catch(unlessNotFound),
        podMetadata: (...of) => reads.podMetadata(...of).catch(unlessNotFound),
      }),
    },
  },
];
