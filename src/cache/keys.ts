import type { Pod } from '../policy/model.ts';
import type { Tracking } from '../policy/tracking/tracking.ts';

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

/** The key of an object. It holds no object, because it may wait for hours. */
export function keyOf({ namespace, name }: ObjectKey): ObjectKey {
  return namespace === undefined ? { name } : { namespace, name };
}

/** The keys of all objects, and of those that something is remembered of although they are gone, by store key. */
export function* keysOf(objects: Iterable<ObjectKey>, remembered: Iterable<string>): Generator<ObjectKey> {
  for (const object of objects) yield keyOf(object);
  for (const key of remembered) {
    const [namespace = '', name] = key.split('/');
    yield name === undefined ? { name: namespace } : { namespace, name };
  }
}

/** The key of the pod's tracker; undefined if it has none, or tracking is off. */
export function trackerKeyOf(pod: Pod, tracking: Tracking): ObjectKey | undefined {
  const place = tracking.locate(pod);
  return place.kind === 'at' ? place : undefined;
}
