import type { Entry, Pod, Tracker } from './model.ts';
import type { Target } from './requests/request.ts';

/** Stable PascalCase names: fields of logs, labels of metrics. */
export type Reason =
  | 'NotAnEviction'
  | 'ExemptUser'
  | 'PodGone'
  | 'NotSelected'
  | 'JobPod'
  | 'DaemonSetPod'
  | 'MirrorPod'
  | 'OtherInstance'
  | 'DryRun'
  | 'EndingInstanceNamed'
  | 'Corpse'
  | 'Ending'
  | 'Waiting'
  | 'Stalled'
  | 'WaitingForSchedule'
  | 'WaitingForReady'
  | 'SameNode'
  | 'DrainJustEnded'
  | 'ComesBack'
  | 'NotDraining'
  | 'OtherInstallation'
  | 'GroupBusy'
  | 'GroupUntracked'
  | 'BudgetExhausted'
  | 'Rescheduled'
  | 'Ignored'
  | 'OwnEviction'
  | 'Held'
  | 'NotAsked'
  | 'CacheBehind'
  | 'CacheUnsynced'
  | 'Marked'
  | 'MarkedAgain'
  | 'Remembered'
  | 'Doubt'
  | 'Unreadable';

export type DenyCode = 404 | 409 | 429 | 500;

export interface Allow {
  readonly kind: 'allow';
  readonly reason: Reason;
  readonly warning?: string;
}

export interface Deny {
  readonly kind: 'deny';
  readonly reason: Reason;
  readonly code: DenyCode;
  readonly message: string;
}

/** What an entry says of a mark, besides the instance. `draining` is true if the pod has no node. */
export type MarkNote = Pick<
  Entry,
  'firstAt' | 'nodeUid' | 'draining' | 'returns' | 'marks' | 'unmarkedBy' | 'group' | 'groupSize'
>;

/** First write the entry (if there is a tracker), then mark the pod, then deny with 429 and the message. */
export interface Mark {
  readonly kind: 'mark';
  /** `Held` and `Remembered`: the pod gets an entry and no mark, because its profile has none, or because somebody has marked it. */
  readonly reason: 'Marked' | 'MarkedAgain' | 'Held' | 'Remembered';
  readonly message: string;
  readonly pod: Pod;
  /**
   * What the pod gets; absent if it only gets an entry. `ifUnchanged`: only if nobody has written the pod since, because any
   * value is a mark.
   */
  readonly annotation?: {
    readonly key: string;
    readonly value: string;
    readonly isLabel?: true;
    readonly ifUnchanged?: true;
  };
  /** What asks for its move on another object, instead of a mark. */
  readonly request?: Pick<Target, 'kind' | 'name' | 'path' | 'resourceVersion' | 'changes'>;
  /** What to remember of the mark, in the entry and in the process. */
  readonly note: MarkNote;
  readonly entryOn?: Tracker;
  /** The entry counts only on exactly that version of the tracker, whatever else has changed there. */
  readonly isLocked?: true;
  readonly trackerMissing?: string;
}

/** The answer of a rule. */
export type Answer = Allow | Deny | Mark;

/** The rule numbers of docs/decision-table.md; S6 stands for "doubt waits". */
export type RuleId = '1' | '2' | '3' | '4' | '5' | '6' | '6a' | '6b' | '7' | '8a' | '8b' | '8c' | '8d' | '9' | 'S6';

/** An answer, the rule that gave it, and the profile of the pod; absent if no profile selects it, or if nobody has looked. */
export type Decision = Answer & { readonly rule: RuleId; readonly profile?: string };

/** Administrators grep for these messages, so they stay word for word; details only follow them. */
export const MESSAGES = {
  gone: 'Pod has been rescheduled',
  waiting: 'Pod waiting to be rescheduled',
  waitingForSchedule: 'Pod waiting to be scheduled',
  waitingForReady: 'Pod waiting to be ready',
  rescheduled: 'Pod has been rescheduled with the same name',
  marked: 'Reschedule annotation added to pod',
} as const;

/** Denies with 429, so that the drainer retries. */
export const wait = (reason: Reason, message: string): Deny => ({ kind: 'deny', reason, code: 429, message });

export const allow = (reason: Reason): Allow => ({ kind: 'allow', reason });
