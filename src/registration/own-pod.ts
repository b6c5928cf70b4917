import type { Clock } from '../async/clock.ts';
import type { DecidedBy } from './decided-by.ts';
import type { ReplicaPods } from './replica-pods.ts';

/** An API server learns of a Service's endpoints through others; by then a new replica can be asked. */
const READY_FOR_MS = 10_000;
const LOOK_AT_POD_EVERY_MS = 2_000;

export interface OwnPodOptions {
  readonly pods: ReplicaPods;
  readonly podName: string;
  readonly namespace: string;
  /** What this replica wants the registration to be, as a digest. */
  readonly wants: string;
  readonly clock: Pick<Clock, 'monotonicNow'>;
}

/** Who this replica is, by its Pod. */
export class OwnPod {
  readonly #options: OwnPodOptions;
  #self: DecidedBy | undefined;
  /** Since when it was seen ready, on the monotonic clock, and what it says of that itself. */
  #seenReady: { readonly at: number; readonly since: string } | undefined;
  #lookAgainMs = Number.POSITIVE_INFINITY;

  constructor(options: OwnPodOptions) {
    this.#options = options;
  }

  /** Known once its Pod has been ready for long enough; from then on for good. */
  get self(): DecidedBy | undefined {
    return this.#self;
  }

  /** Milliseconds until another look may tell more; Infinity if none can. */
  get lookAgainMs(): number {
    return this.#lookAgainMs;
  }

  /** The same as `self`, after a look. Throws an Error if there is no such Pod. */
  async look(signal: AbortSignal): Promise<DecidedBy | undefined> {
    if (this.#self !== undefined) return this.#self;
    const { pods, podName, namespace, wants, clock } = this.#options;
    this.#lookAgainMs = Number.POSITIVE_INFINITY;
    const pod = await pods.read(podName, signal);
    if (pod === undefined) {
      throw new Error(
        `there is no Pod ${podName} in namespace ${namespace}: set POD_NAME, in a pod from metadata.name`,
      );
    }
    if (pod.readySince === undefined || pod.isEnding) {
      this.#seenReady = undefined;
      this.#lookAgainMs = LOOK_AT_POD_EVERY_MS;
      return undefined;
    }
    const now = clock.monotonicNow();
    // The kubelet's clock may be ahead or behind. Another time than before means that it was not ready in between.
    if (this.#seenReady?.since !== pod.readySince) this.#seenReady = { at: now, since: pod.readySince };
    const leftMs = this.#seenReady.at + READY_FOR_MS - now;
    if (leftMs > 0) {
      this.#lookAgainMs = Math.min(leftMs + 1, LOOK_AT_POD_EVERY_MS);
      return undefined;
    }
    this.#self = { pod: pod.name, uid: pod.uid, created: pod.created, wants };
    return this.#self;
  }
}
