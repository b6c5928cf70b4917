import type { HeapComparison } from './heap/comparison.ts';
import type { Spell } from './spells.ts';

/** What a soak writes down. Times are milliseconds since its start. */
export interface SoakRecord {
  readonly durationMs: number;
  readonly samples: readonly Sample[];
  readonly rounds: readonly Round[];
  /** What ended it before its time, or that it goes on. Absent: it came to its end. */
  readonly unfinished?: 'goes on' | 'interrupted' | 'broke off';
  /** Entries of names that are there, when all was over and the retention had passed. Absent: nobody could count them. */
  readonly entriesLeft?: number;
  /** What went wrong outside of rounds. */
  readonly problems: readonly string[];
  /** What held for longer than a round, from when it was cast until it was ended. */
  readonly spells: readonly Spell[];
  /** How often a kubelet had to be reminded of a pod. A hook hears of that pod, too. */
  readonly reminders: number;
  /** How often the steady replica has loaded a new certificate, how often it was to, and how often an authority was replaced. */
  readonly renewals: number;
  readonly renewEveryMs: number;
  readonly authorities: number;
  /** When the first heap snapshot began. Absent: there was none. */
  readonly snapshotAtMs?: number;
  /** Of the steady replica, from then and at the end. Absent: the run was too short. */
  readonly heap?: HeapComparison;
}

/** The `steady` replica is never restarted. */
export type ReplicaName = 'steady' | 'restarted';

export interface Sample {
  readonly atMs: number;
  readonly replicas: Readonly<Partial<Record<ReplicaName, ReplicaSample>>>;
  /** Absent where the API server did not tell. */
  readonly entries?: number;
}

export interface ReplicaSample {
  readonly rssMb: number;
  readonly heapMb: number;
  /** Outside of the heap, and known to V8: Buffers above all. */
  readonly externalMb: number;
  readonly fds: number;
  /** What keeps its event loop busy, timers aside: sockets, servers, files. */
  readonly handles: number;
  readonly timers: number;
  /** Names that are gone and that it remembers for an hour, each with a timer. Absent in older records. */
  readonly remembered?: number;
  readonly lagP99Ms: number;
  /** How long ago the API server last told something, for the kind where that is longest. */
  readonly cacheAgeS: number;
}

/** A drain of one node of each operator, all at once, and what was broken meanwhile. */
export interface Round {
  readonly fault: string;
  readonly startedMs: number;
  /** Until the last of the drains had ended. */
  readonly drainedMs: number;
  readonly pods: number;
  /** How often the pod was moved that was moved most. */
  readonly mostMoves: number;
  /** Answers to evictions by code; 0: none. */
  readonly answers: Readonly<Record<number, number>>;
  /** One message for each code that is neither 404 nor 429. */
  readonly oddities: readonly string[];
  readonly problems: readonly string[];
}
