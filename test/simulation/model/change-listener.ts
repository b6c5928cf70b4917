import type { SimPod, SimTracker } from './objects.ts';

/** Who wants to hear of the truth. */
export interface Witness<Caller> {
  /** Something that an invariant may depend on is different now. */
  changed(): void;
  removed(pod: SimPod): void;
  wrote(write: Write, caller: Caller): void;
}

/** A write that was carried out for a caller. */
export type Write =
  | { readonly kind: 'mark'; readonly pod: SimPod }
  | { readonly kind: 'entry' | 'prune'; readonly tracker: SimTracker; readonly key: string; readonly value: string }
  | { readonly kind: 'event' };
