import type { Decision, Reason } from '../policy/decision.ts';
import { type Observation, seenValue } from '../policy/observation.ts';

/** What a decision means for the one who drains. */
export interface Meaning {
  /** What has to happen next. */
  readonly next: string;
  /** What to do if it does not. */
  readonly otherwise: string;
  /** Only a human can go on from here. */
  readonly isStuck?: true;
}

const OPERATOR = 'Look at the log of its operator, and at what its custom resource reports.';
const HOOK = 'Look at the log of the hook: it names the cause.';
const NOTHING = 'Nothing: the hook lets the eviction go.';

/** The answers that a live pod can get, and what follows from each. */
const MEANINGS: Readonly<Record<Reason, Meaning>> = {
  Marked: { next: 'The next eviction marks it for its operator.', otherwise: 'Drain its node, or evict it.' },
  MarkedAgain: {
    next: 'The next eviction marks it again, because it came back to a draining node.',
    otherwise: 'Drain its node, or evict it.',
  },
  Waiting: { next: 'Its operator has to move it off its node.', otherwise: OPERATOR },
  Remembered: { next: 'Its operator has to move it off its node.', otherwise: OPERATOR },
  Stalled: { next: 'Its operator has to move it, and has not for too long.', otherwise: OPERATOR, isStuck: true },
  GroupBusy: {
    next: 'The others of its group have to be Ready and unmarked; then it is marked.',
    otherwise: 'Look why those that come first are not in place.',
  },
  GroupUntracked: {
    next: 'Its tracking resource has to be there and to take entries.',
    otherwise: 'Create or repair it: without it nobody can count how many move.',
    isStuck: true,
  },
  BudgetExhausted: {
    next: 'A disruption budget over it has to allow a disruption; then it is marked.',
    otherwise: 'Bring back the pods of that budget that are not Ready, or loosen it.',
  },
  NotAsked: {
    next: 'The hook has to be able to ask for its move on the custom resource.',
    otherwise: 'Look whether that resource exists, and what the answer says of it.',
    isStuck: true,
  },
  OwnEviction: { next: NOTHING, otherwise: '' },
  Held: {
    next: 'It has to leave by itself, or people move it: nobody is asked to.',
    otherwise: 'If reschedule.hook/policy is set, ask who set it. If its profile has no mark, move the pod by hand.',
    isStuck: true,
  },
  OtherInstallation: {
    next: 'The other installation has to move it, or to leave it.',
    otherwise: 'Narrow the selector of one of the two.',
    isStuck: true,
  },
  ComesBack: {
    next: 'Somebody has to keep it from coming back to its node.',
    otherwise: 'Look whether it tolerates the cordon, and taint the node with what it does not tolerate.',
    isStuck: true,
  },
  SameNode: {
    next: 'It has to leave the node that it came back to, or its entry has to be pruned.',
    otherwise: 'Cordon the node again, and drain again.',
  },
  DrainJustEnded: {
    next: 'Five minutes have to pass since its node was drained, or that drain has to go on.',
    otherwise: 'If its node is to be drained, cordon it. If not, wait.',
  },
  NotDraining: {
    next: 'Its node has to be cordoned: MARK_WHEN=draining marks no other pod.',
    otherwise: 'Drain with a tool that cordons first.',
  },
  WaitingForSchedule: {
    next: 'The scheduler has to find a node for it.',
    otherwise: 'Make room, or uncordon a node: kubectl describe pod says what is missing.',
  },
  WaitingForReady: {
    next: 'It has to become Ready, because REPLACEMENT_CONDITION=ready.',
    otherwise: 'Look at its containers: kubectl describe pod.',
  },
  Ending: {
    next: 'It has to be gone: its containers end, and its finalizers are removed.',
    otherwise: 'If it has finished, delete it. Else look at its finalizers, and whether the kubelet of its node works.',
  },
  Rescheduled: { next: 'Nothing: the pod has moved, and the drain is told so.', otherwise: '' },
  PodGone: {
    next: 'Nothing: the pod is gone, and the drain is told so.',
    otherwise: 'Look whether its name and its namespace are right.',
  },
  Corpse: { next: NOTHING, otherwise: 'If it stays, remove it: kubectl delete pod --force.' },
  EndingInstanceNamed: { next: NOTHING, otherwise: '' },
  Ignored: { next: 'Nothing: reschedule.hook/policy=ignore lets it be evicted.', otherwise: '' },
  NotSelected: { next: 'Nothing: no profile selects it. Its disruption budget may still refuse.', otherwise: '' },
  JobPod: { next: 'Nothing: the hook does not protect pods of Jobs.', otherwise: '' },
  DaemonSetPod: { next: 'Nothing: the hook does not protect pods of DaemonSets.', otherwise: '' },
  MirrorPod: { next: 'Nothing: the hook does not protect mirror pods.', otherwise: '' },
  CacheBehind: { next: 'The hook has to see the pod, which takes moments.', otherwise: HOOK },
  CacheUnsynced: { next: 'The hook has to read the cluster again.', otherwise: HOOK },
  Doubt: { next: 'The hook has to be able to read the cluster.', otherwise: HOOK },
  // No eviction of a live pod that this command asks about gets any of these.
  NotAnEviction: { next: NOTHING, otherwise: '' },
  ExemptUser: { next: NOTHING, otherwise: '' },
  OtherInstance: { next: NOTHING, otherwise: '' },
  DryRun: { next: NOTHING, otherwise: '' },
  Unreadable: { next: NOTHING, otherwise: '' },
};

/** The operator of such a profile deletes nothing: it reports, and the hook evicts. */
const NOT_REPORTED = {
  next: 'Its operator has to report that it may go; then the hook evicts it.',
  otherwise: OPERATOR,
};
const REPORTED = {
  next: 'The hook has to evict it: its operator reports that it may go.',
  otherwise: 'Look at its disruption budgets, which may refuse that, and at the log of the hook.',
};
const OF_A_MARK: readonly Reason[] = ['Waiting', 'Stalled'];

export function meaningOf({ reason }: Pick<Decision, 'reason'>, { profile, pod }: Observation): Meaning {
  const meaning = MEANINGS[reason];
  if (profile?.report === undefined || !OF_A_MARK.includes(reason)) return meaning;
  return { ...meaning, ...(seenValue(pod)?.isReported ? REPORTED : NOT_REPORTED) };
}
