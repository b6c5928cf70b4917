import type { Entry, EvictionRequest, Node, Pod, PodMetadata, Tracker } from './model.ts';
import type { Profile } from './profile.ts';

/** Where something was seen. Only a live read, made for this very request, may end a drain (S2). */
export type Source = 'cache' | 'live';

/** Nobody has looked. */
export interface Unread {
  readonly kind: 'unread';
}

/** Somebody has looked, and it is not there. `why`: for the log, where it should be there. */
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

/** What can be looked at. The metadata of a pod say whether the hook protects it, at the least cost. */
export type Subject = 'metadata' | 'pod' | 'node' | 'tracker';

/** Everything that one eviction decision is made on. */
export interface Observation {
  readonly now: number;
  readonly request: EvictionRequest;
  readonly metadata: Sighting<PodMetadata>;
  readonly pod: Sighting<Pod>;
  /** The node that the pod is on; nobody looks where the pod has none. */
  readonly node: Sighting<Node>;
  /** The object that carries the pod's entry; absent for good where tracking is off. */
  readonly tracker: Sighting<Tracker>;
  /** The profile that selects the pod, by its metadata. Absent: none does, or they are not known. */
  readonly profile?: Profile;
  /** The earlier instance of this name that the cache itself saw disappear. */
  readonly remembered?: Entry;
  /** For how long the hook has known this instance to be terminating, or finished, in ms; absent: the cache does not know. */
  readonly terminatingOrFinishedForMs?: number;
  /** Whether the cache has seen this very instance, and so also the end of the one before it. */
  readonly cacheKnowsInstance: boolean;
}

/** Something has still to be looked at: `live`, or where the cache has it, there. */
export interface Look {
  readonly kind: 'look';
  readonly at: Subject;
  readonly live: boolean;
}

/** What a sighting is of; undefined where it is absent or unread. */
export function seenValue<T>(sighting: Sighting<T>): T | undefined {
  return sighting.kind === 'present' ? sighting.value : undefined;
}

/**
 * The answer, if all that it rests on was read live for this request; else the look that is missing first (S2). Rules that
 * let a drain go on, or mark a pod on more than the cache may say, give their answer through this and in no other way.
 */
export function onceLive<T>(observation: Observation, restsOn: readonly Subject[], answer: T): T | Look {
  const missing = restsOn.find((subject) => !isLive(observation[subject]));
  return missing === undefined ? answer : { kind: 'look', at: missing, live: true };
}

export function isLive(sighting: Sighting<unknown>): boolean {
  return sighting.kind !== 'unread' && sighting.from === 'live';
}
