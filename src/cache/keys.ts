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

/** The key of the pod's tracker; undefined if it has none, or tracking is off. */
export function trackerKeyOf(pod: Pod, tracking: Tracking): ObjectKey | undefined {
  const place = tracking.locate(pod);
  return place.kind === 'at' ? place : undefined;
}
