import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Observation } from '../../src/policy/decision.ts';
import { decide, isFinal } from '../../src/policy/next.ts';
import { isDraining, isProtected, isTerminatingOrFinished } from '../../src/policy/pod-state.ts';
import { earlierInstance } from '../../src/policy/rules/earlier-instance.ts';
import { aMark, aNode, anObservation, aPod, aRequest, aTracker, NOW, SETTINGS } from '../support/builders.ts';

/** The safety rules of the design, over observations in every combination. */
const uid = fc.constantFrom('uid-a', 'uid-b', 'uid-c');
const maybe = <T>(key: string, arbitrary: fc.Arbitrary<T>) =>
  fc.option(arbitrary, { nil: undefined }).map((value) => (value === undefined ? {} : { [key]: value }));
const all = (...parts: fc.Arbitrary<object>[]) => fc.tuple(...parts).map((objects) => Object.assign({}, ...objects));

const instants = fc.integer({ min: NOW - 600_000, max: NOW + 60_000 });
const pods = all(
  fc.record({ uid, ready: fc.boolean(), labels: fc.constantFrom({ app: 'couchbase' }, { app: 'other' }) }),
  maybe('mark', fc.constantFrom(aMark(), aMark(3_600_000), { value: 'false' })),
  maybe('deletionDeadline', instants),
  maybe('deletionGraceSeconds', fc.constantFrom(0, 30)),
  maybe('finishedAt', instants),
  fc.constantFrom({}, { owner: { apiVersion: 'batch/v1', kind: 'Job', name: 'backup' } }),
  fc.constantFrom({}, { node: undefined }),
).map((overrides) => {
  const { node, ...pod } = { ...aPod(), ...overrides };
  return 'node' in overrides ? pod : { ...pod, node };
});
const requests = all(
  fc.record({
    isEviction: fc.boolean(),
    dryRun: fc.boolean(),
    username: fc.constantFrom('admin', ...SETTINGS.exemptUsers),
  }),
  maybe('uid', uid),
  maybe('graceSeconds', fc.constantFrom(0, 30, 60)),
).map((overrides) => aRequest(overrides));
const nodes = fc.constantFrom(aNode(), aNode({ unschedulable: true }), aNode({ taints: ['karpenter.sh/disrupted'] }));
const entries = fc.constantFrom({}, { uid: 'uid-a' }, { uid: 'uid-b' }, { uid: 'uid-b', node: 'node-1' });
const observations: fc.Arbitrary<Observation> = all(
  fc.record({
    evidence: fc.constantFrom('cache', 'live'),
    now: fc.constant(NOW),
    request: requests,
    cacheKnowsInstance: fc.boolean(),
    isCacheStale: fc.boolean(),
  }),
  maybe('pod', pods),
  maybe('node', nodes),
  maybe('tracker', fc.constantFrom(aTracker(), aTracker({ reusesNames: false }))),
  maybe('entry', entries),
  maybe('remembered', entries),
  maybe('terminatingOrFinishedForMs', fc.constantFrom(0, 600_000)),
).map((parts) => anObservationOf(parts));

function anObservationOf(parts: object): Observation {
  const { pod: _pod, node: _node, tracker: _tracker, ...rest } = anObservation();
  return { ...rest, ...parts } as Observation;
}

function always(check: (observation: Observation) => void): void {
  fc.assert(fc.property(observations, check), { numRuns: 5000 });
}

describe('decide: safety rules, over observations in every combination', () => {
  test('S1: a selected, live pod is never allowed to be evicted', () =>
    always((observation) => {
      const { request, pod } = observation;
      if (pod === undefined || !isProtected(pod, SETTINGS) || isTerminatingOrFinished(pod)) return;
      const decision = decide(observation, SETTINGS);
      const isHarmless = !request.isEviction || SETTINGS.exemptUsers.includes(request.username) || request.dryRun;
      assert.ok(decision.kind !== 'allow' || isHarmless);
    }));

  test('S2: what lets a drain go on is final only on live evidence', () =>
    always((observation) => {
      const decision = decide(observation, SETTINGS);
      const goesOn =
        (decision.kind === 'allow' && decision.rule !== '1') || (decision.kind === 'deny' && decision.code !== 429);
      if (goesOn && isFinal(decision, observation)) assert.equal(observation.evidence, 'live');
    }));

  test('S3: 404 is never said of an instance on a draining node', () =>
    always((observation) => {
      const { pod, node } = observation;
      const decision = decide(observation, SETTINGS);
      if (decision.kind !== 'deny' || decision.code !== 404 || pod === undefined) return;
      assert.ok(pod.node !== undefined && !isDraining(node, SETTINGS.drainTaints));
    }));

  test('S3: nor of one that is on the node which it was asked to leave', () =>
    always((observation) => {
      const decision = decide(observation, SETTINGS);
      if (decision.kind !== 'deny' || decision.code !== 404 || observation.pod === undefined) return;
      assert.notEqual(earlierInstance(observation)?.node, observation.pod.node);
    }));

  test('S5: an entry with the own UID never means moved', () =>
    always((observation) => {
      if (observation.pod === undefined || observation.entry?.uid !== observation.pod.uid) return;
      const decision = decide(observation, SETTINGS);
      assert.notEqual(decision.reason, 'Rescheduled');
    }));

  test('S7: a dry run never marks', () =>
    always((observation) => {
      if (observation.request.dryRun) assert.notEqual(decide(observation, SETTINGS).kind, 'mark');
    }));

  test('S8: a request that names another instance never marks, and never ends a drain with 404', () =>
    always((observation) => {
      const { request, pod } = observation;
      if (pod === undefined || request.uid === undefined || request.uid === pod.uid) return;
      const decision = decide(observation, SETTINGS);
      assert.notEqual(decision.kind, 'mark');
      assert.ok(decision.kind === 'allow' || (decision.kind === 'deny' && decision.code === 409));
    }));

  test('one drain moves a name once: by name, a second move needs a draining node', () =>
    always((observation) => {
      const decision = decide(observation, SETTINGS);
      if (decision.kind !== 'mark' || observation.request.uid !== undefined) return;
      if (earlierInstance(observation) === undefined) return;
      assert.ok(isDraining(observation.node, SETTINGS.drainTaints));
    }));

  test('the same observation always gives the same decision', () =>
    always((observation) =>
      assert.deepEqual(decide(observation, SETTINGS), decide(structuredClone(observation), SETTINGS)),
    ));
});
