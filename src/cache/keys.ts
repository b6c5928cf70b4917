import type { Pod } from '../policy/model.ts';
import type { Tracking } from '../policy/tracking/tracking.ts';

/** Which object of one kind is meant: what reconciles are queued by. */
export interface ObjectKey {
  /** Absent for a cluster-scoped object. */
  readonly namespace?: string;
  readonly name: string;
}

/** `namespace/name`, or `name`: the key of the object in its store. */
export function storeKey({ namespace, name }: ObjectKey): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The pod's tracker; undefined where it has none, or tracking is off. */
export function trackerKeyOf(pod: Pod, tracking: Tracking): ObjectKey | undefined {
  const place = tracking.locate(pod);
  return place.kind === 'at' ? place : undefined;
}
