import { ENTRY_PREFIX } from '../entry.ts';
import type { Pod, Resource, Tracker } from '../model.ts';

/** Where a pod's tracker is, if it has one: an object of that resource, nowhere and why, or nowhere because tracking is off. */
export type TrackerPlace =
  | { readonly kind: 'at'; readonly resource: Resource; readonly namespace?: string; readonly name: string }
  | { readonly kind: 'missing'; readonly why: string }
  | { readonly kind: 'off' };

/** Where entries are kept: on which objects, and how a pod's is found. `NO_TRACKING` stands for nowhere. */
export interface Tracking {
  /** The value of TRACKING_RESOURCE_TYPE, or `off`. */
  readonly type: string;
  /** What is watched, read and patched for it. */
  readonly resources: readonly Resource[];
  /** The labels of a pod that `locate` looks at. */
  readonly labelKeys: readonly string[];
  locate(pod: Pod): TrackerPlace;
  /** Keeps of a raw tracker what the policy needs. */
  project(object: unknown): Tracker;
}

/** What one kind of tracking has to say; a new kind is a file with this. */
export interface TrackingKind {
  readonly type: string;
  readonly resource: Resource;
  readonly labelKeys: readonly string[];
  /** The name of the pod's tracker, or why it has none. */
  nameFor(pod: Pod): { readonly name: string } | { readonly missing: string };
  /** Whether the operator recreates a moved pod under its own name, so that an entry is needed. Takes the raw object. */
  reusesNames(object: unknown): boolean;
  /** `Tracker.hindrance`: why a marked pod may have to wait, as far as the object says. Takes the raw object. */
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

/** Tracking is switched off: no pod has a tracker, and nothing is watched for one. */
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

/** Entries are the annotations whose key starts with `ENTRY_PREFIX`. */
function projectTracker(
  object: unknown,
  resource: Resource,
  reusesNames: boolean,
  hindrance: string | undefined,
): Tracker {
  const metadata = (object as { readonly metadata?: RawMetadata | null }).metadata ?? {};
  const { namespace = '', name = '', uid = '', resourceVersion = '', annotations } = metadata;
  const entries = Object.entries(annotations ?? {}).filter(([key]) => key.startsWith(ENTRY_PREFIX));
  return Object.freeze({
    resource,
    ...(resource.isNamespaced ? { namespace } : {}),
    name,
    uid,
    resourceVersion,
    reusesNames,
    ...(hindrance === undefined ? {} : { hindrance }),
    entries: Object.freeze(Object.fromEntries(entries)),
  });
}
