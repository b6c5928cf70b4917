import type { Change } from '../informer/store.ts';
import type { Pod } from '../policy/model.ts';
import { isMarked } from '../policy/profiles/profile.ts';

/** Which pods are on a node, and how many are marked, so that nobody has to look at every pod. Keys are pod keys. */
export class PodIndex {
  readonly #byNode = new Map<string, Set<string>>();
  #marked = 0;

  get marked(): number {
    return this.#marked;
  }

  on(node: string): Iterable<string> {
    return this.#byNode.get(node) ?? [];
  }

  /** Takes every change of the pod store. */
  observe(change: Change<Pod>): void {
    const before = change.kind === 'added' ? undefined : change.before;
    const now = change.kind === 'removed' ? undefined : change.now;
    this.#marked += Number(now !== undefined && isMarked(now)) - Number(before !== undefined && isMarked(before));
    if (before?.node === now?.node) return;
    if (before?.node !== undefined) this.#leave(before.node, change.key);
    if (now?.node !== undefined) this.#come(now.node, change.key);
  }

  #come(node: string, key: string): void {
    const keys = this.#byNode.get(node);
    if (keys === undefined) this.#byNode.set(node, new Set([key]));
    else keys.add(key);
  }

  #leave(node: string, key: string): void {
    const keys = this.#byNode.get(node);
    keys?.delete(key);
    if (keys?.size === 0) this.#byNode.delete(node);
  }
}
