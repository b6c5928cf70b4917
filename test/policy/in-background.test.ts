import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { next } from '../../src/policy/next.ts';
import type { PolicySettings, Profile } from '../../src/policy/profiles/profile.ts';
import type { Asked, RequestObject } from '../../src/policy/requests/request.ts';
import {
  aMark,
  aNode,
  anObservation,
  aPod,
  aRequest,
  MINUTE,
  NOW,
  PROFILE,
  SETTINGS,
  type SeenInShort,
  sightingOf,
  without,
} from '../support/builders.ts';

const WORDS = '. Eviction triggered evacuation';
const calm = aNode();
const earlier = { uid: 'uid-0', node: 'node-9', at: NOW - MINUTE };
const REPORTS: Profile = { ...PROFILE, names: 'reused', report: { annotation: 'example.com/finished' } };
const NO_MARK: Profile = { ...without(PROFILE, 'mark'), names: 'reused' };
const REQUEST: RequestObject = {
  kind: 'Cluster',
  group: 'example.com',
  plural: 'clusters',
  label: 'couchbase_cluster',
  onlyIf: [],
  form: { key: 'example.com/switchover', value: '{uid}' },
};
const ON_OBJECT: Profile = { ...NO_MARK, names: 'new', request: REQUEST };
const object = (asked: Asked) =>
  sightingOf({ kind: 'Cluster', name: 'cb', path: '/cb', resourceVersion: '7', changes: [], asked }, 'live');

type Row = readonly [when: string, reason: string, seen: SeenInShort, settings?: Partial<PolicySettings>];

/** Somebody has asked the operator to move exactly this pod. */
const ASKED: readonly Row[] = [
  ['this eviction marks it', 'Marked', {}],
  ['this eviction marks it, and nobody drains its node: the descheduler cordons none', 'Marked', { node: calm }],
  ['it came back to a draining node', 'MarkedAgain', { entry: earlier }],
  ['it is marked', 'Waiting', { pod: aPod({ mark: aMark() }) }],
  ['it is marked, and nobody drains its node', 'Waiting', { pod: aPod({ mark: aMark() }), node: calm }],
  [
    'it is marked, and only a drain may mark',
    'Waiting',
    { pod: aPod({ mark: aMark() }), node: calm },
    { markWhen: 'draining' },
  ],
  ['its operator has not acted', 'Stalled', { pod: aPod({ mark: aMark(60 * MINUTE) }) }],
  [
    'somebody else has marked it, and the hook will evict it',
    'Remembered',
    { pod: aPod({ mark: { ...aMark(), by: 'kubectl', isForeign: true } }), profile: REPORTS },
  ],
  ['its move is asked for on another object', 'Marked', { profile: ON_OBJECT, target: object({ kind: 'no' }) }],
  ['its move was asked for there', 'Waiting', { profile: ON_OBJECT, target: object({ kind: 'yes', since: NOW }) }],
];

/** Nobody has, so that the descheduler may look for another pod. */
const NOT_ASKED: readonly Row[] = [
  ['nobody drains its node, and only a drain may mark', 'NotDraining', { node: calm }, { markWhen: 'draining' }],
  ['people hold it', 'Held', { pod: aPod({ policy: 'hold' }) }],
  [
    'its operator has let it go, and people hold it',
    'Waiting',
    { pod: aPod({ policy: 'hold', mark: aMark(), isReported: true }), profile: REPORTS },
  ],
  ['its profile has no mark', 'Held', { profile: NO_MARK }],
  ['its object is busy', 'NotAsked', { profile: ON_OBJECT, target: object({ kind: 'not now', why: 'is busy' }) }],
  [
    'others of its group come first',
    'GroupBusy',
    {
      profile: { ...PROFILE, names: 'reused', maxConcurrent: { pods: 1, by: [] } },
      group: sightingOf([aPod(), aPod({ name: 'cb-0001', uid: 'uid-1', mark: aMark() })], 'live'),
    },
  ],
  ['it is terminating', 'Ending', { pod: aPod({ deletionDeadline: NOW + 1, deletionGraceSeconds: 30 }) }],
  ['it has moved', 'Rescheduled', { node: calm, entry: earlier }],
  ['it is not in place', 'WaitingForSchedule', { pod: without(aPod(), 'node'), entry: earlier }],
  ['another instance is named', 'OtherInstance', { request: aRequest({ uid: 'uid-0' }) }],
  ['the cache has not seen it', 'CacheBehind', { cacheKnowsInstance: false }],
  ['nothing is to be done', 'DryRun', { request: aRequest({ dryRun: true }) }],
];

/** Of a pod that carries the annotation of the descheduler, and of one that does not. */
function decide(seen: SeenInShort, settings: Partial<PolicySettings> = {}) {
  const { pod = aPod() } = seen;
  const inForce = { ...SETTINGS, ...settings, ...(seen.profile && { profiles: [seen.profile] }) };
  return [{ isEvictedInBackground: true as const }, {}].map((carried) => {
    const step = next(anObservation({ ...seen, pod: pod === 'absent' ? pod : { ...pod, ...carried } }), inForce);
    assert.notEqual(step.kind, 'look');
    if (step.kind === 'look') throw new Error('there is more to look at');
    const decision = step.kind === 'awaitCache' ? step.otherwise : step;
    const text = decision.kind === 'allow' ? (decision.warning ?? '') : decision.message;
    return { reason: decision.reason, text };
  });
}

describe('of a pod that the descheduler evicts in the background, an answer says that its eviction is under way if', () => {
  for (const [when, reason, seen, settings] of ASKED) {
    test(when, () => {
      const [asks, other] = decide(seen, settings);
      assert.equal(other?.reason, reason);
      assert.deepEqual(asks, { reason, text: `${other?.text}${WORDS}` });
    });
  }
});

describe('of such a pod, the answer is that of any other if', () => {
  for (const [when, reason, seen, settings] of NOT_ASKED) {
    test(when, () => {
      const [asks, other] = decide(seen, settings);
      assert.equal(other?.reason, reason);
      assert.deepEqual(asks, other);
    });
  }
});

test('no answer about another pod has these words', () => {
  for (const [, , seen, settings] of [...ASKED, ...NOT_ASKED]) {
    assert.doesNotMatch(decide(seen, settings)[1]?.text ?? '', /Eviction triggered evacuation/);
  }
});
