/** What the phases measure, and the rows of the table are made of. */
import type { AnswerTimes, ApiCalls } from './hook-metrics.ts';

/** What the load generator saw of one server. */
export interface LoadResult {
  readonly answers: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Answers that did not contain what was expected, and the first of them. */
  readonly wrong: number;
  readonly firstWrong?: string;
  /** How much of one core the load generator used. */
  readonly busy: number;
}

/** One round: the hook, then the echo, then the other hook if there is one. CPU is in microseconds of one answer. */
export interface Round {
  readonly hook: LoadResult;
  readonly echo: LoadResult;
  readonly reference?: LoadResult;
  readonly hookCpuUs: number;
  readonly echoCpuUs: number;
  /** CPU of the read that an answer waits for: what an echo that makes it takes beyond the bare echo. Absent: not measured. */
  readonly readCpuUs?: number;
}

/** Of all answers of one hook, warm-up included. */
export interface Totals {
  readonly answers: number;
  /** Those that did not contain what was expected. */
  readonly wrong: number;
}

/** One kind of eviction. */
export interface CaseResult {
  readonly name: string;
  readonly rounds: readonly Round[];
  /** What the hook's answers took, warm-up included. */
  readonly calls: ApiCalls;
  /** How many whole pods were read, where metadata should be enough. Absent: not counted. */
  readonly wholePodReads?: number;
  readonly hook: Totals;
  readonly reference: Totals;
}

export interface Evictions {
  readonly cases: readonly CaseResult[];
  /** Share of one core that the hook used while nothing happened. */
  readonly quiet: number;
}

export interface Synced {
  readonly syncMs: number;
  readonly longestBlockMs: number;
  readonly rssBeforeMb: number;
  readonly rssMb: number;
  readonly pods: number;
}

export interface Followed {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly longestBlockMs: number;
  readonly rssMb: number;
}

/** The cache on a stand-in. */
export interface CacheResult {
  readonly pods: number;
  readonly synced: Synced;
  /** As many events each; the first warms up what a list does not use. */
  readonly followed: readonly Followed[];
  readonly peakMb: number;
  /** Share of one core while nothing happens. */
  readonly quiet: number;
  /** Share of one core that the stand-in used during the modifications: near 1, it was the limit. */
  readonly standInBusy: number;
}

/** The cache on a real API server. */
export interface RealCacheResult {
  readonly synced: Synced;
  /** From the first change until the cache has the last one. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** After these changes. */
  readonly rssMb: number;
}

/** What one tenant's objects cost the hook. */
export interface TenantResult {
  readonly name: string;
  /** The longest block of the event loop until the cache was quiet, and then for a scrape and for a cordon. */
  readonly syncBlockMs: number;
  readonly scrapeBlockMs: number;
  readonly cordonBlockMs: number;
  readonly rssMb: number;
  readonly peakMb: number;
}

/** One run with pods of so many profiles. */
export interface ProfilesRun {
  readonly profiles: number;
  readonly syncMs: number;
  /** After the sync, and at its peak after as many changes as there are pods. */
  readonly rssMb: number;
  readonly peakMb: number;
  readonly changeCpuUs: number;
  /** Of an answer of rule 7, which makes no call. */
  readonly answerUs: number;
}

export interface ProfilesResult {
  readonly pods: number;
  readonly runs: readonly ProfilesRun[];
}

export interface PruneResult {
  readonly entries: number;
  /** From the moment at which they were due to the removal of the first and of the last of them. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly callsPerEntry: number;
}

export interface UpgradeReplica {
  readonly rssMb: number;
  readonly peakMb: number;
  /** The longest block of the event loop since the look before. */
  readonly blockMs: number;
}

/** One step of an upgrade. Where calls failed, or the API had no CPU left, its time says little of the hook. */
export interface UpgradeStep {
  readonly ms: number;
  /** The part of one core that the stand-in API used. */
  readonly apiCpu: number;
  /** Calls of the stand-in operators. */
  readonly failedCalls: number;
}

/** Two steps of a rolling upgrade, of which one has the hook. */
export interface UpgradeResult {
  readonly nodes: number;
  readonly pods: number;
  readonly atOnce: number;
  /** Pods of one step. */
  readonly moved: number;
  /** Until the operators had moved all pods of a step: by themselves, and with drains. */
  readonly needed: UpgradeStep;
  readonly took: UpgradeStep;
  /** Until all drains had ended, which look again every 5 s. */
  readonly endedMs: number;
  /** Drains that ended with an error, and were begun again. */
  readonly begunAgain: number;
  /** How long the API took for marks of all pods of a step, which were made at once and are one write each: the p99. */
  readonly markMs: number;
  /** After the first lists, and after the step with the hook. */
  readonly synced: readonly UpgradeReplica[];
  readonly replicas: readonly UpgradeReplica[];
  /** Of both replicas, until the last entry was pruned: without POST, which is Events above all, and with it. */
  readonly callsPerPod: number;
  readonly allCallsPerPod: number;
  readonly answers: AnswerTimes;
  /** Those that marked a pod. */
  readonly marks: AnswerTimes;
}
