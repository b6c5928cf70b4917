import type { Decision } from '../../policy/decision.ts';
import type { ProtectedPod } from './facts.ts';
import type { Finding, Outcome, Verdict } from './findings.ts';

/** What becomes of the pod when the drain asks the first time. */
export function outcomeOf({ kind, reason }: Decision): Outcome {
  if (kind === 'mark' && reason !== 'Held') return 'marked';
  return kind === 'allow' ? 'evicted' : 'waits';
}

interface Meaning {
  readonly what: string;
  readonly verdict: Verdict;
  readonly remedy: string;
}

const WAITING: Meaning = { what: 'AlreadyMarked', verdict: 'note', remedy: '' };
const TIMELESS: Meaning = {
  what: 'AlreadyMarked',
  verdict: 'delays',
  remedy: 'Nothing says since when. If it is still marked after STALL_AFTER, look at its operator.',
};
const DOUBT: Meaning = {
  what: 'Doubt',
  verdict: 'hangs',
  remedy: 'Look into the log of the hook, and at what it says here.',
};

/** What the policy's answer means for a drain. A mark needs no word. */
const MEANINGS: Partial<Readonly<Record<Decision['reason'], Meaning>>> = {
  Waiting: WAITING,
  Stalled: {
    what: 'AlreadyMarked',
    verdict: 'hangs',
    remedy: 'Look why its operator has not acted: reschedule-hook explain tells what is known.',
  },
  GroupBusy: {
    what: 'GroupBusy',
    verdict: 'hangs',
    remedy: 'Bring back the others of its group first: they have to be Ready and unmarked.',
  },
  GroupUntracked: {
    what: 'GroupUntracked',
    verdict: 'hangs',
    remedy: 'Make its tracking resource exist and take entries again.',
  },
  BudgetExhausted: {
    what: 'Budget',
    verdict: 'hangs',
    remedy: 'Bring back the pods of that budget that are not Ready, or loosen it.',
  },
  NotAsked: {
    what: 'NotAsked',
    verdict: 'hangs',
    remedy: 'Look whether the custom resource exists on which its move is asked for.',
  },
  Held: {
    what: 'Held',
    verdict: 'hangs',
    remedy: 'Remove reschedule.hook/policy when it may move, or move it by hand if its profile has no mark.',
  },
  Ignored: {
    what: 'Ignored',
    verdict: 'unsafe',
    remedy: 'Remove the annotation reschedule.hook/policy if its operator has to move it.',
  },
  OtherInstallation: {
    what: 'OtherInstallation',
    verdict: 'hangs',
    remedy: 'Narrow the selector of one of the installations.',
  },
  ComesBack: {
    what: 'ComesBack',
    verdict: 'hangs',
    remedy: 'Find out why the pod comes back to its node: it may tolerate the cordon.',
  },
  WaitingForSchedule: { what: 'NotSettled', verdict: 'delays', remedy: '' },
  WaitingForReady: { what: 'NotSettled', verdict: 'delays', remedy: '' },
  Doubt: DOUBT,
  CacheBehind: DOUBT,
  CacheUnsynced: DOUBT,
};

export function decisionFindings({ decision, busyElsewhere, profile, pod }: ProtectedPod): Finding[] {
  // Nobody can tell whether it is stalled.
  const isTimeless = decision.reason === 'Waiting' && pod.mark !== undefined && pod.mark.at === undefined;
  const meaning = isTimeless ? TIMELESS : MEANINGS[decision.reason];
  if (meaning === undefined) return [];
  // The drain itself moves those before it.
  const verdict = decision.reason === 'GroupBusy' && !busyElsewhere ? 'delays' : meaning.verdict;
  return [{ ...meaning, verdict, text: textOf(decision, profile.name) }];
}

function textOf(decision: Decision, profile: string): string {
  if (decision.kind === 'allow') {
    return `Somebody has set reschedule.hook/policy=ignore, so it is evicted although profile ${profile} selects it.`;
  }
  const { message } = decision;
  return `The hook answers: ${message}.`;
}
