import { storeKey } from '../cache/keys.ts';
import type { EntryState } from '../policy/entry-lifecycle.ts';
import type { Pod } from '../policy/model.ts';

/** What has become of the protected pods that a node has to lose. */
export interface Progress {
  readonly of: number;
  readonly moved: number;
  /** Another pod of their name is there, and has not settled. */
  readonly underWay: number;
  /** No pod has their name now: it comes later, or has another name, or the cluster is smaller. */
  readonly gone: number;
  /** They are still on the node. */
  readonly waiting: number;
}

/** A pod that left the node, by its entry. */
export interface Left {
  readonly podKey: string;
  readonly state: EntryState;
}

/** Entries are pruned, and without tracking there are none. Whoever watches remembers which pods were on a draining node. */
export class DrainMemory {
  readonly #podsOf = new Map<string, Set<string>>();

  progress(
    node: string,
    on: readonly Pod[],
    left: readonly Left[],
    podOf: (podKey: string) => Pod | undefined,
  ): Progress {
    const here = new Set(on.map((pod) => storeKey(pod)));
    const states = new Map(left.map(({ podKey, state }) => [podKey, state]));
    const known = new Set([...(this.#podsOf.get(node) ?? []), ...here, ...states.keys()]);
    this.#podsOf.set(node, known);
    const counts = { moved: 0, underWay: 0, gone: 0, waiting: 0 };
    for (const podKey of known) {
      if (here.has(podKey)) counts.waiting++;
      else counts[becomeOf(podOf(podKey), states.get(podKey))]++;
    }
    return { of: known.size, ...counts };
  }

  /** Forgets the nodes that nobody drains any more. */
  keep(nodes: ReadonlySet<string>): void {
    for (const node of this.#podsOf.keys()) if (!nodes.has(node)) this.#podsOf.delete(node);
  }
}

function becomeOf(pod: Pod | undefined, state: EntryState | undefined): 'moved' | 'underWay' | 'gone' {
  if (pod === undefined) return 'gone';
  return pod.node === undefined || state === 'unsettled' ? 'underWay' : 'moved';
}
