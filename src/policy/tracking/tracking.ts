import type { Pod, Resource, Tracker } from '../model.ts';
import { short } from '../names.ts';
import { keepEntries } from './kept-entries.ts';

/** The place of a pod's tracker: at an object of that resource, missing for a reason, or off with tracking. */
export type TrackerPlace =
  | { readonly kind: 'at'; readonly resource: Resource; readonly namespace?: string; readonly name: string }
  | { readonly kind: 'missing'; readonly why: string }
  | { readonly kind: 'off' };

/** Which objects carry entries, and how to find a pod's tracker. `NO_TRACKING` stands for none. */
export interface Tracking {
  /** The value of TRACKING_RESOURCE_TYPE, or `off`. */
  readonly type: string;
  /** The resources that the hook watches, reads and patches as trackers. */
  readonly resources: readonly Resource[];
  /** The labels of a pod that `locate` looks at. */
  readonly labelKeys: readonly string[];
  locate(pod: Pod): TrackerPlace;
  /** Keeps the fields of a raw tracker that the policy needs. */
  project(object: unknown): Tracker;
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
      return { kind: 'at', resource, name: named.name, ...(resource.isNamespaced ? { namespace: pod.namespace } : {}) };
    },
    project: (object) => projectTracker(object, resource, kind.reusesNames(object), kind.hindrance(object)),
  };
}

const NO_RESOURCE: Resource = { apiVersion: '', kind: 'nothing', apiPath: '', plural: '', isNamespaced: false };

/** Tracking is off: no pod has a tracker, and the hook watches none. */
export const NO_TRACKING: Tracking = {
  type: 'off',
  resources: [],
  labelKeys: [],
  locate: () => ({ kind: 'off' }),
  project: (object) => projectTracker(object, NO_RESOURCE, false, undefined),
};

interface RawMetadata {
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly annotations?: Readonly<Record<string, string>> | null;
}

/** Entries are the annotations whose key starts with `ENTRY_PREFIX`. It keeps no more of them than the hook can write. */
function projectTracker(
  object: unknown,
  resource: Resource,
  reusesNames: boolean,
  hindrance: string | undefined,
): Tracker {
  const metadata = (object as { readonly metadata?: RawMetadata | null }).metadata ?? {};
  const { namespace, name, uid, resourceVersion, annotations } = metadata;
  const { entries, leftOut } = keepEntries(annotations ?? {});
  return Object.freeze({
    resource,
    ...(resource.isNamespaced ? { namespace: short(namespace) } : {}),
    name: short(name),
    uid: short(uid),
    resourceVersion: short(resourceVersion),
    reusesNames,
    ...(hindrance === undefined ? {} : { hindrance }),
    entries,
    ...(leftOut === 0 ? {} : { leftOut }),
  });
}
