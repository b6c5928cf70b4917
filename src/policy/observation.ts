import type { Entry, EntryElsewhere, EvictionRequest, Namespace, Node, Pod, PodMetadata, Tracker } from './model.ts';
import { firstPolicy } from './policy-annotation.ts';
import type { BudgetWithPods } from './profiles/budget.ts';
import type { Reported } from './profiles/hindrance.ts';
import type { Profile } from './profiles/profile.ts';
import type { Target } from './requests/request.ts';

/** The source of a sighting. Only a live read that was made for this request may end a drain (S2). */
export type Source = 'cache' | 'live';

/** Nobody has looked. */
export interface Unread {
  readonly kind: 'unread';
}

/** A look found nothing. `why` explains it in the log, if something should be there. */
export interface Absent {
  readonly kind: 'absent';
  readonly from: Source;
  readonly why?: string;
}

export interface Present<T> {
  readonly kind: 'present';
  readonly value: T;
  readonly from: Source;
}

export type Sighting<T> = Unread | Absent | Present<T>;

export const UNREAD: Unread = { kind: 'unread' };

/** What a look can be at. The metadata of a pod show at the least cost whether the hook protects it. */
export type Subject =
  | 'metadata'
  | 'pod'
  | 'node'
  | 'tracker'
  | 'namespace'
  | 'group'
  | 'registration'
  | 'self'
  | 'target'
  | 'budgets';

/** All data that one eviction decision is made on. */
export interface Observation {
  readonly now: number;
  readonly request: EvictionRequest;
  readonly metadata: Sighting<PodMetadata>;
  readonly pod: Sighting<Pod>;
  /** The pod's node; stays unread if the pod has none. */
  readonly node: Sighting<Node>;
  /** The tracker of the pod; always absent if tracking is off. */
  readonly tracker: Sighting<Tracker>;
  /** The pod's Namespace; stays unread unless a rule asks for it. */
  readonly namespace: Sighting<Namespace>;
  /** The pod's latest entry at places that are only read, as current as the look at the tracker. */
  readonly elsewhere?: EntryElsewhere;
  /** The pods of its group, itself among them, seen after the tracker. Unread if its profile has no `maxConcurrent`. */
  readonly group: Sighting<readonly Pod[]>;
  /** The registration of the other installation that wrote the pod's entry; stays unread if none did. */
  readonly registration: Sighting<string>;
  /** The disruption budgets over the pod, seen after the tracker; always read live. */
  readonly budgets: Sighting<readonly BudgetWithPods[]>;
  /** The object on which its profile asks for moves; always read live. */
  readonly target: Sighting<Target>;
  /** The user that the hook itself is; stays unread unless the hook may be the one that asks. */
  readonly self: Sighting<string>;
  /** The profile that selects the pod, by its metadata. Absent if none does, or if the metadata are unread. */
  readonly profile?: Profile;
  /** The earlier instance of this name that the cache itself saw disappear. */
  readonly remembered?: Entry;
  /** What this process knows of its own marks of the present instance, also of one that it is about to make. */
  readonly ownMarks?: MarkRecord;
  /** How often in a row pods without an entry came back to the node, as far as this process knows. */
  readonly returnsToNode?: NodeReturns;
  /** The tracker's last refusal of an entry. */
  readonly refusal?: Refusal;
  /** What a custom resource of the pod's profile says, as the cache has it. It explains, and decides nothing. */
  readonly reported?: Reported;
  /** Who changed the pod last, by a live read of it. */
  readonly lastWriter?: string;
  /**
   * How long, in ms, the hook has known this instance to be terminating or finished. Absent if the cache does not know.
   */
  readonly terminatingOrFinishedForMs?: number;
  /**
   * How long ago, in ms, this process heard that the node of this instance is not draining any more, which it was while the
   * instance was there. Absent if it knows of no such drain.
   */
  readonly drainEndedForMs?: number;
  /** Whether the cache has seen exactly this instance, and so also the end of the one before it. */
  readonly cacheKnowsInstance: boolean;
  /** Absent if the cache is at most a little behind. */
  readonly cacheTrouble?: CacheTrouble;
}

/** Nobody has looked at anything. */
export const NOTHING_SEEN = {
  metadata: UNREAD,
  pod: UNREAD,
  node: UNREAD,
  tracker: UNREAD,
  namespace: UNREAD,
  group: UNREAD,
  registration: UNREAD,
  self: UNREAD,
  target: UNREAD,
  budgets: UNREAD,
} as const satisfies Record<Subject, Unread>;

/** Nobody has looked at the pod that is there now, nor at what follows from it. */
export const NOTHING_OF_POD = {
  pod: UNREAD,
  node: UNREAD,
  tracker: UNREAD,
  group: UNREAD,
  target: UNREAD,
  budgets: UNREAD,
} as const;

/** What was looked at, without what the process itself remembers. */
export function sightingsOf(seen: Observation): Pick<Observation, Subject> {
  const { metadata, pod, node, tracker, namespace, group, registration, self, target, budgets } = seen;
  return { metadata, pod, node, tracker, namespace, group, registration, self, target, budgets };
}

/** Why the cache may lack a pod. `lasts`: the API server refuses it or fails, so a short wait would not help. */
export interface CacheTrouble {
  readonly text: string;
  readonly lasts: boolean;
}

/** The marks that one process made of one instance. */
export interface MarkRecord {
  readonly uid: string;
  /** When it made the first. */
  readonly at: number;
  /** When the last was made, or taken away. */
  readonly lastAt: number;
  readonly marks: number;
  /** Somebody took the last mark away. */
  readonly isLost: boolean;
}

/** How often pods without an entry came back to a node, and when the last of them was marked. */
export interface NodeReturns {
  readonly count: number;
  readonly at: number;
}

/** A tracker's refusal to take an entry, by validation or by admission. */
export interface Refusal {
  readonly why: string;
  /** It refused twice within a time that no hiccup lasts, so pods are marked without an entry. */
  readonly isSettled: boolean;
}

/** A look that is still missing. `live`: by a live read; otherwise in the cache, if it has the object. */
export interface Look {
  readonly kind: 'look';
  readonly at: Subject;
  readonly live: boolean;
}

export const LOOK_AT_NODE: Look = { kind: 'look', at: 'node', live: false };

/** The node, or `gone` if the look found none. */
export function nodeOrGone(node: Absent | Present<Node>): Node | 'gone' {
  return node.kind === 'present' ? node.value : 'gone';
}

/** What people say of the pod, as far as it was looked at: pod, tracker, Namespace. */
export const policyOf = ({ pod, tracker, namespace }: Pick<Observation, 'pod' | 'tracker' | 'namespace'>) =>
  firstPolicy(seenValue(pod), seenValue(tracker), seenValue(namespace));

/** What a look found. `why`: what people should know if that is nothing. */
export function sightingOf<T>(value: T | undefined, from: Source, why?: string): Absent | Present<T> {
  if (value !== undefined) return { kind: 'present', value, from };
  return { kind: 'absent', from, ...(why === undefined ? {} : { why }) };
}

/** The object of a sighting; undefined if it is absent or unread. */
export function seenValue<T>(sighting: Sighting<T>): T | undefined {
  return sighting.kind === 'present' ? sighting.value : undefined;
}

/**
 * Returns the answer if everything that it rests on was read live for this request; else the first missing look (S2). A
 * rule must use it to let a drain go on, or to mark a pod on more than the cache may prove.
 */
export function onceLive<T>(observation: Observation, restsOn: readonly Subject[], answer: T): T | Look {
  const missing = restsOn.find((subject) => !isLive(observation[subject]));
  return missing === undefined ? answer : { kind: 'look', at: missing, live: true };
}

export function isLive(sighting: Sighting<unknown>): boolean {
  return sighting.kind !== 'unread' && sighting.from === 'live';
}
