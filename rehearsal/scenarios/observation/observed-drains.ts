import type { Instance } from '../../evidence/pod-watch.ts';
import type { Check } from '../../evidence/record.ts';
import { check } from '../../evidence/verdict.ts';
import { type Annotation, isMarked } from '../../operator/model.ts';

/** What was seen of the drains that somebody else runs. */
export class ObservedDrains {
  readonly #cordoned = new Map<string, boolean>();
  readonly #nodes = new Set<string>();
  readonly #marked = new Set<string>();
  readonly #drained = new Map<string, Instance>();

  /** A node as it is now, with the protected pods on it. True when it was cordoned just now, which begins a drain. */
  node(name: string, isCordoned: boolean, pods: readonly Instance[]): boolean {
    const was = this.#cordoned.get(name);
    this.#cordoned.set(name, isCordoned);
    // A node that was cordoned before anybody watched is no drain of ours.
    if (!isCordoned || was !== false) return false;
    this.#nodes.add(name);
    for (const pod of pods) this.#drained.set(pod.uid, pod);
    return true;
  }

  marked(uid: string): void {
    this.#marked.add(uid);
  }

  wasMarked(uid: string): boolean {
    return this.#marked.has(uid);
  }

  /** Nodes that were cordoned while it was watched. */
  get nodes(): readonly string[] {
    return [...this.#nodes];
  }

  /** The protected pods that were on them at that moment, by UID. */
  get drained(): ReadonlyMap<string, Instance> {
    return this.#drained;
  }

  /** Whether it is known which nodes were cordoned from the start. */
  get isReady(): boolean {
    return this.#cordoned.size > 0;
  }
}

/** What must hold of a drain that was only watched. Nobody knows who deleted a pod, but it is known whether it was marked. */
export function observedChecks(
  observed: ObservedDrains,
  instances: readonly Instance[],
  annotation: Annotation | undefined,
): Check[] {
  const here = instances.filter(({ isGone }) => !isGone);
  const gone = instances.filter(({ uid, isGone }) => isGone && observed.drained.has(uid));
  const onDrained = here.filter(({ node }) => node !== undefined && observed.nodes.includes(node));
  const elsewhere = here.filter((pod) => !onDrained.includes(pod) && isMarked(pod, annotation));
  return [
    check('protected pods were on a node that was cordoned', [
      ...(observed.drained.size === 0 ? ['no node with protected pods was cordoned, so nothing was seen'] : []),
    ]),
    check(
      'each protected pod that left was marked first, so that its operator moved it',
      gone
        .filter(({ uid }) => !observed.wasMarked(uid))
        .map((pod) => `${titleOf(pod)} left without having been marked`),
    ),
    check(
      'no protected pod remains on a drained node',
      onDrained.map((pod) => `${titleOf(pod)} is still on ${pod.node}`),
    ),
    check(
      'no pod is still marked',
      elsewhere.map((pod) => `${titleOf(pod)} is marked to be moved once more`),
    ),
  ];
}

const titleOf = ({ namespace, name, uid }: Instance) => `${namespace}/${name} (${uid.slice(0, 8)})`;
