import type { Pod, Resource } from '../policy/model.ts';
import type { TrackedAt, Tracking } from '../policy/tracking/tracking.ts';

/** Identifies an object within its kind. The work queues hold these. */
export interface ObjectKey {
  /** Absent for a cluster-scoped object. */
  readonly namespace?: string;
  readonly name: string;
}

/** `namespace/name`, or `name`: the key of the object in its store. */
export function storeKey({ namespace, name }: ObjectKey): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** Identifies a tracker. Trackers of several kinds may be read at once. */
export interface TrackerKey extends ObjectKey {
  readonly resource: Resource;
}

/** The key of an object. It holds no object, because it may wait for hours. */
export function keyOf({ namespace, name }: ObjectKey): ObjectKey {
  return namespace === undefined ? { name } : { namespace, name };
}

/** The same for a tracker. The resource is a constant of the settings, and no part of the object. */
export function trackerKeyIn({ resource, ...key }: TrackerKey): TrackerKey {
  return { resource, ...keyOf(key) };
}

/** The keys of all pods, and of those that something is remembered of although they are gone, by store key. */
export function* keysOf(pods: Iterable<ObjectKey>, remembered: Iterable<string>): Generator<ObjectKey> {
  for (const pod of pods) yield keyOf(pod);
  for (const key of remembered) {
    const [namespace = '', name = ''] = key.split('/');
    yield { namespace, name };
  }
}

/** `<plural>/namespace/name`: the key of a tracker among those of all kinds. */
export function trackerKey(key: TrackerKey): string {
  return `${key.resource.plural}/${storeKey(key)}`;
}

/** Where the pod's entries may be; empty if it has no tracker, or tracking is off. */
export function trackersOf(pod: Pod, tracking: Tracking): readonly TrackedAt[] {
  const place = tracking.locate(pod);
  const also = tracking.alsoAt(pod);
  return place.kind === 'at' ? [place, ...also] : also;
}
