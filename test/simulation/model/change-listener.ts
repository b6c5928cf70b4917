import type { JsonObject } from '../../../src/kube/client.ts';
import type { SimNode, SimPod, SimTracker } from './objects.ts';

/** Listens to changes of the true state. */
export interface ChangeListener<Caller> {
  /** A change that may affect an invariant. */
  changed(): void;
  removed(pod: SimPod): void;
  called(path: string): void;
  /** An object was read for a caller. */
  read(found: SimPod | SimNode | SimTracker, caller: Caller): void;
  /** A pod is marked no more, whoever did that. */
  unmarked(pod: SimPod, wasMarkedByHook: boolean): void;
  wrote(write: Write, caller: Caller): void;
}

/** A write that was carried out for a caller. */
export type Write =
  | { readonly kind: 'mark'; readonly pod: SimPod; readonly key: string; readonly value: string }
  | { readonly kind: 'unmark'; readonly pod: SimPod; readonly key: string; readonly value: string }
  | { readonly kind: 'entry' | 'prune'; readonly tracker: SimTracker; readonly key: string; readonly value: string }
  | { readonly kind: 'event'; readonly object: JsonObject };
