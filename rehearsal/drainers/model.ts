/** One thing that a model does as its drainer does, and the file or page where that was read. */
export interface Claim {
  readonly what: string;
  readonly source: string;
}

/**
 * What a drainer does, as data: `drainerOf` acts by it. All times are in ms on the drainer's own clock, which may be faster
 * than the clock on the wall.
 */
export interface DrainerModel {
  /** For command lines, like `cluster-api`. */
  readonly name: string;
  /** For people, like `Cluster API`. */
  readonly title: string;
  /** Who speaks its lines in a timeline. */
  readonly voice: string;
  readonly claims: readonly Claim[];
  /** What the drainer does besides, or what nobody has verified. */
  readonly leavesOut: readonly string[];
  /** What it does to the node before it evicts, in this order. */
  readonly marks: readonly NodeMark[];
  readonly body: EvictionBody;
  readonly answers: Answers;
  /** Nobody has published what it makes of a 404: `answers` supposes it. */
  readonly guesses404?: true;
  readonly way: Patient | Pass | Queue;
  /** Absent: it asks for ever. */
  readonly limit?: Limit;
  /** A drain that fails takes the marks of the node away again. */
  readonly rollsBack?: true;
  readonly tells: Telling;
  /** What comes after a drain that has ended well, like `reboots the node`. */
  readonly afterwards: string;
}

/** A cordon, or the key of a taint that keeps new pods away. */
export type NodeMark = 'cordon' | { readonly taint: string; readonly isSomebodyElses?: true };

export interface EvictionBody {
  readonly version: 'policy/v1' | 'policy/v1beta1';
  readonly hasNamespace: boolean;
  /** It names the instance that it means. */
  readonly hasUid: boolean;
}

/**
 * `gone`: the pod counts as drained. `again`: it is asked for again. `fails`: the pod is given up, and the others go on.
 * `aborts`: the drain ends at once.
 */
export type Meaning = 'gone' | 'again' | 'fails' | 'aborts';

/** What each status of an eviction means. `other` also stands for no answer at all. */
export interface Answers {
  readonly 404: Meaning;
  readonly 409: Meaning;
  readonly 429: Meaning;
  readonly other: Meaning;
  /** It goes on asking while the namespace of a pod is terminating, although that is a 403. */
  readonly waitsForNamespace?: true;
}

/** Every pod is asked for by itself, all at the same time, until it is gone. */
export interface Patient {
  readonly kind: 'patient';
  readonly retryAfterMs: number;
  readonly looks: Looks;
  /** It gives up after `limitMs`, and begins anew after a pause, for ever. Absent: it begins once. */
  readonly window?: Window;
  /** Absent: nothing slows its requests down. */
  readonly rate?: { readonly perSecond: number; readonly burst: number };
  /** It does not begin where a pod has no controller. */
  readonly needsControllers?: true;
}

/**
 * How it sees that an evicted pod has left. `uid`: the instance that it evicted is no more. `node`: none of the pods is
 * still on the node, also those that were never evicted.
 */
export interface Looks {
  readonly by: 'uid' | 'node';
  readonly everyMs: number;
  /** It fails after that. Absent: it looks for ever. */
  readonly withinMs?: number;
}

export interface Window {
  readonly limitMs: number;
  readonly pauseMs: number;
  /** Once it has failed for so long, it waits longer. */
  readonly slowAfterMs?: number;
  readonly slowPauseMs?: number;
}

/** Every pod is asked for once in a pass, one after the other, and then comes a pause. */
export interface Pass {
  readonly kind: 'pass';
  readonly everyMs: number;
  /** No eviction is begun later in a pass. Absent: all are. */
  readonly mostMs?: number;
  /** `each pass`: it lists the pods of the node. `first`: of these, it keeps to those of the first pass. `once`: by name. */
  readonly lists: 'each pass' | 'first' | 'once';
  /** An eviction that was allowed is the end for that pod. Otherwise the next list says. */
  readonly trusts201: boolean;
  /** The first rule that selects a pod counts. Absent: every pod is drained. */
  readonly rules?: readonly DrainRule[];
}

/** A rule of Cluster API about pods that have these labels. */
export interface DrainRule {
  readonly labels: Readonly<Record<string, string>>;
  readonly behavior: 'Drain' | 'Skip' | 'WaitCompleted';
  /** Lower ones go first. Default 0. */
  readonly order?: number;
}

/** It lists the node again and again, and asks for each instance with pauses that grow. It is over when none is left. */
export interface Queue {
  readonly kind: 'queue';
  readonly lookEveryMs: number;
  readonly leastBackoffMs: number;
  readonly mostBackoffMs: number;
}

export interface Limit {
  readonly afterMs: number;
  /** `evictions`: how long pods take to leave does not count. */
  readonly covers: 'drain' | 'evictions';
  /**
   * `deletes`: it deletes the pods, and the hook is not asked about that. `waits`: it asks no more, and waits until their
   * volumes are detached, which is when they have left.
   */
  readonly atEnd: 'fails' | 'deletes' | 'waits';
  /** How a user raises it. Absent: nobody can, or there is no need. */
  readonly raise?: string;
}

/** What its user reads. `{pod}`, `{namespace}`, `{answer}` and `{retry}` stand for what they say; `{retry}` is in seconds. */
export interface Telling {
  readonly where: string;
  readonly refusal: string;
}
