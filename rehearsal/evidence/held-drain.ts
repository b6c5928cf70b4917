import type { ApiClient } from '../../src/kube/client.ts';
import { listPods, type PodView } from '../../testkit/pods.ts';
import type { Hold } from './hold.ts';
import type { DrainSeen } from './verdict.ts';
import type { Witness } from './witness.ts';

/** What a drain is seen with. */
export interface DrainSight {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly isMember: (pod: PodView) => boolean;
  readonly hold: Hold;
  readonly witness: Witness;
  /** How long a drainer may take to ask once more. */
  readonly patienceMs: number;
  /** On the clock of the operator and of the witness. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

export interface DrainWanted {
  readonly node: string;
  /** The protected pods that are on it. */
  readonly members: readonly PodView[];
  /** Until how many of them have been asked for again the operator is kept from acting. Default: all. */
  readonly heldFor?: number | undefined;
  /** Ends the drain on purpose. */
  readonly cut?: AbortSignal | undefined;
}

/**
 * Sees a drain from its beginning to its end. By default an operator moves pods so soon that no drainer would ask twice for one
 * that is still there, which is what drains consist of in life; and when all has calmed down, nothing is left to be seen of
 * a drain that ended too early. So it is held back for once, and who is on the node is asked when the drain ends.
 */
export async function seeDrain(
  sight: DrainSight,
  { node, members, heldFor = members.length, cut }: DrainWanted,
  drain: () => Promise<number>,
): Promise<DrainSeen> {
  const { hold, witness, patienceMs, now, signal } = sight;
  const names = members.map(({ name }) => name);
  const isHeld = heldFor > 0 && names.length > 0;
  const letGo = isHeld ? await hold.take() : () => undefined;
  const over = new AbortController();
  const beganAt = now();
  try {
    if (isHeld) {
      const wanted = { names, count: heldFor, since: beganAt, timeoutMs: patienceMs };
      const asked = witness.askedAgain(wanted, AbortSignal.any([signal, over.signal]));
      void asked.catch(() => undefined).then(letGo);
    }
    const code = await drain();
    signal.throwIfAborted();
    const endedAt = now();
    const left = code === 0 ? await leftOn(sight, node) : [];
    const drained = new Set(members.map(({ uid }) => uid));
    return { node, drained, beganAt, endedAt, code, isCut: cut?.aborted === true, heldFor: isHeld ? heldFor : 0, left };
  } finally {
    over.abort(new Error('the drain is over'));
    letGo();
  }
}

/** Asked of the API server: a watch may be behind. */
async function leftOn({ client, namespace, isMember }: DrainSight, node: string): Promise<string[]> {
  const pods = await listPods(client, namespace);
  return pods.filter((pod) => isMember(pod) && pod.node === node).map(({ name }) => name);
}
