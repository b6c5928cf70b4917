import type { Entry, EvictionRequest, Node, Pod, PolicySettings, Tracker } from './model.ts';

/** Everything one eviction decision is made on. */
export interface Observation {
  /** Where pod and node come from. Only a live read, made for this very request, may end a drain (S2). */
  readonly evidence: 'cache' | 'live';
  readonly now: number;
  readonly request: EvictionRequest;
  /** Absent: no such pod (live), or not in the cache. */
  readonly pod?: Pod;
  /** The node that the pod is on; absent where the pod has none or that node does not exist. */
  readonly node?: Node;
  /** The pod's tracking resource, if tracking is on and it was found. */
  readonly tracker?: Tracker;
  /** Why there is no tracker although tracking is on; for the log. */
  readonly trackerMissing?: string;
  /** The raw tracking entry for this pod's name, wherever the tracker keeps it. */
  readonly entry?: Entry;
  /** The cache's own memory of a marked pod of this name that it saw disappear. */
  readonly remembered?: Entry;
  /** For how long the hook has known this instance to be terminating, or finished, in ms; absent: the cache does not know. */
  readonly terminatingOrFinishedForMs?: number;
  /** Whether the cache has seen this very instance, and so also the end of the one before it. */
  readonly cacheKnowsInstance: boolean;
  /** Whether the API server has told the cache nothing about pods for so long that its word alone does not count. */
  readonly isCacheStale: boolean;
}

/** Stable PascalCase names: fields of logs, labels of metrics. */
export type Reason =
  | 'NotAnEviction'
  | 'ExemptUser'
  | 'PodGone'
  | 'NotSelected'
  | 'JobPod'
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
  | 'Rescheduled'
  | 'CacheBehind'
  | 'Marked'
  | 'MarkedAgain'
  | 'Doubt'
  | 'Unreadable';

export type DenyCode = 404 | 409 | 429 | 500;

export type Decision =
  | { readonly kind: 'allow'; readonly rule: RuleId; readonly reason: Reason; readonly warning?: string }
  | {
      readonly kind: 'deny';
      readonly rule: RuleId;
      readonly reason: Reason;
      readonly code: DenyCode;
      readonly message: string;
    }
  /** Write the entry (if there is a tracker for it), then the pod's annotation, then deny with 429 and the message. */
  | {
      readonly kind: 'mark';
      readonly rule: RuleId;
      readonly reason: 'Marked' | 'MarkedAgain';
      readonly message: string;
      readonly pod: Pod;
      /** Whether the pod's node is draining. */
      readonly draining: boolean;
      readonly entryOn?: Tracker;
      readonly trackerMissing?: string;
    };

/** The numbers of the decision table; S6 stands for "doubt waits". */
export type RuleId = '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8a' | '8b' | '8c' | '8d' | '9' | 'S6';

/** One row of the decision table: its opinion, or undefined where it does not apply. */
export type Rule = (observation: Observation, settings: PolicySettings) => Decision | undefined;

/** Messages that administrators already grep for: kept word for word, details only ever follow them. */
export const MESSAGES = {
  gone: 'Pod has been rescheduled',
  waiting: 'Pod waiting to be rescheduled',
  waitingForSchedule: 'Pod waiting to be scheduled',
  waitingForReady: 'Pod waiting to be ready',
  rescheduled: 'Pod has been rescheduled with the same name',
  marked: 'Reschedule annotation added to pod',
} as const;
