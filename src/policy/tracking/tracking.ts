import { ENTRY_PREFIX } from '../entry.ts';
import type { Pod, Resource, Tracker } from '../model.ts';
import { short } from '../names.ts';
import { policyIn } from '../policy-annotation.ts';
import { keepEntries, OWN_ENTRIES_MAX } from './kept-entries.ts';

/** The place of a pod's tracker: at an object of that resource, missing for a reason, or off with tracking. */
export type TrackerPlace = TrackedAt | { readonly kind: 'missing'; readonly why: string } | { readonly kind: 'off' };

export interface TrackedAt {
  readonly kind: 'at';
  readonly resource: Resource;
  readonly namespace?: string;
  readonly name: string;
  /** The Namespace that an object of the hook must belong to. Absent for objects of others. */
  readonly ofNamespace?: string;
}

/** Which objects carry entries, and how to find a pod's tracker. `NO_TRACKING` stands for none. */
export interface Tracking {
  /** The value of TRACKING_RESOURCE_TYPE, or `off`. */
  readonly type: string;
  /** The resources that the hook watches, reads and patches as trackers. */
  readonly resources: readonly Resource[];
  /** The labels of a pod that `locate` and `alsoAt` look at. */
  readonly labelKeys: readonly string[];
  /** Where the pod's entry is written. */
  locate(pod: Pod): TrackerPlace;
  /** Where its entries are read as well, because they may have been written there before. */
  alsoAt(pod: Pod): readonly TrackedAt[];
  /** Keeps the fields of a raw tracker that the policy needs. Absent: the first resource. */
  project(object: unknown, resource?: Resource): Tracker;
}

/** Defines one kind of tracking. A new kind is a new file with one of these. */
export interface TrackingKind {
  readonly type: string;
  readonly resource: Resource;
  readonly labelKeys: readonly string[];
  /** The name of the pod's tracker, or why it has none. */
  nameFor(pod: Pod): { readonly name: string } | { readonly missing: string };
  /**
   * Whether the operator recreates a moved pod under its own name, so that the pod needs an entry. Takes the raw
   * object.
   */
  reusesNames(object: unknown): boolean;
  /** `Tracker.hindrance`: why a marked pod may have to wait, if the object reports it. Takes the raw object. */
  hindrance(object: unknown): string | undefined;
}

export function trackingOf(kind: TrackingKind): Tracking {
  const { type, resource, labelKeys } = kind;
  return {
    type,
    resources: [resource],
    labelKeys,
    locate(pod) {
      const named = kind.nameFor(pod);
      if ('missing' in named) return { kind: 'missing', why: named.missing };
      const { own, isNamespaced } = resource;
      if (own) return { kind: 'at', resource, ...named, namespace: own.namespace, ofNamespace: pod.namespace };
      return { kind: 'at', resource, ...named, ...(isNamespaced ? { namespace: pod.namespace } : {}) };
    },
    alsoAt: () => [],
    project: (object) => projectTracker(object, resource, kind.reusesNames(object), kind.hindrance(object)),
  };
}

/** Writes entries as the first kind does, and reads those of all. */
export function readingAlso(written: Tracking, others: readonly Tracking[]): Tracking {
  const all = [written, ...others];
  return {
    type: written.type,
    resources: all.flatMap(({ resources }) => resources),
    labelKeys: all.flatMap(({ labelKeys }) => labelKeys),
    locate: (pod) => written.locate(pod),
    alsoAt: (pod) => others.map(({ locate }) => locate(pod)).filter((place) => place.kind === 'at'),
    project(object, resource) {
      const kind = all.find(({ resources }) => resource !== undefined && resources.includes(resource)) ?? written;
      return kind.project(object, resource);
    },
  };
}

/** Whether entries are read at more places than they are written to. */
export const readsElsewhere = ({ resources }: Tracking): boolean => resources.length > 1;

const NO_RESOURCE: Resource = { apiVersion: '', kind: 'nothing', apiPath: '', plural: '', isNamespaced: false };

/** Tracking is off: no pod has a tracker, and the hook watches none. */
export const NO_TRACKING: Tracking = {
  type: 'off',
  resources: [],
  labelKeys: [],
  locate: () => ({ kind: 'off' }),
  alsoAt: () => [],
  project: (object) => projectTracker(object, NO_RESOURCE, false, undefined),
};

interface RawTracker {
  readonly metadata?: RawMetadata | null;
  readonly data?: Strings | null;
}

interface RawMetadata {
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly annotations?: Strings | null;
  readonly ownerReferences?:
    | readonly { readonly kind?: string; readonly name?: string; readonly uid?: string }[]
    | null;
}

type Strings = Readonly<Record<string, string>>;

/**
 * Entries are the annotations whose key starts with `ENTRY_PREFIX`, or all of `data` of an object of the hook. It keeps no
 * more of them than the hook can write.
 */
function projectTracker(
  object: unknown,
  resource: Resource,
  reusesNames: boolean,
  hindrance: string | undefined,
): Tracker {
  const { metadata, data } = object as RawTracker;
  const { namespace, name, uid, resourceVersion, annotations, ownerReferences } = metadata ?? {};
  const { entries, leftOut } = resource.own
    ? keepEntries(withPrefix(data ?? {}), OWN_ENTRIES_MAX)
    : keepEntries(annotations ?? {});
  const policy = resource.own ? {} : policyIn(annotations);
  const owner = ownerReferences?.find(({ kind }) => kind === 'Namespace');
  return Object.freeze({
    resource,
    ...(resource.isNamespaced ? { namespace: short(namespace) } : {}),
    name: short(name),
    uid: short(uid),
    resourceVersion: short(resourceVersion),
    ...(resource.own && { owner: Object.freeze({ namespace: short(owner?.name), uid: short(owner?.uid) }) }),
    reusesNames,
    ...(hindrance === undefined ? {} : { hindrance }),
    ...policy,
    entries,
    ...(leftOut === 0 ? {} : { leftOut }),
  });
}

const withPrefix = (data: Strings): Strings =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [ENTRY_PREFIX + key, value]));
