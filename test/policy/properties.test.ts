import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Decision } from '../../src/policy/decision.ts';
import { entryKey } from '../../src/policy/entry.ts';
import type { Mark, Pod } from '../../src/policy/model.ts';
import { earlierInstance, next } from '../../src/policy/next.ts';
import { isDraining } from '../../src/policy/node-state.ts';
import {
  NOTHING_SEEN,
  type Observation,
  type Sighting,
  type Source,
  type Subject,
  seenValue,
} from '../../src/policy/observation.ts';
import { isTerminatingOrFinished } from '../../src/policy/pod-state.ts';
import { isProtected, type PolicySettings, profileOf } from '../../src/policy/profiles/profile.ts';
import { entryOf } from '../../src/policy/rules/rule.ts';
import { createTracking } from '../../src/policy/tracking/index.ts';
import { aMark, aNamespace, aNode, aPod, aRequest, aTracker, NOW, SETTINGS } from '../support/builders.ts';

/** The safety rules of the design, over observations in every combination. */
const uid = fc.constantFrom('uid-a', 'uid-b', 'uid-c');
/** Mostly the first of them. What ends a decision early must be rare, or the later rules are never reached. */
const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...others) });
/** The key in one case of so many. */
const maybe = <T>(key: string, arbitrary: fc.Arbitrary<T>, oneIn = 2): fc.Arbitrary<object> =>
  fc.oneof(
    { weight: oneIn - 1, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: arbitrary.map((value) => ({ [key]: value })) },
  );
const all = (...parts: fc.Arbitrary<object>[]) => fc.tuple(...parts).map((objects) => Object.assign({}, ...objects));

const instants = fc.integer({ min: NOW - 600_000, max: NOW + 60_000 });
const words = fc.constantFrom('ignore' as const, 'hold' as const);
const pods = all(
  fc.record({ uid, ready: fc.boolean(), labels: mostly({ app: 'couchbase' }, { app: 'other' }) }),
  maybe(
    'mark',
    fc.constantFrom<Mark[]>(
      aMark(),
      aMark(3_600_000),
      { matches: false },
      { matches: true, by: 'somebody', isForeign: true },
    ),
  ),
  maybe('policy', words, 4),
  maybe('isEvictedInBackground', fc.constant(true as const)),
  maybe('boundAt', instants, 3),
  maybe('deletionDeadline', instants, 8),
  maybe('deletionGraceSeconds', fc.constantFrom(0, 30)),
  maybe('finishedAt', instants, 16),
  mostly<object>(
    {},
    { owner: { apiVersion: 'batch/v1', kind: 'Job', name: 'backup' } },
    { owner: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent' } },
    { isMirror: true },
  ),
  mostly<object>({}, { node: undefined }),
).map((overrides) => {
  const { node, ...pod } = { ...aPod(), ...overrides };
  return 'node' in overrides ? pod : { ...pod, node };
});
const requests = all(
  fc.record({
    isEviction: mostly(true, false),
    dryRun: mostly(false, true),
    username: mostly('admin', ...SETTINGS.exemptUsers),
  }),
  maybe('uid', uid),
  maybe('graceSeconds', fc.constantFrom(0, 30, 60)),
).map((overrides) => aRequest(overrides));
const CORDON = { 'node.kubernetes.io/unschedulable': NOW - 300_000 };
const nodes = fc.constantFrom(
  aNode(),
  aNode({ uid: 'uid-node-1-new' }),
  aNode({ unschedulable: true }),
  aNode({ unschedulable: true, taintedAt: CORDON }),
  aNode({ taints: ['karpenter.sh/disrupted'] }),
  aNode({ drainConditions: { DrainInProgress: NOW - 60_000 } }),
);
const entries = fc.constantFrom(
  {},
  { uid: 'uid-a' },
  { uid: 'uid-b' },
  { uid: 'uid-b', node: 'node-1' },
  { uid: 'uid-b', node: 'node-1', nodeUid: 'uid-node-1', returns: 1 },
  { uid: 'uid-a', node: 'node-1', marks: 3 },
  { uid: 'uid-b', node: 'node-2', hook: 'other' },
  { uid: 'uid-c', node: 'node-3', draining: false },
);
const ownMarks = fc.record({ uid, at: instants, lastAt: instants, marks: fc.nat(3), isLost: fc.boolean() });
const refusals = fc.record({ why: fc.constant('denied'), isSettled: fc.boolean() });

const KEY = entryKey('db', 'cb-0000');
const trackers = fc
  .tuple(
    fc.boolean(),
    maybe(
      KEY,
      entries.map((entry) => JSON.stringify(entry)),
    ),
    maybe('policy', words, 4),
  )
  .map(([reusesNames, found, policy]) => aTracker({ reusesNames, ...policy, entries: { ...found } }));
const namespaces = maybe('policy', words, 4).map(aNamespace);

const sources: fc.Arbitrary<Source> = fc.constantFrom('cache', 'live', 'live');
const why = fc.constantFrom({}, { why: 'there is none' });
const sighted = <T>(values: fc.Arbitrary<T>, ...unread: 'unread'[]): fc.Arbitrary<Sighting<T>> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('present' as const), value: values, from: sources }) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.record({ kind: fc.constant('absent' as const), from: sources }), why)
        .map(([absent, reason]) => ({ ...absent, ...reason })),
    },
    ...unread.map((kind) => ({ weight: 2, arbitrary: fc.constant({ kind }) })),
  );

/** Metadata and pod are seen together, or the metadata alone. */
const podSightings = fc.oneof(
  sighted(pods as fc.Arbitrary<Pod>, 'unread').map((pod) => ({ pod, metadata: metadataOf(pod) })),
  sighted(pods as fc.Arbitrary<Pod>).map((metadata) => ({ pod: { kind: 'unread' as const }, metadata })),
);
const metadataOf = (pod: Sighting<Pod>): Sighting<Pod> =>
  pod.kind === 'absent' && pod.from === 'cache' ? { kind: 'unread' } : pod;

const observations: fc.Arbitrary<Observation> = fc
  .tuple(
    podSightings,
    fc.record({
      now: fc.constant(NOW),
      request: requests,
      node: sighted(nodes, 'unread'),
      tracker: sighted(trackers, 'unread'),
      namespace: sighted(namespaces, 'unread'),
      registration: sighted(fc.constant('other'), 'unread').map((one) =>
        'from' in one ? { ...one, from: 'live' as const } : one,
      ),
      cacheKnowsInstance: fc.boolean(),
    }),
    maybe(
      'elsewhere',
      entries.map((entry) => ({ value: JSON.stringify(entry), on: 'Namespace db' })),
      4,
    ),
    maybe('remembered', entries),
    maybe('ownMarks', ownMarks),
    maybe('refusal', refusals, 4),
    maybe('returnsToNode', fc.record({ count: fc.nat(3), at: instants })),
    maybe('terminatingOrFinishedForMs', fc.constantFrom(0, 600_000)),
    maybe('drainEndedForMs', fc.constantFrom(0, 600_000)),
    maybe('cacheTrouble', fc.record({ text: fc.constant('x'), lasts: fc.boolean() })),
  )
  .map((parts) => withProfile(Object.assign({}, ...parts) as Observation));

function withProfile(seen: Observation): Observation {
  const metadata = seenValue(seen.metadata);
  const profile = metadata && profileOf(metadata, SETTINGS);
  return profile === undefined ? seen : { ...seen, profile };
}

const variants: fc.Arbitrary<PolicySettings> = fc
  .record({
    replacementCondition: fc.constantFrom('scheduled', 'ready', 'left'),
    markWhen: fc.constantFrom('always', 'draining'),
    readsNamespacePolicy: fc.boolean(),
  })
  .map((changed) => ({ ...SETTINGS, ...changed }));

function always(check: (observation: Observation, settings: PolicySettings) => void, numRuns = 10_000): void {
  fc.assert(fc.property(observations, variants, check), { numRuns });
}

/** Checks every decision that is reached, on whatever it rests. */
function everyDecision(
  check: (decision: Decision, observation: Observation, settings: PolicySettings) => void,
  numRuns?: number,
): void {
  always((observation, settings) => {
    const step = next(observation, settings);
    if (step.kind !== 'look') check(step.kind === 'awaitCache' ? step.otherwise : step, observation, settings);
  }, numRuns);
}

/** The drainer goes on: its eviction is let through, or it takes the pod for gone, or it gives up. */
const goesOn = (decision: Decision) => decision.kind === 'allow' || (decision.kind === 'deny' && decision.code !== 429);
const isLive = (sighting: Sighting<unknown>) => sighting.kind !== 'unread' && sighting.from === 'live';

const saysUnderWay = (decision: Decision) =>
  JSON.stringify({ ...decision, pod: undefined }).includes('Eviction triggered evacuation');

/** What each of the answers that let a drain go on rests on. */
const RESTS_ON: Readonly<Partial<Record<Decision['reason'], readonly Subject[]>>> = {
  NotAnEviction: [],
  ExemptUser: [],
  PodGone: ['metadata'],
  NotSelected: ['metadata'],
  JobPod: ['metadata'],
  DaemonSetPod: ['metadata'],
  MirrorPod: ['metadata'],
  OtherInstance: ['pod'],
  DryRun: ['pod'],
  EndingInstanceNamed: ['pod'],
  Corpse: ['pod'],
  Rescheduled: ['pod', 'node'],
  // And what says it: the test below.
  Ignored: ['pod'],
};

/** What these observations must reach, or the properties would hold of nothing. */
const REACHED: readonly Decision['reason'][] = [
  ...(['NotAnEviction', 'ExemptUser', 'PodGone', 'NotSelected', 'JobPod', 'DaemonSetPod', 'MirrorPod'] as const),
  ...(['OtherInstance', 'DryRun', 'EndingInstanceNamed', 'Corpse', 'Ending', 'Ignored', 'Held'] as const),
  ...(['Waiting', 'Stalled', 'ComesBack', 'MarkedAgain', 'WaitingForSchedule', 'WaitingForReady'] as const),
  ...(['SameNode', 'DrainJustEnded', 'Rescheduled', 'OtherInstallation', 'CacheBehind', 'CacheUnsynced'] as const),
  ...(['NotDraining', 'Marked'] as const),
];

describe('next: safety rules, over observations in every combination', () => {
  test('every answer of these settings is among the decisions', () => {
    const reached = new Set<string>();
    everyDecision(({ reason }) => void reached.add(reason), 30_000);
    assert.deepEqual(
      REACHED.filter((reason) => !reached.has(reason)),
      [],
    );
  });

  test('S1: a protected, live pod is never allowed to be evicted', () =>
    everyDecision((decision, { request, pod }) => {
      const value = seenValue(pod);
      if (value === undefined || !isProtected(value, SETTINGS) || isTerminatingOrFinished(value)) return;
      const isHarmless = !request.isEviction || SETTINGS.exemptUsers.includes(request.username) || request.dryRun;
      assert.ok(decision.kind !== 'allow' || isHarmless || decision.reason === 'Ignored');
    }));

  test('S1: it is let go only if the first that says anything says ignore, and all up to that was read live', () =>
    everyDecision((decision, seen, { readsNamespacePolicy }) => {
      if (decision.reason !== 'Ignored') return;
      const places = [seen.pod, seen.tracker, ...(readsNamespacePolicy ? [seen.namespace] : [])];
      const said = places.findIndex((place) => place.kind === 'present' && place.value.policy !== undefined);
      const place = places[said];
      assert.ok(place?.kind === 'present' && place.value.policy === 'ignore');
      assert.ok(places.slice(0, said + 1).every(isLive));
    }));

  test('S1: by name it is not let go if the request may be about another instance', () =>
    everyDecision((decision, seen) => {
      const pod = seenValue(seen.pod);
      if (decision.reason !== 'Ignored' || seen.request.uid !== undefined || pod === undefined) return;
      assert.ok(seen.cacheKnowsInstance);
      assert.ok(pod.policy === undefined || !pod.mark?.matches, 'its operator may just replace it');
      if (earlierInstance(seen, entryOf(seen)) === undefined) return;
      assert.ok(isLive(seen.node) && isDraining(seenValue(seen.node) ?? 'gone', SETTINGS.drainTaints));
    }));

  test('an eviction is called under way only of a pod that wants that, and is marked or about to be', () =>
    everyDecision((decision, { pod }) => {
      const value = seenValue(pod);
      const isAsked = decision.kind === 'mark' || value?.mark?.matches === true;
      if (saysUnderWay(decision)) assert.ok(value?.isEvictedInBackground && isAsked);
    }));

  test('and always of one that wants it and gets a mark', () =>
    everyDecision((decision, { pod }) => {
      if (decision.kind !== 'mark') return;
      assert.equal(saysUnderWay(decision), seenValue(pod)?.isEvictedInBackground === true);
    }));

  test('hold: no pod is marked if the first that says anything says it', () =>
    everyDecision((decision, { pod, tracker, namespace }, { readsNamespacePolicy }) => {
      const places = [seenValue(pod), seenValue(tracker), readsNamespacePolicy ? seenValue(namespace) : undefined];
      const said = places.map((place) => place?.policy).find((word) => word !== undefined);
      if (said === 'hold') assert.notEqual(decision.kind, 'mark');
    }));

  test('S2: no answer that lets a drain go on is reachable unless all that it rests on was read live', () =>
    everyDecision((decision, observation) => {
      if (!goesOn(decision)) return;
      const hasNoNode = decision.reason === 'Rescheduled' && seenValue(observation.pod)?.node === undefined;
      const restsOn = hasNoNode ? (['pod'] as const) : RESTS_ON[decision.reason];
      assert.ok(restsOn !== undefined, `what does ${decision.reason} rest on?`);
      assert.deepEqual(
        restsOn.filter((subject) => !isLive(observation[subject])),
        [],
        decision.reason,
      );
    }));

  test('S5: that an instance has moved rests on its entry, or on a live read that finds no tracker', () =>
    everyDecision((decision, { tracker }) => {
      if (decision.reason !== 'Rescheduled' || tracker.kind !== 'absent' || tracker.why === undefined) return;
      assert.equal(tracker.from, 'live');
    }));

  test('S2: to look ends in a decision, after each thing was looked at once in the cache and once live at most', () =>
    fc.assert(
      fc.property(observations, observations, (cached, live) => {
        assert.ok(countLooks(nothingSeen(cached), cached, live) <= LOOKS_MAX, 'it looks again and again');
      }),
      { numRuns: 5000 },
    ));

  test('what nobody has looked at does not count: to read it makes no other decision of one that was reached', () =>
    fc.assert(
      fc.property(observations, sighted(nodes), sighted(trackers), (seen, node, tracker) => {
        const step = next(seen, SETTINGS);
        if (step.kind === 'look') return;
        const more = {
          ...seen,
          // Of a pod without a node there is none to be read.
          node: seen.node.kind === 'unread' && seenValue(seen.pod)?.node !== undefined ? node : seen.node,
          tracker: seen.tracker.kind === 'unread' ? tracker : seen.tracker,
        };
        assert.deepEqual(withoutNodeUid(next(more, SETTINGS)), withoutNodeUid(step));
      }),
      { numRuns: 5000 },
    ));

  test('S3: 404 is never said of an instance on a draining node', () =>
    everyDecision((decision, { pod, node }, { replacementCondition }) => {
      const value = seenValue(pod);
      if (decision.kind !== 'deny' || decision.code !== 404 || value === undefined) return;
      if (value.node === undefined && replacementCondition === 'left') return;
      assert.ok(value.node !== undefined && node.kind === 'present' && !isDraining(node.value, SETTINGS.drainTaints));
    }));

  test('S3: nor of one whose node was draining a moment ago, with the pod there', () =>
    everyDecision((decision, { drainEndedForMs }) => {
      if (decision.reason === 'Rescheduled') assert.notEqual(drainEndedForMs, 0);
    }));

  test('S3: nor of one that is on the node which it was asked to leave', () =>
    everyDecision((decision, observation) => {
      const pod = seenValue(observation.pod);
      if (decision.kind !== 'deny' || decision.code !== 404 || pod === undefined) return;
      const [earlier, node] = [earlierInstance(observation, entryOf(observation)), seenValue(observation.node)];
      const isReplaced = earlier?.nodeUid !== undefined && earlier.nodeUid !== node?.uid;
      if (!isReplaced) assert.ok(earlier?.node === undefined || earlier.node !== pod.node);
    }));

  test('another installation that exists keeps its pods: this one neither marks them nor believes its entry', () =>
    everyDecision((decision, { tracker, elsewhere, registration, remembered }) => {
      const value = seenValue(tracker)?.entries[KEY] ?? elsewhere?.value;
      if (value === undefined || JSON.parse(value).hook !== 'other' || registration.kind !== 'present') return;
      assert.notEqual(decision.kind, 'mark');
      if (decision.reason === 'Rescheduled') assert.notEqual(remembered, undefined);
    }));

  test('an entry at a place that is only read counts as one of its own place, but for a mark', () =>
    fc.assert(
      fc.property(observations, variants, entries, (seen, settings, entry) => {
        if (seen.tracker.kind !== 'present') return;
        const at = new Date(NOW).toISOString();
        const value = JSON.stringify({ ...entry, at });
        const { elsewhere: _, ...rest } = seen;
        const empty = { ...seen.tracker.value, entries: {} };
        const own = { ...rest, tracker: { ...seen.tracker, value: { ...empty, entries: { [KEY]: value } } } };
        const other = {
          ...rest,
          tracker: { ...seen.tracker, value: empty },
          elsewhere: { value, on: 'CouchbaseCluster cb' },
        };
        const withoutWhere = (step: ReturnType<typeof next>) => ({
          ...step,
          ...('entryOn' in step ? { entryOn: 0 } : {}),
        });
        // Returns of a cluster that does not use names again are counted over all entries of its own place.
        if (!seen.tracker.value.reusesNames) return;
        assert.deepEqual(withoutWhere(next(other, settings)), withoutWhere(next(own, settings)));
      }),
      { numRuns: 5000 },
    ));

  test('where entries are read elsewhere too, no pod is marked without a live look at all places', () =>
    always((observation, settings) => {
      const tracking = createTracking(
        { type: 'couchbasecluster', also: ['namespace'] },
        { namespace: '', installation: '' },
      );
      const both = observation.profile && { profile: { ...observation.profile, tracking } };
      const step = next({ ...observation, ...both }, settings);
      if (step.kind === 'mark' && !observation.request.dryRun) assert.ok(isLive(observation.tracker));
    }));

  test('S5: a marked pod has moved only if everything says that somebody else marked it, read live', () =>
    everyDecision((decision, { pod, tracker, ownMarks }) => {
      const mark = seenValue(pod)?.mark;
      if (decision.reason !== 'Rescheduled' || !mark?.matches) return;
      assert.ok(mark.isForeign && ownMarks === undefined && isLive(tracker));
    }));

  test('S10: from the second return to a draining node on, no pod is marked', () =>
    everyDecision((decision) => {
      if (decision.kind === 'mark') assert.ok((decision.note.returns ?? 0) < 2);
    }));

  test('MARK_WHEN=draining: no pod is marked unless its node is draining', () =>
    everyDecision((decision, { pod, node }, { markWhen, drainTaints }) => {
      if (decision.kind !== 'mark' || markWhen !== 'draining') return;
      assert.ok(seenValue(pod)?.node !== undefined && isDraining(seenValue(node) ?? 'gone', drainTaints));
    }));

  test('S5: an entry with the own UID never means moved', () =>
    everyDecision((decision, { pod, tracker }) => {
      const value = seenValue(tracker)?.entries[KEY];
      const uid = seenValue(pod)?.uid;
      if (uid === undefined || value === undefined || JSON.parse(value).uid !== uid) return;
      assert.notEqual(decision.reason, 'Rescheduled');
    }));

  test('S7: a dry run never marks', () =>
    everyDecision((decision, { request }) => {
      if (request.dryRun) assert.notEqual(decision.kind, 'mark');
    }));

  test('S8: a request that names another instance never marks, and never ends a drain with 404', () =>
    everyDecision((decision, { request, pod }) => {
      const value = seenValue(pod);
      if (value === undefined || request.uid === undefined || request.uid === value.uid) return;
      assert.notEqual(decision.kind, 'mark');
      assert.ok(decision.kind === 'allow' || (decision.kind === 'deny' && decision.code === 409));
    }));

  test('one drain moves a name once: by name, a second move needs a draining node, read live', () =>
    everyDecision((decision, observation) => {
      const { request, node } = observation;
      if (
        decision.kind !== 'mark' ||
        request.uid !== undefined ||
        earlierInstance(observation, entryOf(observation)) === undefined
      )
        return;
      assert.ok(isLive(observation.pod) && isLive(node));
      assert.ok(isDraining(seenValue(node) ?? 'gone', SETTINGS.drainTaints));
    }));

  test('the same observation always gives the same decision', () =>
    always((observation) => assert.deepEqual(next(observation, SETTINGS), next({ ...observation }, SETTINGS))));
});

/** An entry has it, and the other tests say what an entry rests on; a mark without an entry remembers it if it is known. */
function withoutNodeUid(step: ReturnType<typeof next>) {
  if (step.kind !== 'mark') return step;
  const { nodeUid: _, ...note } = step.note;
  return { ...step, note };
}

function nothingSeen({ now, request, cacheKnowsInstance }: Observation): Observation {
  return { now, request, cacheKnowsInstance, ...NOTHING_SEEN };
}

/** Metadata, pod, node, tracker, Namespace and registration; each in the cache and live. */
const LOOKS_MAX = 12;

function countLooks(seen: Observation, cached: Observation, live: Observation, before = 0): number {
  const step = next(seen, SETTINGS);
  if (step.kind !== 'look' || before > LOOKS_MAX) return before;
  const found = looked(seen, step.at, step.live ? live : cached, step.live ? 'live' : 'cache');
  return countLooks(found, cached, live, before + 1);
}

/** As the observer carries a look out: what hangs on a pod is unread when the pod was read anew. */
function looked(seen: Observation, at: Subject, world: Observation, from: Source): Observation {
  const unread = { kind: 'unread' } as const;
  const found = <T>(sighting: Sighting<T>): Sighting<T> =>
    sighting.kind === 'present' ? { ...sighting, from } : { kind: 'absent', from };
  const { profile: _profile, ...rest } = seen;
  if (
    at === 'node' ||
    at === 'tracker' ||
    at === 'namespace' ||
    at === 'registration' ||
    at === 'self' ||
    at === 'target' ||
    at === 'budgets'
  )
    return { ...seen, [at]: found(world[at] as Sighting<unknown>) };
  if (at === 'metadata') return withProfile({ ...rest, metadata: found(world.metadata), pod: unread });
  const pod = found(world.pod);
  return withProfile({ ...rest, pod, metadata: metadataOf(pod as Sighting<Pod>), node: unread, tracker: unread });
}
