/** What came of one rehearsal, as plain data: what `--json` prints and the report draws. Times are in ms since its start. */
export interface RehearsalRecord {
  /** Grows when a field changes its meaning. */
  readonly format: 1;
  readonly scenario: ScenarioTitle;
  /** When it started, in ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  /** What took part, name to version. */
  readonly versions: Readonly<Record<string, string>>;
  /** What was set for it, name to value: the size of the cluster, and the hook's settings if it was started here. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether every check holds. */
  readonly holds: boolean;
  /** It broke off: that it does not hold shows nothing about the hook. Absent: it was played to its end. */
  readonly brokeOff?: true;
  readonly checks: readonly Check[];
  /** What the checks do not say, in the order of their importance. */
  readonly figures: readonly Figure[];
  readonly drains: readonly DrainRecord[];
  readonly nodes: readonly NodeRecord[];
  readonly pods: readonly PodRecord[];
  readonly availability: readonly AvailabilityRecord[];
  readonly log: readonly LogRecord[];
}

/** `unproven`: it broke off, and nobody knows how it would have ended. */
export type Outcome = 'safe' | 'unsafe' | 'unproven';

export function outcomeOf({ holds, brokeOff }: Pick<RehearsalRecord, 'holds' | 'brokeOff'>): Outcome {
  if (holds) return 'safe';
  return brokeOff === true ? 'unproven' : 'unsafe';
}

export interface ScenarioTitle {
  readonly name: string;
  /** A short line for a heading. */
  readonly title: string;
  /** One or two sentences for somebody who sees this for the first time. */
  readonly about: string;
  /** How it ends if every check holds, in a word or two. Absent: it is safe. */
  readonly ends?: string;
}

/** One thing that must hold. */
export interface Check {
  readonly what: string;
  readonly holds: boolean;
  /** What was found against it, one sentence each. */
  readonly problems: readonly string[];
  /** The part of the report that shows it. Absent: the log. */
  readonly shownIn?: PartOfReport;
}

export type PartOfReport = 'figures' | 'timeline' | 'instances' | 'nodes' | 'ready' | 'log';

export interface Figure {
  readonly what: string;
  readonly value: string;
}

export interface DrainRecord {
  readonly node: string;
  /** Like `kubectl drain`. */
  readonly drainer: string;
  readonly beganMs: number;
  /** Absent while it goes on. */
  readonly endedMs?: number;
  /** How it ended, like `exit code 0`. */
  readonly result?: string;
}

export interface NodeRecord {
  readonly name: string;
  /** When it was cordoned; `toMs` is absent where it stayed so. */
  readonly cordons: readonly { readonly fromMs: number; readonly toMs?: number }[];
}

/** What happened to an instance, beside its own times. */
const MARK_KINDS = ['refused', 'marked', 'stalled', 'deleted', 'created', 'released', 'pruned'] as const;
export type MarkKind = (typeof MARK_KINDS)[number];
export type Marks = Readonly<Partial<Record<MarkKind, readonly number[]>>>;

/** One instance of a pod. What was before the start has a negative time. */
export interface PodRecord {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node?: string;
  /** The cluster that it is a member of; absent for a pod that nobody protects. */
  readonly cluster?: string;
  readonly createdMs: number;
  readonly scheduledMs?: number;
  readonly readyMs?: number;
  readonly terminatingMs?: number;
  readonly goneMs?: number;
  readonly marks: Marks;
}

/** How many members of a cluster were ready; each point holds until the next. The first is at 0. */
export interface AvailabilityRecord {
  readonly cluster: string;
  readonly points: readonly { readonly afterMs: number; readonly ready: number; readonly wanted: number }[];
}

export interface LogRecord {
  readonly afterMs: number;
  /** kubectl, hook, operator, cluster, or rehearsal for what the rehearsal itself does to them. */
  readonly who: string;
  readonly what: string;
  readonly level?: string;
  readonly pod?: string;
  readonly node?: string;
  readonly uid?: string;
  readonly detail?: string;
  /** When the same was said again, with nothing else said about that pod by the same speaker in between. */
  readonly repeatedMs?: readonly number[];
}
