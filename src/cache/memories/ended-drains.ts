import type { Change } from '../../informer/store.ts';
import type { Pod } from '../../policy/model.ts';
import { putNewest } from '../bounded-map.ts';

/** Instances beyond these are dropped, the oldest first. Dropping one makes the hook trust the present state of its node. */
const MAX_INSTANCES = 10_000;
/** A pod that was bound so shortly before may have been bound after: watches of two kinds have no common order. */
const BOUND_BEFORE_MS = 10_000;
/** A watch that works hears something each minute. After a longer silence the drain may have ended at any moment of it. */
const SILENT_MS = 90_000;

/** When, on the monotonic clock, this process heard that nobody drains the node of an instance any more, which was there before. */
export class EndedDrains {
  readonly #byKey = new Map<string, { readonly uid: string; readonly at: number }>();
  readonly #clock: { now(): number; monotonicNow(): number };
  readonly #nodesAgeMs: () => number;

  /** `nodesAgeMs`: how long ago the API server told something of nodes before it told of this one; infinite if it never did. */
  constructor(clock: { now(): number; monotonicNow(): number }, nodesAgeMs: () => number) {
    this.#clock = clock;
    this.#nodesAgeMs = nodesAgeMs;
  }

  /** The node that the pod is on was draining, and is not any more. */
  note(podKey: string, { uid, boundAt }: Pod): void {
    const silentMs = this.#nodesAgeMs();
    const isLate = Number.isFinite(silentMs) && silentMs > SILENT_MS;
    const leastMs = BOUND_BEFORE_MS + (isLate ? silentMs : 0);
    if (boundAt !== undefined && boundAt > this.#clock.now() - leastMs) return;
    putNewest(this.#byKey, podKey, { uid, at: this.#clock.monotonicNow() }, MAX_INSTANCES);
  }

  /** Undefined if this process knows of no drain that ended while the instance was on its node. */
  endedForMs(podKey: string, uid: string): number | undefined {
    const known = this.#byKey.get(podKey);
    return known?.uid === uid ? this.#clock.monotonicNow() - known.at : undefined;
  }

  /** Takes over what another one knows of the pods that there are. */
  adopt(other: EndedDrains, isKnown: (podKey: string) => boolean): void {
    for (const [podKey, known] of other.#byKey) {
      if (isKnown(podKey)) putNewest(this.#byKey, podKey, known, MAX_INSTANCES);
    }
  }

  /** Takes every change of the pod store. */
  observe(change: Change<Pod>): void {
    if (change.kind === 'removed') this.#byKey.delete(change.key);
  }
}
