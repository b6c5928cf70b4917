import { LOG } from '../../src/log/messages.ts';
import type { LogLine } from '../../testkit/log-lines.ts';
import type { PodView } from '../../testkit/pods.ts';
import { availabilityOf, type Readiness } from './availability.ts';
import { fromHappening, fromHookLine, LogBook } from './log-book.ts';
import type { PodChange } from './pod-watch.ts';
import type {
  Check,
  DrainRecord,
  Figure,
  MarkKind,
  NodeRecord,
  PodRecord,
  RehearsalRecord,
  ScenarioTitle,
} from './record.ts';
import type { Happening } from './timeline.ts';

export interface RecorderOptions {
  readonly monotonicNow: () => number;
  /** The cluster that a protected pod belongs to; undefined for a pod that nobody protects. */
  readonly clusterOf: (pod: PodView) => string | undefined;
}

/** What is known at the end only. */
export interface Ending {
  readonly scenario: ScenarioTitle;
  readonly startedAt: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, string>>;
  readonly checks: readonly Check[];
  readonly figures: readonly Figure[];
  readonly brokeOff?: true;
}

type Changed = Exclude<PodChange, 'unready'>;
type Times = Partial<Record<`${Changed}Ms`, number>>;

type Drain = { -readonly [key in keyof DrainRecord]: DrainRecord[key] };

/** An instance as it is now; times are on the recorder's clock. */
export interface Followed {
  readonly pod: PodView;
  readonly cluster: string | undefined;
  readonly times: Times;
  readonly marks: ReadonlyMap<MarkKind, readonly number[]>;
}

/** Gathers what happens in a rehearsal, and makes its record. Everything has to be reported to it exactly once. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #pods = new Map<string, { pod: PodView; cluster: string | undefined; times: Times }>();
  readonly #marks = new Map<string, Map<MarkKind, number[]>>();
  readonly #wanted: { at: number; cluster: string; wanted: number }[] = [];
  readonly #readiness: Readiness[] = [];
  readonly #nodes = new Map<string, { fromMs: number; toMs?: number }[]>();
  readonly #drains: Drain[] = [];
  readonly #log = new LogBook();
  #startedAt: number | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** From here on the time counts. What is said before is not kept; pods and nodes are. */
  start(): void {
    this.#startedAt = this.#options.monotonicNow();
  }

  /** How many members a cluster is to have from now on. */
  expect(cluster: string, wanted: number): void {
    this.#wanted.push({ at: this.now, cluster, wanted });
  }

  pod(change: PodChange, pod: PodView): void {
    const known = this.#pods.get(pod.uid);
    const cluster = known?.cluster ?? this.#options.clusterOf(pod);
    const times = { ...known?.times };
    if (change !== 'unready') times[`${change}Ms`] ??= this.now;
    this.#pods.set(pod.uid, { pod, cluster, times });
    if (cluster === undefined) return;
    const isReady = pod.ready && !pod.terminating && change !== 'gone';
    this.#readiness.push({ at: this.now, cluster, uid: pod.uid, isReady });
  }

  /** A node as it is now. To repeat it does no harm. */
  node(name: string, isCordoned: boolean): void {
    const cordons = this.#nodes.get(name) ?? [];
    this.#nodes.set(name, cordons);
    const last = cordons.at(-1);
    const wasCordoned = last !== undefined && last.toMs === undefined;
    if (isCordoned && !wasCordoned) cordons.push({ fromMs: this.now });
    if (!isCordoned && wasCordoned) last.toMs = this.now;
  }

  /** A drain begins; call what is returned when it ends, with how. */
  drain(node: string, drainer: string): (result: string) => void {
    const drain: Drain = { node, drainer, beganMs: this.now };
    this.#drains.push(drain);
    return (result) => Object.assign(drain, { endedMs: this.now, result });
  }

  /** A line of the hook's log. */
  hookLine(line: LogLine): void {
    if (this.#startedAt === undefined) return;
    this.#log.add(fromHookLine(line, this.#after(this.now)));
    const kind = markIn(line);
    const uid = typeof line.uid === 'string' ? line.uid : this.#meant(line.namespace, line.pod);
    if (kind !== undefined && uid !== undefined) this.#mark(uid, kind);
  }

  /** What anybody else does or says. The hook speaks for itself. */
  happened(happening: Happening): void {
    if (this.#startedAt === undefined || happening.who === 'hook') return;
    this.#log.add(fromHappening(happening, this.#after(this.now)));
    const { who, what, uid } = happening;
    if (who === 'operator' && uid !== undefined && (what === 'deleted' || what === 'created')) this.#mark(uid, what);
  }

  /** What was seen of a pod elsewhere than in the log of the hook. Without a UID that instance is meant which was marked. */
  seen(kind: MarkKind, pod: { namespace: string; name: string; uid?: string }, at = this.now): void {
    if (this.#startedAt === undefined) return;
    const uid = pod.uid ?? this.#meant(pod.namespace, pod.name);
    if (uid !== undefined) this.#mark(uid, kind, at);
  }

  /** The time on its clock. */
  get now(): number {
    return this.#options.monotonicNow();
  }

  /** Every instance so far, those that are gone too. */
  get followed(): readonly Followed[] {
    return [...this.#pods].map(([uid, known]) => ({ ...known, marks: this.#marks.get(uid) ?? new Map() }));
  }

  record({ checks, ...ending }: Ending): RehearsalRecord {
    return {
      format: 1,
      ...ending,
      durationMs: this.#after(this.now),
      holds: checks.length > 0 && checks.every(({ holds }) => holds),
      checks,
      drains: this.#drains.map((drain): DrainRecord => this.#relative(drain, ['beganMs', 'endedMs'])),
      nodes: this.#nodeRecords(),
      pods: this.followed.map((one) => this.#podRecord(one)),
      availability: availabilityOf(this.#wanted, this.#readiness, (at) => this.#after(at)),
      log: this.#log.entries,
    };
  }

  #nodeRecords(): NodeRecord[] {
    const inOrder = [...this.#nodes].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
    return inOrder.map(([name, cordons]) => ({
      name,
      cordons: cordons.map((cordon) => this.#relative(cordon, ['fromMs', 'toMs'])),
    }));
  }

  #podRecord({ pod, cluster, times, marks }: Followed): PodRecord {
    const keys = Object.keys(times) as (keyof Times)[];
    return {
      namespace: pod.namespace,
      name: pod.name,
      uid: pod.uid,
      ...(pod.node === undefined ? {} : { node: pod.node }),
      ...(cluster === undefined ? {} : { cluster }),
      ...this.#relative({ createdMs: this.#startedAt ?? 0, ...times }, keys),
      marks: Object.fromEntries([...marks].map(([kind, at]) => [kind, at.map((one) => this.#after(one))])),
    };
  }

  #mark(uid: string, kind: MarkKind, at = this.now): void {
    const marks = this.#marks.get(uid) ?? new Map<MarkKind, number[]>();
    marks.set(kind, [...(marks.get(kind) ?? []), at]);
    this.#marks.set(uid, marks);
  }

  /** An answer names the pod, not the instance: it is about the one that was marked last, for that one is drained. */
  #meant(namespace: unknown, name: unknown): string | undefined {
    const ofThatName = this.followed.filter(({ pod }) => pod.name === name && pod.namespace === namespace);
    return (ofThatName.findLast(({ marks }) => marks.has('marked')) ?? ofThatName.at(-1))?.pod.uid;
  }

  /** The object with these times counted from the start. */
  #relative<T extends object>(object: T, times: readonly (keyof T)[]): T {
    const given = times.filter((key) => object[key] !== undefined);
    return { ...object, ...Object.fromEntries(given.map((key) => [key, this.#after(object[key] as number)])) };
  }

  #after(at: number): number {
    return Math.round(at - (this.#startedAt ?? at));
  }
}

/** What a line of the hook says happened to its pod. */
function markIn(line: LogLine): MarkKind | undefined {
  if (line.message === LOG.pruned || line.message === LOG.rescheduled) return 'pruned';
  if (line.message === LOG.stalled) return 'stalled';
  if (line.decision === 'mark') return 'marked';
  if (line.decision !== 'deny') return undefined;
  return { 429: 'refused' as const, 404: 'released' as const }[Number(line.code)];
}
