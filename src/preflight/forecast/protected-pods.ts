import { describeHindrance } from '../../policy/pod-state.ts';
import { namesComeBack } from '../../policy/profiles/profile.ts';
import { toleratesCordon } from '../scheduling/choice.ts';
import { hasEnded } from '../scheduling/objects.ts';
import type { Placed, Placement } from '../scheduling/placement.ts';
import { budgetFindings, unaskedBudgets } from './budgets.ts';
import { decisionFindings, outcomeOf } from './decisions.ts';
import { endingFindings, kubeletFindings } from './ending.ts';
import type { DrainFacts, ProtectedPod } from './facts.ts';
import type { Finding, PodForecast, Verdict } from './findings.ts';
import { flagFindings } from './other-pods.ts';

/** An operator that reports one of these waits for a human. Whatever else it reports ends by itself, as a rule. */
const HALTED = /Paus|Hibernat|Suspend|Stop|Manual|Error|Fail|NotBootstrapped/;

/** What will hinder the move of a pod that the hook protects. To be called for one pod after the other. */
export function protectedPod(one: ProtectedPod, facts: DrainFacts, placement: Placement): PodForecast {
  const { object, pod, profile } = one;
  const { namespace, name, node = '' } = pod;
  const findings = [...flagFindings(object), ...ownFindings(one, facts, placement)];
  return { namespace, name, node, profile: profile.name, outcome: outcomeOf(one.decision), findings };
}

function ownFindings(one: ProtectedPod, facts: DrainFacts, placement: Placement): Finding[] {
  const ending = endingFindings(one.object, facts.now);
  if (ending.length > 0) return ending;
  return hasEnded(one.object) ? finished(one, placement) : livingFindings(one, facts, placement);
}

/** Nobody moves it any more, so it needs no operator and no other node. */
function finished({ object, decision }: ProtectedPod, placement: Placement): Finding[] {
  placement.drop(object);
  if (outcomeOf(decision) === 'evicted') return [];
  const text = 'It has finished. The hook lets it go when it has seen that for five minutes.';
  const remedy = `To wait no longer: kubectl -n ${object.metadata.namespace} delete pod ${object.metadata.name}`;
  return [{ what: 'Finished', verdict: 'delays', text, remedy }];
}

function livingFindings(one: ProtectedPod, facts: DrainFacts, placement: Placement): Finding[] {
  const { object, decision } = one;
  const own = [...decisionFindings(one), ...kubeletFindings(object, facts)];
  // Nobody moves it, so it is of no interest where to.
  if (decision.reason === 'Held') return own;
  // It goes as any other pod does.
  if (outcomeOf(decision) === 'evicted') return [...own, ...budgetFindings(object, facts, true)];
  return [
    ...own,
    ...operatorFindings(one),
    ...aloneFindings(one),
    ...placeFindings(one, placement),
    ...budgetsOfMove(one, facts),
  ];
}

/** Its operator deletes the pod, and asks no budget. Where the hook evicts the pod itself, budgets count. */
function budgetsOfMove({ object, profile }: ProtectedPod, facts: DrainFacts): Finding[] {
  if (profile.report !== undefined) return budgetFindings(object, facts, true);
  // The hook waits for the budgets of such a profile, and then its answer says so.
  return profile.respectsBudgets ? [] : unaskedBudgets(object, facts.budgets);
}

function operatorFindings({ pod, tracker, reported }: ProtectedPod): Finding[] {
  const nobody = noOperator(pod);
  if (nobody !== undefined) return [nobody];
  const text = describeHindrance(tracker, reported);
  const word = reported?.word ?? tracker?.hindrance;
  if (text === undefined || word === undefined) return [];
  const of = text.slice(0, text.lastIndexOf(' reports '));
  if (HALTED.test(word)) {
    const remedy = `Look at ${of}, and let its operator work again before you drain.`;
    return [{ what: word, verdict: 'hangs', text: `${text}: its operator moves no pod now.`, remedy }];
  }
  const remedy = `If ${of} still reports it after minutes, look at its operator.`;
  return [{ what: word, verdict: 'delays', text: `${text}: its operator is busy, and moves pods later.`, remedy }];
}

/** Nobody moves the pods of a ReplicaSet, or pods without an owner. */
function noOperator({ owner }: ProtectedPod['pod']): Finding | undefined {
  const isReplicaSet = owner?.kind === 'ReplicaSet' && owner.apiVersion.startsWith('apps/');
  if (owner !== undefined && !isReplicaSet) return undefined;
  const who = owner === undefined ? 'It has no owner' : 'A ReplicaSet owns it';
  const text = `${who}, so no operator will move it: the selector of its profile is too wide.`;
  const remedy = 'Narrow the selector, or annotate the pod with reschedule.hook/policy=ignore.';
  return { what: 'NoOperator', verdict: 'hangs', text, remedy };
}

function aloneFindings({ pod, profile, siblings }: ProtectedPod): Finding[] {
  if (siblings > 1 || pod.owner === undefined) return [];
  const of = `${pod.owner.kind} ${pod.owner.name}`;
  if (profile.neverAlone) {
    const text = `It is the only member of ${of}, and its operator never moves the only one.`;
    return [{ what: 'OnlyMember', verdict: 'hangs', text, remedy: 'Add a member before you drain.' }];
  }
  const text = `It is the only member of ${of}, which is down while it moves.`;
  return [{ what: 'OnlyMember', verdict: 'note', text, remedy: 'Add a member if that must not be.' }];
}

function placeFindings(one: ProtectedPod, placement: Placement): Finding[] {
  const { object, profile, tracker } = one;
  const comesBack = tracker === undefined ? profile.names !== 'new' : namesComeBack(profile, tracker);
  const placed = placement.move(object, { goesFirst: comesBack, hasNewVolumes: !comesBack });
  const node = object.spec.nodeName ?? '';
  if (placed.comesBack) return [backAgain(node, 'likely')];
  if (placed.fits.length > 0) return toleratesCordon(object) ? [backAgain(node, 'note')] : [];
  return [placed.isBound ? bound(node) : nowhere(placed)];
}

const backAgain = (node: string, verdict: Verdict): Finding => ({
  what: 'ToleratesCordon',
  verdict,
  text: `It tolerates the cordon, so its replacement may come back to ${node}${verdict === 'note' ? '' : ': no other node is emptier then'}.`,
  remedy: 'Take the toleration of node.kubernetes.io/unschedulable away, or add a taint that it does not tolerate.',
});

const bound = (node: string): Finding => ({
  what: 'LocalVolume',
  verdict: 'likely',
  text: `Its volume can only be used on ${node}, so its replacement would find no node.`,
  remedy: 'Give it a new volume as its operator documents it, or let the pod stay: reschedule.hook/policy=hold.',
});

function nowhere({ against }: Placed): Finding {
  const nodes = against.reduce((sum, [, count]) => sum + count, 0);
  const reasons = against.map(([why, count]) => `${count} ${why}`).join(', ');
  const seen = nodes === 0 ? 'there is none' : `of ${nodes}: ${reasons}`;
  return {
    what: 'NoOtherNode',
    verdict: 'likely',
    text: `No other node would take its replacement (${seen}), by selectors, affinity, taints, volumes and free requests.`,
    remedy: 'Uncordon, free or add a node that takes it before you drain.',
  };
}
