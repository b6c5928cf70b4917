import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Decision } from '../../src/policy/decision.ts';
import { entryKey } from '../../src/policy/entry.ts';
import type { Entry } from '../../src/policy/model.ts';
import { next } from '../../src/policy/next.ts';
import { LOOK_AT_NODE, type Observation, type Subject, seenValue } from '../../src/policy/observation.ts';
import type { PolicySettings } from '../../src/policy/profiles/profile.ts';
import { countReturns } from '../../src/policy/returns.ts';
import {
  aMark,
  aNamespace,
  aNode,
  anObservation,
  aPod,
  aRequest,
  aTracker,
  MINUTE,
  NOW,
  SETTINGS,
  type SeenInShort,
  without,
} from '../support/builders.ts';

/** What is decided once everything has been looked at; the cache has not caught up where it is to. */
function decide(observation: Observation, settings: PolicySettings): Decision {
  const step = next(observation, settings);
  assert.notEqual(step.kind, 'look');
  if (step.kind === 'look') throw new Error('there is more to look at');
  return step.kind === 'awaitCache' ? step.otherwise : step;
}

/** What is expected of a decision: all that a drainer, a log reader or the shell would see of it. */
interface Expected {
  readonly kind: Decision['kind'];
  readonly rule: string;
  readonly reason: string;
  readonly code?: number;
  readonly message?: string;
}

interface Case extends Expected {
  readonly when: string;
  readonly given: Observation;
  readonly settings?: Partial<PolicySettings>;
}

const settled = aNode({ name: 'node-2' });
const draining = aNode({ name: 'node-2', unschedulable: true });
const successor = aPod({ uid: 'uid-b', node: 'node-2' });
const earlier = { uid: 'uid-a', node: 'node-1', at: NOW - MINUTE };
const unscheduled = without(successor, 'node');
const named = aRequest({ uid: 'uid-a' });
const terminating = aPod({ deletionDeadline: NOW + 20_000, deletionGraceSeconds: 30 });

/** node-1, cordoned two minutes ago. */
const [CORDONS, DISRUPTS] = ['node.kubernetes.io/unschedulable:NoSchedule', 'karpenter.sh/disrupted:NoSchedule'];
const cordoned = aNode({ unschedulable: true, taintedAt: { 'node.kubernetes.io/unschedulable': NOW - 2 * MINUTE } });
const NODE = { node: 'node-1', nodeUid: 'uid-node-1' };
/** The successor of uid-a, on the node that uid-a was to leave. */
const returned = aPod({ uid: 'uid-b', boundAt: NOW - MINUTE });
const OTHER_INSTALLED = { kind: 'present', value: 'other', from: 'live' } as const;
const namesAreNew = aTracker({ reusesNames: false });
const RETURN_OF_ANOTHER = (at: number) => ({
  [entryKey('db', 'cb-0006')]: JSON.stringify({ uid: 'uid-6', ...NODE, returns: 1, at: new Date(at).toISOString() }),
});
const markedByHand = { matches: true, at: NOW - MINUTE, by: 'kubectl-annotate', isForeign: true } as const;
const comesBackMessage = (returns: number) =>
  `Pod waiting to be rescheduled (it came back ${returns} times to node node-1 while that was draining, and is not marked again: does it tolerate the cordon?)`;

/** Drains that would move a pod without end, or wait without end and without a word. */
const ENDLESS: readonly Case[] = [
  {
    when: 'rule 8a: the first return to the draining node is marked',
    given: anObservation({ pod: returned, node: cordoned, entry: { ...earlier, ...NODE } }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
  },
  {
    when: 'rule 8a: from the second return on the pod is refused without a mark',
    given: anObservation({ pod: returned, node: cordoned, entry: { ...earlier, ...NODE, returns: 1 } }),
    kind: 'deny',
    rule: '8a',
    reason: 'ComesBack',
    code: 429,
    message: comesBackMessage(2),
  },
  {
    when: 'rule 8a: the same if the drainer names the UID',
    given: anObservation({
      request: aRequest({ uid: 'uid-b' }),
      pod: returned,
      node: cordoned,
      entry: { ...earlier, ...NODE, returns: 1 },
    }),
    kind: 'deny',
    rule: '8a',
    reason: 'ComesBack',
    code: 429,
  },
  {
    when: 'rule 8a: a condition that lasts hides no newer cordon: the count starts over',
    given: anObservation({
      pod: returned,
      node: { ...cordoned, drainConditions: { DrainInProgress: NOW - 60 * MINUTE } },
      entry: { ...earlier, ...NODE, at: NOW - 30 * MINUTE, returns: 1 },
    }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
  },
  {
    when: 'rule 8a: a condition that comes and goes starts nothing over',
    given: anObservation({
      pod: returned,
      node: aNode({ drainConditions: { DrainInProgress: NOW } }),
      entry: { ...earlier, ...NODE, returns: 1 },
    }),
    kind: 'deny',
    rule: '8a',
    reason: 'ComesBack',
    code: 429,
    message:
      'Pod waiting to be rescheduled (it came back 2 times to node node-1 while that was draining, and is not marked again: the condition DrainInProgress keeps no pod away: is the node to be cordoned, too?)',
  },
  {
    when: 'rule 9: a lost mark of an earlier drain counts no return either',
    given: anObservation({
      pod: { ...returned, boundAt: NOW - 60 * MINUTE },
      node: cordoned,
      entry: { ...earlier, ...NODE, uid: 'uid-b', at: NOW - 50 * MINUTE, returns: 2 },
    }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
  },
  {
    when: 'rule 9: a lost mark of a pod that came back once is made again, and counts no return',
    given: anObservation({
      pod: returned,
      node: cordoned,
      entry: { ...earlier, ...NODE, uid: 'uid-b', returns: 1 },
    }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
  },
  {
    when: 'rule 9: a pod of another name that came while the node was draining is marked, whatever others did',
    given: anObservation({
      pod: returned,
      node: cordoned,
      tracker: aTracker({
        entries: { [entryKey('db', 'cb-0006')]: JSON.stringify({ uid: 'uid-6', ...NODE, returns: 1 }) },
      }),
    }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
  },
  {
    when: 'rule 8a on a tracker that took no entry: the process counts',
    given: anObservation({
      pod: returned,
      node: cordoned,
      remembered: { ...earlier, ...NODE },
      returnsToNode: { count: 1, at: NOW - 90_000 },
    }),
    kind: 'deny',
    rule: '8a',
    reason: 'ComesBack',
    code: 429,
  },
  {
    when: 'rule 9 with new names: pods that were bound late, several at once, have not come back',
    given: anObservation({
      pod: aPod({ name: 'cb-0007', boundAt: NOW - MINUTE }),
      request: aRequest({ name: 'cb-0007' }),
      node: cordoned,
      tracker: aTracker({ reusesNames: false, entries: RETURN_OF_ANOTHER(NOW - 50_000) }),
    }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
  },
  {
    when: 'rule 9 with new names: the return of another drain does not count',
    given: anObservation({
      pod: aPod({ name: 'cb-0007', boundAt: NOW - MINUTE }),
      request: aRequest({ name: 'cb-0007' }),
      node: cordoned,
      tracker: aTracker({ reusesNames: false, entries: RETURN_OF_ANOTHER(NOW - 60 * MINUTE) }),
    }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
  },
  {
    when: 'rule 8a on a tracker that refuses entries, with new names: the process counts',
    given: anObservation({
      pod: returned,
      node: cordoned,
      tracker: namesAreNew,
      refusal: { why: 'denied', isSettled: true },
      returnsToNode: { count: 1, at: NOW - 90_000 },
    }),
    kind: 'deny',
    rule: '8a',
    reason: 'ComesBack',
    code: 429,
  },
  {
    when: 'rule 7: marked by somebody else, and the earlier instance is not known: it may be this one',
    given: anObservation({ pod: { ...successor, mark: markedByHand }, node: settled, entry: {} }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
  },
  {
    when: 'rule 8a: bound before the cordon, after an uncordon: the count starts over',
    given: anObservation({
      pod: { ...returned, boundAt: NOW - 3 * MINUTE },
      node: cordoned,
      entry: { ...earlier, ...NODE, returns: 7 },
    }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
  },
  {
    when: 'rule 8a: bound in the second of the cordon is no return',
    given: anObservation({
      pod: { ...returned, boundAt: NOW - 2 * MINUTE },
      node: cordoned,
      entry: { ...earlier, ...NODE, returns: 1 },
    }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
  },
  {
    when: 'rule 8a: without the time of the cordon, the entry tells that the node was draining already',
    given: anObservation({
      pod: returned,
      node: aNode({ taints: ['karpenter.sh/disrupted:NoSchedule'] }),
      entry: { ...earlier, ...NODE, returns: 1 },
    }),
    kind: 'deny',
    rule: '8a',
    reason: 'ComesBack',
    code: 429,
  },
  {
    when: 'rule 8a: a cordon that has no taint yet is new, so the pod was bound before it',
    given: anObservation({ pod: returned, entry: { ...earlier, ...NODE, returns: 1 } }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
  },
  {
    when: 'rule 8a: neither the time of the cordon, nor was the node draining when the earlier instance was marked',
    given: anObservation({
      pod: returned,
      node: aNode({ taints: ['karpenter.sh/disrupted:NoSchedule'] }),
      entry: { ...earlier, ...NODE, returns: 1, draining: false },
    }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
  },
  {
    when: 'rule 8a: another draining node is no return',
    given: anObservation({
      pod: aPod({ uid: 'uid-b', node: 'node-2', boundAt: NOW }),
      node: aNode({ ...cordoned, name: 'node-2', uid: 'uid-node-2' }),
      entry: { ...earlier, ...NODE, returns: 1 },
    }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
  },
  {
    when: 'rule 8a: a node that replaced the draining one under its name is no return',
    given: anObservation({
      pod: returned,
      node: { ...cordoned, uid: 'uid-node-1-new' },
      entry: { ...earlier, ...NODE, returns: 1 },
    }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
  },
  {
    when: 'rule 8a without a tracker: the process counts for the node',
    given: anObservation({
      pod: returned,
      node: cordoned,
      tracker: 'off',
      remembered: earlier,
      returnsToNode: { count: 1, at: NOW - 90_000 },
    }),
    kind: 'deny',
    rule: '8a',
    reason: 'ComesBack',
    code: 429,
  },
  {
    when: 'rule 9 with new names: the first pod that comes to the draining node is marked',
    given: anObservation({ pod: returned, node: cordoned, tracker: namesAreNew }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
  },
  {
    when: 'rule 9 with new names: the second one is refused without a mark',
    given: anObservation({
      pod: aPod({ name: 'cb-0007', boundAt: NOW - MINUTE }),
      request: aRequest({ name: 'cb-0007' }),
      node: cordoned,
      tracker: aTracker({
        reusesNames: false,
        entries: { [entryKey('db', 'cb-0006')]: JSON.stringify({ uid: 'uid-6', ...NODE, returns: 1 }) },
      }),
    }),
    kind: 'deny',
    rule: '8a',
    reason: 'ComesBack',
    code: 429,
    message: comesBackMessage(2),
  },
  {
    when: 'rule 9 with new names: the same on a node that a condition drains, and nothing else',
    given: anObservation({
      pod: aPod({ name: 'cb-0007', boundAt: NOW - MINUTE }),
      request: aRequest({ name: 'cb-0007' }),
      node: aNode({ drainConditions: { DrainInProgress: NOW - 60 * MINUTE } }),
      tracker: aTracker({ reusesNames: false, entries: RETURN_OF_ANOTHER(NOW - 10 * MINUTE) }),
    }),
    kind: 'deny',
    rule: '8a',
    reason: 'ComesBack',
    code: 429,
  },
  {
    when: 'rule 9 with new names: a return of long before the condition is of another drain',
    given: anObservation({
      pod: aPod({ name: 'cb-0007', boundAt: NOW - MINUTE }),
      request: aRequest({ name: 'cb-0007' }),
      node: aNode({ drainConditions: { DrainInProgress: NOW - 5 * MINUTE } }),
      tracker: aTracker({ reusesNames: false, entries: RETURN_OF_ANOTHER(NOW - 70 * MINUTE) }),
      returnsToNode: { count: 1, at: NOW - 30 * 24 * 60 * MINUTE },
    }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
  },
  {
    when: 'rule 9 with new names: a condition that is newer than the pod does not show that it came back',
    given: anObservation({
      pod: aPod({ name: 'cb-0007', boundAt: NOW - MINUTE }),
      request: aRequest({ name: 'cb-0007' }),
      node: aNode({ drainConditions: { DrainInProgress: NOW } }),
      tracker: aTracker({ reusesNames: false, entries: RETURN_OF_ANOTHER(NOW - 10 * MINUTE) }),
    }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
  },
  {
    when: 'rule 9 with new names: a pod that was there before the cordon is marked whatever came back',
    given: anObservation({
      node: cordoned,
      tracker: 'off',
      returnsToNode: { count: 5, at: NOW - 90_000 },
      pod: aPod({ boundAt: NOW - 5 * MINUTE }),
    }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
  },
  {
    when: 'rule 8b: the scheduler finds no node: since when, and why',
    given: anObservation({
      pod: { ...unscheduled, unschedulable: { since: NOW - 5 * MINUTE, message: '0/3 nodes are available' } },
      entry: earlier,
    }),
    kind: 'deny',
    rule: '8b',
    reason: 'WaitingForSchedule',
    code: 429,
    message: 'Pod waiting to be scheduled (for 5m; the scheduler says: 0/3 nodes are available)',
  },
  {
    when: 'rule 8c with REPLACEMENT_CONDITION=left: the instance has left, whatever became of its successor',
    given: anObservation({ pod: unscheduled, entry: earlier }),
    settings: { replacementCondition: 'left' },
    kind: 'deny',
    rule: '8c',
    reason: 'Rescheduled',
    code: 404,
  },
  {
    when: 'rule 8a with REPLACEMENT_CONDITION=left: the successor is on a draining node',
    given: anObservation({ pod: successor, node: draining, entry: earlier }),
    settings: { replacementCondition: 'left' },
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
  },
  {
    when: 'rule 8c: moved, and marked there by somebody else: the drain of the earlier node is over',
    given: anObservation({ pod: { ...successor, mark: markedByHand }, node: settled, entry: earlier }),
    kind: 'deny',
    rule: '8c',
    reason: 'Rescheduled',
    code: 404,
  },
  {
    when: 'rule 7: moved, and marked there by somebody else, where the node was draining a moment ago',
    given: anObservation({
      pod: { ...successor, mark: markedByHand },
      node: settled,
      entry: earlier,
      drainEndedForMs: 0,
    }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
  },
  {
    when: 'rule 7: moved, and marked there by the hook: another drain is under way',
    given: anObservation({ pod: { ...successor, mark: aMark() }, node: settled, entry: earlier }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
  },
  {
    when: 'rule 7: moved, and marked there by nobody knows whom',
    given: anObservation({ pod: { ...successor, mark: { matches: true } }, node: settled, entry: earlier }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
  },
  {
    when: 'rule 7: moved and marked by somebody else, while this process marks it too',
    given: anObservation({
      pod: { ...successor, mark: markedByHand },
      node: settled,
      entry: earlier,
      ownMarks: { uid: 'uid-b', at: NOW, lastAt: NOW, marks: 1, isLost: false },
    }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
  },
  {
    when: 'rule 7: marked by somebody else on a draining node',
    given: anObservation({ pod: { ...successor, mark: markedByHand }, node: draining, entry: earlier }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
  },
  {
    when: 'rule 7: marked by somebody else, and its own entry says that the hook marked it',
    given: anObservation({
      pod: { ...successor, mark: markedByHand },
      node: settled,
      entry: { ...earlier, uid: 'uid-b' },
    }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
  },
  {
    when: 'rule 8b: back on its node: a node that was replaced under its name is another one',
    given: anObservation({ pod: returned, node: aNode({ uid: 'uid-node-1-new' }), entry: { ...earlier, ...NODE } }),
    kind: 'deny',
    rule: '8c',
    reason: 'Rescheduled',
    code: 404,
  },
  {
    when: 'rule 8b: back on its node, which was uncordoned meanwhile',
    given: anObservation({ pod: returned, node: aNode(), entry: { ...earlier, ...NODE } }),
    kind: 'deny',
    rule: '8b',
    reason: 'SameNode',
    code: 429,
  },
  {
    when: 'rule 9: a mark that was taken away is counted, and the message says by whom',
    given: anObservation({
      entry: { uid: 'uid-a', node: 'node-1', at: NOW - MINUTE, marks: 13 },
      ownMarks: { uid: 'uid-a', at: NOW - MINUTE, lastAt: NOW - MINUTE, marks: 13, isLost: true },
      lastWriter: 'gitops',
    }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
    message:
      'Reschedule annotation added to pod (14 times in 1m, and each time the mark was taken away, probably by gitops)',
  },
  {
    when: 'rule 9: a mark that never came to be is no mark that was taken away',
    given: anObservation({
      entry: { uid: 'uid-a', node: 'node-1', at: NOW - MINUTE },
      ownMarks: { uid: 'uid-a', at: NOW - MINUTE, lastAt: NOW - MINUTE, marks: 1, isLost: false },
    }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
    message: 'Reschedule annotation added to pod',
  },
  {
    when: 'rule 7: stalled counts from the first mark of the instance',
    given: anObservation({
      pod: aPod({ mark: aMark(5_000) }),
      entry: { uid: 'uid-a', node: 'node-1', at: NOW - 16 * MINUTE, marks: 3, unmarkedBy: 'gitops' },
    }),
    kind: 'deny',
    rule: '7',
    reason: 'Stalled',
    code: 429,
    message:
      'Pod waiting to be rescheduled (marked 5s ago by reschedule-hook; 3 times in 16m, and each time the mark was taken away, probably by gitops; stalled: its operator has not acted)',
  },
  {
    when: 'rule 9: another installation of the hook keeps the entry of the pod: refused without a mark',
    given: anObservation({ entry: { uid: 'uid-a', installation: 'other' }, registration: OTHER_INSTALLED }),
    kind: 'deny',
    rule: '9',
    reason: 'OtherInstallation',
    code: 429,
    message:
      'Pod waiting to be rescheduled (the installation other of this hook has an entry for it on CouchbaseCluster cb: both select the pod)',
  },
  {
    when: 'rule 9: its entry is not believed either',
    given: anObservation({
      pod: successor,
      node: settled,
      entry: { ...earlier, installation: 'other' },
      registration: OTHER_INSTALLED,
    }),
    kind: 'deny',
    rule: '9',
    reason: 'OtherInstallation',
    code: 429,
  },
  {
    when: 'rule 8c: another installation keeps the entry, and this process saw the earlier instance leave',
    given: anObservation({
      pod: successor,
      node: settled,
      entry: { ...earlier, installation: 'other' },
      registration: OTHER_INSTALLED,
      remembered: earlier,
    }),
    kind: 'deny',
    rule: '8c',
    reason: 'Rescheduled',
    code: 404,
  },
  {
    when: 'rule 9: and its entry is about the present instance, which it moves now: no drain ends before that',
    given: anObservation({
      pod: successor,
      node: settled,
      entry: { uid: 'uid-b', node: 'node-3', installation: 'other' },
      registration: OTHER_INSTALLED,
      remembered: earlier,
    }),
    kind: 'deny',
    rule: '9',
    reason: 'OtherInstallation',
    code: 429,
  },
  {
    when: 'rule 7: the entry of another installation lets no drain end, though somebody else marked the pod',
    given: anObservation({
      pod: { ...successor, mark: markedByHand },
      node: settled,
      entry: { ...earlier, installation: 'other' },
      registration: OTHER_INSTALLED,
    }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
  },
  {
    when: 'rule 8a: the same, and the pod is on a draining node: refused without a mark',
    given: anObservation({
      pod: successor,
      node: draining,
      entry: { ...earlier, installation: 'other' },
      registration: OTHER_INSTALLED,
      remembered: earlier,
    }),
    kind: 'deny',
    rule: '8a',
    reason: 'OtherInstallation',
    code: 429,
  },
  {
    when: 'rule 8c: the entry of an installation that is gone counts as ours',
    given: anObservation({
      pod: successor,
      node: settled,
      entry: { ...earlier, installation: 'other' },
      registration: { kind: 'absent', from: 'live' },
    }),
    kind: 'deny',
    rule: '8c',
    reason: 'Rescheduled',
    code: 404,
  },
  {
    when: 'rule 8c: so does an entry that names no installation, or this one',
    given: anObservation({
      pod: successor,
      node: settled,
      entry: { ...earlier, installation: 'reschedule-hook' },
    }),
    kind: 'deny',
    rule: '8c',
    reason: 'Rescheduled',
    code: 404,
  },
  {
    when: 'rule 9: a tracker that refused an entry once gets another try',
    given: anObservation({ refusal: { why: 'denied', isSettled: false } }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
  },
  {
    when: 'rule 9 with MARK_WHEN=draining: nobody drains the node',
    given: anObservation({ node: aNode() }),
    settings: { markWhen: 'draining' },
    kind: 'deny',
    rule: '9',
    reason: 'NotDraining',
    code: 429,
    message: 'Pod waiting to be rescheduled (nobody drains node node-1, and MARK_WHEN=draining)',
  },
  {
    when: 'rule 9 with MARK_WHEN=draining: the pod has no node',
    given: anObservation({ pod: without(aPod(), 'node') }),
    settings: { markWhen: 'draining' },
    kind: 'deny',
    rule: '9',
    reason: 'NotDraining',
    code: 429,
  },
  {
    when: 'rule 9 with MARK_WHEN=draining: the node is draining',
    given: anObservation(),
    settings: { markWhen: 'draining' },
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
  },
];

/** What people say of evictions, in an annotation. */
const SAID: readonly Case[] = [
  {
    when: 'rule 6a: the pod says ignore',
    given: anObservation({ pod: aPod({ policy: 'ignore' }) }),
    kind: 'allow',
    rule: '6a',
    reason: 'Ignored',
  },
  {
    when: 'rule 6a: its tracker says ignore',
    given: anObservation({ tracker: aTracker({ policy: 'ignore' }) }),
    kind: 'allow',
    rule: '6a',
    reason: 'Ignored',
  },
  {
    when: 'rule 6a: its Namespace says ignore',
    given: anObservation({ namespace: aNamespace({ policy: 'ignore' }) }),
    settings: { readsNamespacePolicy: true },
    kind: 'allow',
    rule: '6a',
    reason: 'Ignored',
  },
  {
    when: 'rule 6a: without POLICY_ANNOTATIONS a Namespace says nothing',
    given: anObservation({ namespace: aNamespace({ policy: 'ignore' }) }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
  },
  {
    when: 'rule 6a: a Namespace that says nothing changes nothing',
    given: anObservation({ namespace: aNamespace() }),
    settings: { readsNamespacePolicy: true },
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
  },
  {
    when: 'rule 6a: the pod says hold: refused without a mark',
    given: anObservation({ pod: aPod({ policy: 'hold' }) }),
    kind: 'deny',
    rule: '6a',
    reason: 'Held',
    code: 429,
    message:
      'Pod waiting to be rescheduled (reschedule.hook/policy on the pod says hold, so nobody is asked to move it)',
  },
  {
    when: 'rule 6a: it says hold and came back to a draining node, before the cache has seen it: not marked again',
    given: anObservation({ pod: aPod({ policy: 'hold' }), entry: { uid: 'uid-0' }, cacheKnowsInstance: false }),
    kind: 'deny',
    rule: '6a',
    reason: 'Held',
    code: 429,
  },
  {
    when: 'rule 6a: it says ignore there: neither marked nor let go, because the request may mean an earlier instance',
    given: anObservation({ pod: aPod({ policy: 'ignore' }), entry: { uid: 'uid-0' }, cacheKnowsInstance: false }),
    kind: 'deny',
    rule: '6a',
    reason: 'CacheBehind',
    code: 429,
  },
  {
    when: 'rule 6a: the Namespace says hold, and the UID is named',
    given: anObservation({ request: named, namespace: aNamespace({ policy: 'hold' }) }),
    settings: { readsNamespacePolicy: true },
    kind: 'deny',
    rule: '6a',
    reason: 'Held',
    code: 429,
    message:
      'Pod waiting to be rescheduled (reschedule.hook/policy on Namespace db says hold, so nobody is asked to move it)',
  },
  {
    when: 'rule 6a: the annotation of the Namespace is mistyped: held, and the message has its value',
    given: anObservation({ request: named, namespace: aNamespace({ policy: 'hold', policyValue: 'Ignore' }) }),
    settings: { readsNamespacePolicy: true },
    kind: 'deny',
    rule: '6a',
    reason: 'Held',
    code: 429,
    message:
      'Pod waiting to be rescheduled (reschedule.hook/policy on Namespace db is "Ignore", which is neither ignore nor hold and counts as hold, so nobody is asked to move it)',
  },
  {
    when: 'rule 6a: the pod before its tracker: hold',
    given: anObservation({ pod: aPod({ policy: 'hold' }), tracker: aTracker({ policy: 'ignore' }) }),
    kind: 'deny',
    rule: '6a',
    reason: 'Held',
    code: 429,
  },
  {
    when: 'rule 6a: the pod before its tracker: ignore',
    given: anObservation({ pod: aPod({ policy: 'ignore' }), tracker: aTracker({ policy: 'hold' }) }),
    kind: 'allow',
    rule: '6a',
    reason: 'Ignored',
  },
  {
    when: 'rule 6a: the tracker before the Namespace',
    given: anObservation({ tracker: aTracker({ policy: 'hold' }), namespace: aNamespace({ policy: 'ignore' }) }),
    settings: { readsNamespacePolicy: true },
    kind: 'deny',
    rule: '6a',
    reason: 'Held',
    code: 429,
  },
  {
    when: 'rule 6a: where tracking is off, a Namespace may say it',
    given: anObservation({ tracker: 'off', namespace: aNamespace({ policy: 'hold' }) }),
    settings: { readsNamespacePolicy: true },
    kind: 'deny',
    rule: '6a',
    reason: 'Held',
    code: 429,
  },
  {
    when: 'rule 5 before rule 6a: a dry run says that the pod would be let go',
    given: anObservation({ request: aRequest({ dryRun: true }), pod: aPod({ policy: 'ignore' }) }),
    kind: 'allow',
    rule: '5',
    reason: 'DryRun',
    message: 'reschedule hook, dry run: pod db/cb-0000 would be evicted',
  },
  {
    when: 'rule 6 before rule 6a: a terminating pod is being replaced, whatever it says',
    given: anObservation({ pod: { ...terminating, policy: 'ignore' } }),
    kind: 'deny',
    rule: '6',
    reason: 'Ending',
    code: 429,
  },
  {
    when: 'rule 6a: a marked pod says ignore, and the UID is named',
    given: anObservation({ request: named, pod: aPod({ policy: 'ignore', mark: aMark() }) }),
    kind: 'allow',
    rule: '6a',
    reason: 'Ignored',
  },
  {
    when: 'rule 6a: a marked pod says ignore, by name: its successor would not say it',
    given: anObservation({ pod: aPod({ policy: 'ignore', mark: aMark() }) }),
    kind: 'deny',
    rule: '6a',
    reason: 'Waiting',
    code: 429,
    message:
      'Pod waiting to be rescheduled (reschedule.hook/policy on the pod says ignore, but it is marked: an eviction by name could hit its successor; remove the mark, or name the UID)',
  },
  {
    when: 'rule 6a: a pod whose mark has another value is not marked',
    given: anObservation({ pod: aPod({ policy: 'ignore', mark: { matches: false } }) }),
    kind: 'allow',
    rule: '6a',
    reason: 'Ignored',
  },
  {
    when: 'rule 6a: the tracker of a marked pod says ignore, and of its successor, too',
    given: anObservation({ pod: aPod({ mark: aMark() }), tracker: aTracker({ policy: 'ignore' }) }),
    kind: 'allow',
    rule: '6a',
    reason: 'Ignored',
  },
  {
    when: 'rule 7: a marked pod that says hold stays refused, and the message has its mark',
    given: anObservation({ pod: aPod({ policy: 'hold', mark: aMark() }) }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
    message: 'Pod waiting to be rescheduled (marked 3m20s ago by reschedule-hook)',
  },
  {
    when: 'rule 8a: the successor is on a draining node, too, and held',
    given: anObservation({ pod: { ...successor, policy: 'hold' }, node: draining, entry: earlier }),
    kind: 'deny',
    rule: '6a',
    reason: 'Held',
    code: 429,
  },
  {
    when: 'rule 6a: the successor is on a draining node, too, and its tracker says ignore',
    given: anObservation({ pod: successor, node: draining, entry: earlier, tracker: aTracker({ policy: 'ignore' }) }),
    kind: 'allow',
    rule: '6a',
    reason: 'Ignored',
  },
  ...(['ignore', 'hold'] as const).flatMap((policy): Case[] => [
    {
      when: `rule 8c: moved to a node that nobody drains: the drain is over, and the tracker says ${policy}`,
      given: anObservation({ pod: successor, node: settled, entry: earlier, tracker: aTracker({ policy }) }),
      kind: 'deny',
      rule: '8c',
      reason: 'Rescheduled',
      code: 404,
    },
    {
      when: `rule 8b: the successor is not scheduled yet, and says ${policy}`,
      given: anObservation({ pod: { ...unscheduled, policy }, entry: earlier }),
      kind: 'deny',
      rule: '8b',
      reason: 'WaitingForSchedule',
      code: 429,
    },
    {
      when: `rule 8d: the cache does not know the instance, which may be a successor, and says ${policy}`,
      given: anObservation({ pod: aPod({ policy }), cacheKnowsInstance: false }),
      kind: 'deny',
      rule: '8d',
      reason: 'CacheBehind',
      code: 429,
    },
    {
      when: `rule 9: another installation keeps the entry, and the pod says ${policy}`,
      given: anObservation({
        pod: aPod({ policy }),
        entry: { uid: 'uid-a', installation: 'other' },
        registration: OTHER_INSTALLED,
      }),
      kind: 'deny',
      rule: '9',
      reason: 'OtherInstallation',
      code: 429,
    },
  ]),
];

/** The table of docs/decision-table.md, row by row; within a row the boundary instants. */
const TABLE: readonly Case[] = [
  {
    when: 'rule 1: not a CREATE of pods/eviction',
    given: anObservation({ request: aRequest({ isEviction: false }) }),
    kind: 'allow',
    rule: '1',
    reason: 'NotAnEviction',
  },
  {
    when: 'rule 1: an exempt user',
    given: anObservation({ request: aRequest({ username: 'system:serviceaccount:kube-system:exempt' }) }),
    kind: 'allow',
    rule: '1',
    reason: 'ExemptUser',
  },

  {
    when: 'rule 1 before rule 2: not an eviction, and no such pod',
    given: anObservation({ request: aRequest({ isEviction: false }), pod: 'absent' }),
    kind: 'allow',
    rule: '1',
    reason: 'NotAnEviction',
  },
  {
    when: 'rule 2: no such pod',
    given: anObservation({ pod: 'absent' }),
    kind: 'deny',
    rule: '2',
    reason: 'PodGone',
    code: 404,
    message: 'Pod has been rescheduled',
  },
  {
    when: 'rule 2: no such pod, also in a dry run',
    given: anObservation({ request: aRequest({ dryRun: true }), pod: 'absent' }),
    kind: 'deny',
    rule: '2',
    reason: 'PodGone',
    code: 404,
    message: 'Pod has been rescheduled',
  },

  {
    when: 'rule 3: labels do not match',
    given: anObservation({ pod: aPod({ labels: { app: 'other' } }) }),
    kind: 'allow',
    rule: '3',
    reason: 'NotSelected',
  },
  {
    when: 'rule 3: owned by a Job',
    given: anObservation({ pod: aPod({ owner: { apiVersion: 'batch/v1', kind: 'Job', name: 'backup' } }) }),
    kind: 'allow',
    rule: '3',
    reason: 'JobPod',
  },
  {
    when: 'rule 3: a Job of another API group is no Job',
    given: anObservation({ pod: aPod({ owner: { apiVersion: 'example.com/v1', kind: 'Job', name: 'x' } }) }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
    code: 429,
  },
  {
    when: 'rule 3: owned by a DaemonSet',
    given: anObservation({ pod: aPod({ owner: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent' } }) }),
    kind: 'allow',
    rule: '3',
    reason: 'DaemonSetPod',
  },
  {
    when: 'rule 3: a mirror pod, by its owner',
    given: anObservation({ pod: aPod({ owner: { apiVersion: 'v1', kind: 'Node', name: 'node-1' } }) }),
    kind: 'allow',
    rule: '3',
    reason: 'MirrorPod',
  },
  {
    when: 'rule 3: a mirror pod, by its annotation',
    given: anObservation({ pod: aPod({ isMirror: true }) }),
    kind: 'allow',
    rule: '3',
    reason: 'MirrorPod',
  },

  {
    when: 'rule 3 before rule 4: labels do not match, and another instance is named',
    given: anObservation({ pod: aPod({ labels: {} }), request: aRequest({ uid: 'uid-old' }) }),
    kind: 'allow',
    rule: '3',
    reason: 'NotSelected',
  },
  {
    when: 'rule 4: the precondition names another instance',
    given: anObservation({ request: aRequest({ uid: 'uid-old' }) }),
    kind: 'deny',
    rule: '4',
    reason: 'OtherInstance',
    code: 409,
    message: 'The UID in the precondition (uid-old) is not the UID of the pod (uid-a)',
  },
  {
    when: 'rule 4 before rule 5: another instance in a dry run',
    given: anObservation({ request: aRequest({ uid: 'uid-old', dryRun: true }) }),
    kind: 'deny',
    rule: '4',
    reason: 'OtherInstance',
    code: 409,
  },
  {
    when: 'rule 4 before rule 7: another instance of a marked pod',
    given: anObservation({ request: aRequest({ uid: 'uid-old' }), pod: aPod({ mark: aMark() }) }),
    kind: 'deny',
    rule: '4',
    reason: 'OtherInstance',
    code: 409,
  },

  {
    when: 'rule 5: a dry run of a first mark',
    given: anObservation({ request: aRequest({ dryRun: true }) }),
    kind: 'allow',
    rule: '5',
    reason: 'DryRun',
    message:
      'reschedule hook, dry run: pod db/cb-0000 would be marked for its operator to move, and the drain would wait until it has left',
  },
  {
    when: 'rule 5: a dry run of a waiting pod',
    given: anObservation({ request: aRequest({ dryRun: true }), pod: aPod({ mark: aMark() }) }),
    kind: 'allow',
    rule: '5',
    reason: 'DryRun',
    message:
      'reschedule hook, dry run: pod db/cb-0000 would be refused with 429: Pod waiting to be rescheduled (marked 3m20s ago by reschedule-hook)',
  },
  {
    when: 'rule 5: a dry run of a corpse',
    given: anObservation({
      request: aRequest({ dryRun: true }),
      pod: aPod({ finishedAt: NOW - 6 * MINUTE }),
      terminatingOrFinishedForMs: 6 * MINUTE,
    }),
    kind: 'allow',
    rule: '5',
    reason: 'DryRun',
    message: 'reschedule hook, dry run: pod db/cb-0000 would be evicted',
  },
  {
    when: 'rule 5: a dry run before the cordon: as if the node were cordoned',
    given: anObservation({
      request: aRequest({ dryRun: true }),
      pod: successor,
      node: settled,
      entry: { ...earlier, node: 'node-2' },
    }),
    kind: 'allow',
    rule: '5',
    reason: 'DryRun',
    message:
      'reschedule hook, dry run: pod db/cb-0000 would be marked for its operator to move, and the drain would wait until it has left',
  },
  {
    when: 'rule 5: a dry run says what will hold the operator up',
    given: anObservation({ request: aRequest({ dryRun: true }), tracker: aTracker({ hindrance: 'Paused' }) }),
    kind: 'allow',
    rule: '5',
    reason: 'DryRun',
    message:
      'reschedule hook, dry run: pod db/cb-0000 would be marked for its operator to move, and the drain would wait until it has left; CouchbaseCluster cb reports Paused',
  },
  {
    when: 'rule 5: and a custom resource of its profile says it as well',
    given: anObservation({
      request: aRequest({ dryRun: true }),
      reported: { kind: 'Kafka', name: 'k', word: 'NotReady' },
    }),
    kind: 'allow',
    rule: '5',
    reason: 'DryRun',
    message:
      'reschedule hook, dry run: pod db/cb-0000 would be marked for its operator to move, and the drain would wait until it has left; Kafka k reports NotReady',
  },

  {
    when: 'rule 6: terminating, asked for by name',
    given: anObservation({ pod: terminating }),
    kind: 'deny',
    rule: '6',
    reason: 'Ending',
    code: 429,
    message: 'Pod waiting to be rescheduled (it is terminating)',
  },
  {
    when: 'rule 6: terminating, its UID named',
    given: anObservation({ pod: terminating, request: named }),
    kind: 'allow',
    rule: '6',
    reason: 'EndingInstanceNamed',
  },
  {
    when: 'rule 6: terminating, its UID named with the same grace',
    given: anObservation({ pod: terminating, request: aRequest({ uid: 'uid-a', graceSeconds: 30 }) }),
    kind: 'allow',
    rule: '6',
    reason: 'EndingInstanceNamed',
  },
  {
    when: 'rule 6: terminating, its UID named with a shorter grace',
    given: anObservation({ pod: terminating, request: aRequest({ uid: 'uid-a', graceSeconds: 29 }) }),
    kind: 'deny',
    rule: '6',
    reason: 'Ending',
    code: 429,
  },
  {
    when: 'rule 6: its grace period 5 minutes past',
    given: anObservation({ pod: terminating, terminatingOrFinishedForMs: 30_000 + 5 * MINUTE }),
    kind: 'deny',
    rule: '6',
    reason: 'Ending',
    code: 429,
  },
  {
    when: 'rule 6: its grace period over 5 minutes past',
    given: anObservation({ pod: terminating, terminatingOrFinishedForMs: 30_000 + 5 * MINUTE + 1 }),
    kind: 'allow',
    rule: '6',
    reason: 'Corpse',
  },
  {
    when: 'rule 6: finished, asked for by name',
    given: anObservation({ pod: aPod({ finishedAt: NOW - MINUTE }) }),
    kind: 'deny',
    rule: '6',
    reason: 'Ending',
    code: 429,
    message: 'Pod waiting to be rescheduled (it is finished)',
  },
  {
    when: 'rule 6: finished, its UID named, no grace',
    given: anObservation({
      pod: aPod({ finishedAt: NOW - MINUTE }),
      request: aRequest({ uid: 'uid-a', graceSeconds: 0 }),
    }),
    kind: 'allow',
    rule: '6',
    reason: 'EndingInstanceNamed',
  },
  {
    when: 'rule 6: known to be finished for over 5 minutes',
    given: anObservation({
      pod: aPod({ finishedAt: NOW - 5 * MINUTE - 1 }),
      terminatingOrFinishedForMs: 5 * MINUTE + 1,
    }),
    kind: 'allow',
    rule: '6',
    reason: 'Corpse',
  },
  {
    when: 'rule 6: finished over 5 minutes ago by a clock that is ahead: the hook has not seen it so long',
    given: anObservation({ pod: aPod({ finishedAt: NOW - 6 * MINUTE }), terminatingOrFinishedForMs: 5 * MINUTE }),
    kind: 'deny',
    rule: '6',
    reason: 'Ending',
    code: 429,
  },
  {
    when: 'rule 6: finished long ago, and the cache has not seen it',
    given: anObservation({ pod: aPod({ finishedAt: NOW - 6 * MINUTE }) }),
    kind: 'deny',
    rule: '6',
    reason: 'Ending',
    code: 429,
  },
  {
    when: 'rule 6 before rule 7: terminating and marked',
    given: anObservation({ pod: { ...terminating, mark: aMark() } }),
    kind: 'deny',
    rule: '6',
    reason: 'Ending',
    code: 429,
  },

  {
    when: 'rule 7: marked',
    given: anObservation({ pod: aPod({ mark: aMark() }) }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
    message: 'Pod waiting to be rescheduled (marked 3m20s ago by reschedule-hook)',
  },
  {
    when: 'rule 7: marked by hand, nobody knows when',
    given: anObservation({ pod: aPod({ mark: { matches: true } }) }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
    message: 'Pod waiting to be rescheduled (marked)',
  },
  {
    when: 'rule 7: marked, its UID named',
    given: anObservation({ pod: aPod({ mark: aMark() }), request: named }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
  },
  {
    when: 'rule 7: marked just under STALL_AFTER ago',
    given: anObservation({ pod: aPod({ mark: aMark(15 * MINUTE - 1) }) }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
  },
  {
    when: 'rule 7: its tracking resource tells why it has to wait',
    given: anObservation({ pod: aPod({ mark: aMark() }), tracker: aTracker({ hindrance: 'Paused' }) }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
    message: 'Pod waiting to be rescheduled (marked 3m20s ago by reschedule-hook; CouchbaseCluster cb reports Paused)',
  },
  {
    when: 'rule 7: a custom resource of its profile tells it',
    given: anObservation({ pod: aPod({ mark: aMark() }), reported: { kind: 'Kafka', name: 'k', word: 'NotReady' } }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
    message: 'Pod waiting to be rescheduled (marked 3m20s ago by reschedule-hook; Kafka k reports NotReady)',
  },
  {
    when: 'rule 7: stalled',
    given: anObservation({ pod: aPod({ mark: aMark(15 * MINUTE) }) }),
    kind: 'deny',
    rule: '7',
    reason: 'Stalled',
    code: 429,
    message: 'Pod waiting to be rescheduled (marked 15m ago by reschedule-hook; stalled: its operator has not acted)',
  },
  {
    when: 'rule 7: the annotation with another value is no mark',
    given: anObservation({ pod: aPod({ mark: { matches: false } }) }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
    code: 429,
  },
  {
    when: 'rule 7 before rule 8: marked, and an earlier instance too',
    given: anObservation({ pod: { ...successor, mark: aMark() }, node: settled, entry: earlier }),
    kind: 'deny',
    rule: '7',
    reason: 'Waiting',
    code: 429,
  },

  {
    when: 'rule 8a: came back on a draining node',
    given: anObservation({ pod: successor, node: draining, entry: earlier }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
    code: 429,
    message: 'Reschedule annotation added to pod',
  },
  {
    when: 'rule 8a: came back on a node with a drain taint',
    given: anObservation({ pod: successor, node: aNode({ taints: ['karpenter.sh/disrupted'] }), entry: earlier }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
    code: 429,
  },
  {
    when: 'rule 8a: came back on a node with a drain taint by prefix',
    given: anObservation({
      pod: successor,
      node: aNode({ taints: ['aws-node-termination-handler/spot-itn'] }),
      entry: earlier,
    }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
    code: 429,
  },
  {
    when: 'rule 8a: came back on a node that is being deleted',
    given: anObservation({ pod: successor, node: aNode({ deleting: true }), entry: earlier }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
    code: 429,
  },
  {
    when: 'rule 8a: came back on a node that is gone',
    given: anObservation({ pod: successor, entry: earlier, node: 'absent' }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
    code: 429,
  },
  {
    when: 'rule 8a: an unknown earlier instance of the reference',
    given: anObservation({ pod: successor, node: draining, entry: {} }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
    code: 429,
  },
  {
    when: 'rule 8b: not yet scheduled',
    given: anObservation({ pod: unscheduled, entry: earlier, node: 'absent' }),
    kind: 'deny',
    rule: '8b',
    reason: 'WaitingForSchedule',
    code: 429,
    message: 'Pod waiting to be scheduled',
  },
  {
    when: 'rule 8b: scheduled, not yet ready, readiness wanted',
    given: anObservation({ pod: { ...successor, ready: false }, node: settled, entry: earlier }),
    settings: { replacementCondition: 'ready' },
    kind: 'deny',
    rule: '8b',
    reason: 'WaitingForReady',
    code: 429,
    message: 'Pod waiting to be ready',
  },
  {
    when: 'rule 8b: scheduled, not yet ready, readiness not wanted',
    given: anObservation({ pod: { ...successor, ready: false }, node: settled, entry: earlier }),
    kind: 'deny',
    rule: '8c',
    reason: 'Rescheduled',
    code: 404,
  },
  {
    when: 'rule 8b: came back on the very node that it was to leave',
    given: anObservation({ pod: aPod({ uid: 'uid-b' }), node: aNode(), entry: earlier }),
    kind: 'deny',
    rule: '8b',
    reason: 'SameNode',
    code: 429,
    message: 'Pod waiting to be rescheduled (it came back on node node-1, which it was to leave)',
  },
  {
    when: 'rule 8b not: came back on the very node, and that was not draining either when it was marked',
    given: anObservation({ pod: aPod({ uid: 'uid-b' }), node: aNode(), entry: { ...earlier, draining: false } }),
    kind: 'deny',
    rule: '8c',
    reason: 'Rescheduled',
    code: 404,
  },
  {
    when: 'rule 8b: came back on the very node, and the cache saw that drain after it was marked',
    given: anObservation({
      pod: aPod({ uid: 'uid-b' }),
      node: aNode(),
      entry: { ...earlier, draining: false },
      remembered: { ...earlier, draining: true },
    }),
    kind: 'deny',
    rule: '8b',
    reason: 'SameNode',
    code: 429,
  },
  {
    when: 'rule 8b not: what the cache saw was about another instance',
    given: anObservation({
      pod: aPod({ uid: 'uid-b' }),
      node: aNode(),
      entry: { ...earlier, draining: false },
      remembered: { ...earlier, uid: 'uid-0', draining: true },
    }),
    kind: 'deny',
    rule: '8c',
    reason: 'Rescheduled',
    code: 404,
  },
  {
    when: 'rule 8a before 8b: came back on the very node, which is draining',
    given: anObservation({ pod: aPod({ uid: 'uid-b' }), entry: earlier }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
    code: 429,
  },
  {
    when: 'rule 8c: settled on a node that is not draining',
    given: anObservation({ pod: successor, node: settled, entry: earlier }),
    kind: 'deny',
    rule: '8c',
    reason: 'Rescheduled',
    code: 404,
    message: 'Pod has been rescheduled with the same name',
  },
  {
    when: 'rule 8b: settled on a node that was draining a moment ago, with the pod on it: that drain may go on',
    given: anObservation({ pod: successor, node: settled, entry: earlier, drainEndedForMs: 5 * MINUTE - 1 }),
    kind: 'deny',
    rule: '8b',
    reason: 'DrainJustEnded',
    code: 429,
    message: 'Pod waiting to be rescheduled (node node-2 was being drained until 4m59s ago, and that drain may go on)',
  },
  {
    when: 'rule 8b not: that was five minutes ago',
    given: anObservation({ pod: successor, node: settled, entry: earlier, drainEndedForMs: 5 * MINUTE }),
    kind: 'deny',
    rule: '8c',
    reason: 'Rescheduled',
    code: 404,
  },
  {
    when: 'rule 8a before 8b: the drain goes on',
    given: anObservation({
      pod: successor,
      node: { ...settled, unschedulable: true },
      entry: earlier,
      drainEndedForMs: 0,
    }),
    kind: 'mark',
    rule: '8a',
    reason: 'MarkedAgain',
    code: 429,
  },
  {
    when: 'rule 8c: from the memory of the cache',
    given: anObservation({ pod: successor, node: settled, remembered: earlier }),
    kind: 'deny',
    rule: '8c',
    reason: 'Rescheduled',
    code: 404,
  },
  {
    when: 'rule 8c: an unknown earlier instance of the reference',
    given: anObservation({ pod: successor, node: settled, entry: {} }),
    kind: 'deny',
    rule: '8c',
    reason: 'Rescheduled',
    code: 404,
  },
  {
    when: 'rule 8: a request that names its UID is for this instance',
    given: anObservation({ pod: successor, node: settled, entry: earlier, request: aRequest({ uid: 'uid-b' }) }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
    code: 429,
  },
  {
    when: 'rule 8: an entry with the own UID is no earlier instance (S5)',
    given: anObservation({ node: settled, entry: earlier }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
    code: 429,
  },
  {
    when: 'rule 8: an entry with the own UID outweighs the memory',
    given: anObservation({ node: settled, entry: earlier, remembered: { uid: 'uid-0' } }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
    code: 429,
  },
  {
    when: 'rule 8d: an instance that the cache has not seen',
    given: anObservation({ cacheKnowsInstance: false }),
    kind: 'deny',
    rule: '8d',
    reason: 'CacheBehind',
    code: 429,
    message: "Pod waiting to be rescheduled (the hook's cache has not seen this pod yet)",
  },
  {
    when: 'rule 8d: a cache that may not list pods does not see it in a moment either',
    given: anObservation({ cacheKnowsInstance: false, cacheTrouble: { text: 'it may not list pods', lasts: true } }),
    kind: 'deny',
    rule: '8d',
    reason: 'CacheUnsynced',
    code: 429,
    message: 'Pod waiting to be rescheduled (it may not list pods)',
  },
  {
    when: 'rule 8d: a cache in trouble that knows the instance all the same',
    given: anObservation({ cacheTrouble: { text: 'it may not list pods', lasts: true } }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
    code: 429,
  },
  {
    when: 'rule 8d: not for a request that names its UID',
    given: anObservation({ cacheKnowsInstance: false, request: named }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
    code: 429,
  },

  {
    when: 'rule 9: otherwise',
    given: anObservation(),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
    code: 429,
    message: 'Reschedule annotation added to pod',
  },
  {
    when: 'rule 9: also where no node is draining',
    given: anObservation({ node: aNode() }),
    kind: 'mark',
    rule: '9',
    reason: 'Marked',
    code: 429,
  },
];

describe('decide: the decision table', () => {
  for (const { when, given, settings, ...expected } of [...TABLE, ...SAID, ...ENDLESS]) {
    test(when, () => {
      const decision = decide(given, { ...SETTINGS, ...settings });
      assert.deepEqual(seenOf(decision, expected), expected);
    });
  }
});

describe('decide: what a mark writes', () => {
  const cases = [
    { when: 'an entry where the operator reuses names', given: anObservation(), entryOn: aTracker() },
    {
      when: 'that its node was not draining',
      given: anObservation({ node: aNode() }),
      entryOn: aTracker(),
      draining: false,
    },
    {
      when: 'no entry where names are never reused',
      given: anObservation({ tracker: aTracker({ reusesNames: false }) }),
      entryOn: undefined,
    },
    { when: 'no entry where tracking is off', given: anObservation({ tracker: 'off' }), entryOn: undefined },
  ];
  for (const { when, given, entryOn, draining = true } of cases) {
    test(when, () => {
      const decision = decide(given, SETTINGS);
      assert.equal(decision.kind, 'mark');
      if (decision.kind !== 'mark') return;
      assert.deepEqual(decision.entryOn, entryOn);
      assert.equal(decision.pod, seenValue(given.pod));
      assert.equal(decision.note.draining, draining);
    });
  }
});

describe('what an entry remembers of a mark', () => {
  const noteOf = (given: Observation) => {
    const decision = decide(given, SETTINGS);
    assert.equal(decision.kind, 'mark');
    return decision.kind === 'mark' ? decision : undefined;
  };

  test('the UID of the node, and the return', () => {
    const decision = noteOf(anObservation({ pod: returned, node: cordoned, entry: { ...earlier, ...NODE } }));
    assert.deepEqual(decision?.note, { draining: true, nodeUid: 'uid-node-1', returns: 1 });
  });

  test('no return of a pod that is on no node yet, whatever is known of a node', () => {
    const before = { ...earlier, ...NODE, returns: 1 };
    const { profile } = anObservation({ pod: returned });
    assert.ok(profile);
    const seen = { now: NOW, node: cordoned, earlier: before, entry: before, tracker: aTracker(), profile };
    assert.equal(countReturns({ ...seen, pod: returned }, SETTINGS.drainTaints), 2);
    assert.equal(countReturns({ ...seen, pod: without(returned, 'node') }, SETTINGS.drainTaints), 0);
  });

  for (const ahead of [MINUTE, 10 * MINUTE, 400 * 24 * 60 * MINUTE])
    for (const [what, draining] of [
      ['cordon', aNode({ unschedulable: true, taints: [CORDONS], taintedAt: { [CORDONS]: NOW + ahead } })],
      ['taint', aNode({ taints: [DISRUPTS], taintedAt: { [DISRUPTS]: NOW + ahead } })],
      ['condition', aNode({ drainConditions: { DrainInProgress: NOW + ahead } })],
    ] as const)
      test(`a return to a node whose ${what} is of a clock ${ahead / MINUTE} minutes ahead counts by its entry`, () => {
        const { profile } = anObservation({ pod: returned });
        assert.ok(profile);
        const before = { ...earlier, ...NODE, draining: true, returns: 1, at: NOW - 3 * MINUTE };
        const pod = { ...returned, boundAt: NOW - 2 * MINUTE };
        const seen = { now: NOW, node: draining, pod, tracker: aTracker(), profile };
        const count = (entry: Entry) =>
          countReturns({ ...seen, entry, ...(entry.uid === pod.uid ? {} : { earlier: entry }) }, SETTINGS.drainTaints);
        assert.deepEqual([count(before), count({ ...before, uid: pod.uid, returns: 7 })], [2, 7]);
        assert.equal(count({ ...before, draining: false }), 0);
      });

  test('the return of a pod that is marked once more is the same one', () => {
    const entry = { ...earlier, ...NODE, uid: 'uid-b', returns: 1 };
    for (const tracker of [aTracker(), namesAreNew]) {
      assert.equal(noteOf(anObservation({ pod: returned, node: cordoned, tracker, entry }))?.note.returns, 1);
    }
    const ownMarks = { uid: 'uid-b', at: NOW, lastAt: NOW, marks: 1, isLost: true };
    const off = {
      pod: returned,
      node: cordoned,
      tracker: 'off',
      ownMarks,
      returnsToNode: { count: 1, at: NOW - 30_000 },
    } as const;
    assert.equal(noteOf(anObservation(off))?.note.returns, 1);
  });

  test('with new names, an entry all the same for a pod that came to the draining node', () => {
    const decision = noteOf(anObservation({ pod: returned, node: cordoned, tracker: namesAreNew }));
    assert.equal(decision?.entryOn, namesAreNew);
    assert.equal(decision?.note.returns, 1);
    const byCondition = aNode({ drainConditions: { DrainInProgress: NOW - 60 * MINUTE } });
    assert.equal(noteOf(anObservation({ pod: returned, node: byCondition, tracker: namesAreNew }))?.note.returns, 1);
  });

  test('the first of several marks, how many there were, and who took the last one away', () => {
    const entry = { uid: 'uid-a', node: 'node-1', at: NOW - MINUTE };
    const ownMarks = { uid: 'uid-a', at: NOW - MINUTE, lastAt: NOW - MINUTE, marks: 1, isLost: true };
    const decision = noteOf(anObservation({ entry, ownMarks, lastWriter: 'gitops' }));
    const note = { draining: true, nodeUid: 'uid-node-1', firstAt: NOW - MINUTE, marks: 2, unmarkedBy: 'gitops' };
    assert.deepEqual(decision?.note, note);
  });

  test('nothing on a tracker that refused entries twice, and the log says why', () => {
    const decision = noteOf(anObservation({ refusal: { why: 'denied', isSettled: true } }));
    assert.equal(decision?.entryOn, undefined);
    assert.equal(decision?.trackerMissing, 'denied');
  });
});

describe('next: what the cache alone may answer, and what has to be read live first (S2)', () => {
  const fromCache = (seen: SeenInShort) => anObservation({ from: 'cache', ...seen });
  const cases: readonly (readonly [string, Observation, readonly Subject[], Partial<PolicySettings>?])[] = [
    ['rule 1 needs no evidence', fromCache({ request: aRequest({ isEviction: false }) }), []],
    ['a 404 for a pod that is not cached', fromCache({ pod: 'absent' }), ['metadata']],
    ['an allow', fromCache({ pod: aPod({ labels: {} }) }), ['metadata']],
    ['a 409', fromCache({ request: aRequest({ uid: 'x' }) }), ['pod']],
    ['a dry run', fromCache({ request: aRequest({ dryRun: true }) }), ['pod']],
    ['a 429 for an ending pod', fromCache({ pod: terminating }), []],
    ['a 429 for a marked pod', fromCache({ pod: aPod({ mark: aMark() }) }), []],
    ['a second move of a name', fromCache({ pod: successor, node: draining, entry: earlier }), ['pod', 'node']],
    ['a 429 for an unscheduled successor', fromCache({ pod: unscheduled, entry: earlier }), []],
    ['a 404 for a moved pod', fromCache({ pod: successor, node: settled, entry: earlier }), ['pod', 'node']],
    ['a first mark: its writes are guarded', fromCache({}), []],
    ['an entry that says that nobody drains the node', fromCache({ node: aNode() }), ['pod', 'tracker', 'node']],
    ['a first mark without an entry, on any node', fromCache({ node: aNode(), tracker: 'off' }), []],
    [
      'a 404 with REPLACEMENT_CONDITION=left',
      fromCache({ pod: unscheduled, entry: earlier }),
      ['pod'],
      { replacementCondition: 'left' },
    ],
    [
      'a 404 for a pod that somebody else marked',
      fromCache({ pod: { ...successor, mark: markedByHand }, node: settled, entry: earlier }),
      ['pod', 'tracker', 'node'],
    ],
    [
      'a refusal of a pod that comes back',
      fromCache({ pod: returned, node: cordoned, entry: { ...earlier, ...NODE, returns: 1 } }),
      [],
    ],
    ['a refusal because nobody drains the node', fromCache({ node: aNode() }), ['node'], { markWhen: 'draining' }],
    [
      'a mark without an entry, because the tracker refuses',
      fromCache({ refusal: { why: 'denied', isSettled: true } }),
      ['pod', 'tracker'],
    ],
    [
      'another mark, because one was taken away',
      fromCache({ ownMarks: { uid: 'uid-a', at: NOW, lastAt: NOW, marks: 1, isLost: true } }),
      ['pod', 'tracker'],
    ],
    ['an allow because the pod says ignore', fromCache({ pod: aPod({ policy: 'ignore' }) }), ['pod']],
    [
      'an allow because the tracker says ignore',
      fromCache({ tracker: aTracker({ policy: 'ignore' }) }),
      ['pod', 'tracker'],
    ],
    [
      'an allow because the Namespace says ignore',
      fromCache({ namespace: aNamespace({ policy: 'ignore' }) }),
      ['pod', 'tracker', 'namespace'],
      { readsNamespacePolicy: true },
    ],
    [
      'an allow of a successor because the tracker says ignore',
      fromCache({ pod: successor, node: draining, entry: earlier, tracker: aTracker({ policy: 'ignore' }) }),
      ['pod', 'tracker', 'node'],
    ],
    ['a refusal because the pod says hold', fromCache({ pod: aPod({ policy: 'hold' }) }), []],
    ['a mark whose tracker is missing', fromCache({ trackerMissing: 'no CouchbaseCluster db/cb' }), ['pod', 'tracker']],
  ];
  for (const [when, observation, expected, settings] of cases) {
    test(when, () => assert.deepEqual(looksAt(observation, { ...SETTINGS, ...settings }), expected));
  }

  test('an entry of another installation counts for nothing before its registration was looked for', () => {
    const seen = anObservation({ entry: { ...earlier, installation: 'other' } });
    assert.deepEqual(next(seen, SETTINGS), { kind: 'look', at: 'registration', live: true });
  });

  test('of a pod without the time of its binding, the count of its own entry is enough to look at its node', () => {
    const pod = without(returned, 'boundAt');
    const entry = { ...earlier, ...NODE, uid: 'uid-b', returns: 1 };
    assert.deepEqual(next(anObservation({ pod, tracker: namesAreNew, entry, node: 'unread' }), SETTINGS), LOOK_AT_NODE);
  });

  test('what nobody has looked at is never taken for absent: a moved pod whose node is unread is not marked again', () => {
    const moved = { pod: successor, entry: earlier };
    assert.deepEqual(next(anObservation({ ...moved, node: 'unread' }), SETTINGS), LOOK_AT_NODE);
    assert.equal(decide(anObservation({ ...moved, node: settled }), SETTINGS).reason, 'Rescheduled');
    assert.equal(decide(anObservation({ ...moved, node: 'absent' }), SETTINGS).reason, 'MarkedAgain');
  });
});

/** What is read live, one after the other, where each read finds what was in the cache. */
function looksAt(seen: Observation, settings: PolicySettings): Subject[] {
  const step = next(seen, settings);
  if (step.kind !== 'look') return [];
  assert.equal(step.live, true);
  const looked = { ...seen, [step.at]: { ...seen[step.at], from: 'live' } };
  return [step.at, ...looksAt(looked, settings)];
}

/** The decision as far as the case says something about it. */
function seenOf(decision: Decision, expected: Expected): Expected {
  const { kind, rule, reason } = decision;
  const message = decision.kind === 'allow' ? decision.warning : decision.message;
  const code = { allow: undefined, deny: decision.kind === 'deny' ? decision.code : undefined, mark: 429 }[kind];
  return {
    kind,
    rule,
    reason,
    ...('code' in expected && code !== undefined ? { code } : {}),
    ...('message' in expected && message !== undefined ? { message } : {}),
  };
}
