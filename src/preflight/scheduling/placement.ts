import { CORDON } from './choice.ts';
import { volumesReach, whyNot } from './fit.ts';
import { countUnwanted } from './neighbours.ts';
import { hasEnded, type NodeObject, type PodObject, type SchedulingWorld } from './objects.ts';
import { freeOn, thousandths } from './requests.ts';

/** Where the replacement of a pod could go. */
export interface Placed {
  /** The nodes that would take it, without those that are to be drained. */
  readonly fits: readonly string[];
  /** Whether it would rather go to one that is to be drained. */
  readonly comesBack: boolean;
  /** Whether its volumes alone keep it from all other nodes. */
  readonly isBound: boolean;
  /** What keeps it from the others, with how many nodes that is about; the most frequent first. */
  readonly against: readonly (readonly [string, number])[];
}

/**
 * Moves pods off nodes one after the other, each to the emptiest node that would take it, so that the next has less room.
 * The scheduler has more to choose by, so this is a forecast.
 */
export class Placement {
  readonly #leaving: ReadonlySet<string>;
  #world: SchedulingWorld;

  constructor(world: SchedulingWorld, leaving: readonly string[]) {
    this.#leaving = new Set(leaving);
    this.#world = {
      ...world,
      nodes: world.nodes.map((node) => (this.#leaving.has(node.metadata.name) ? cordoned(node) : node)),
      pods: world.pods.filter((pod) => pod.spec.nodeName !== undefined && !hasEnded(pod)),
    };
  }

  /** `goesFirst`: the pod is gone before its replacement comes. `hasNewVolumes`: that one brings its own. */
  move(pod: PodObject, { goesFirst, hasNewVolumes }: { goesFirst: boolean; hasNewVolumes: boolean }): Placed {
    const without = { ...this.#world, pods: this.#world.pods.filter((one) => one !== pod) };
    const world = goesFirst ? without : this.#world;
    const replacement = hasNewVolumes ? { ...pod, spec: { ...pod.spec, volumes: [] } } : pod;
    const reasons = world.nodes.map((node) => ({ node, why: whyNot(replacement, node, world) }));
    const others = reasons.filter(({ node }) => !this.#isLeaving(node));
    const fitting = reasons.flatMap(({ node, why }) => (why === undefined ? [node] : []));
    const [best] = fitting.toSorted((a, b) => unwelcome(replacement, a, world) - unwelcome(replacement, b, world));
    const bound = best && { ...replacement, spec: { ...replacement.spec, nodeName: best.metadata.name } };
    this.#world = bound === undefined ? without : { ...without, pods: [...without.pods, bound] };
    return {
      fits: fitting.filter((node) => !this.#isLeaving(node)).map(({ metadata }) => metadata.name),
      comesBack: best !== undefined && this.#isLeaving(best),
      isBound: others.length > 0 && !others.some(({ node }) => volumesReach(replacement, node, world)),
      against: countsOf(others.flatMap(({ why }) => why ?? [])),
    };
  }

  /** The pod goes, and nothing takes its place. */
  drop(pod: PodObject): void {
    this.#world = { ...this.#world, pods: this.#world.pods.filter((one) => one !== pod) };
  }

  #isLeaving({ metadata }: NodeObject): boolean {
    return this.#leaving.has(metadata.name);
  }
}

/** How little the scheduler would like the node: by pods that it prefers to be apart from, and by what is taken. */
const unwelcome = (pod: PodObject, node: NodeObject, world: SchedulingWorld) =>
  10 * countUnwanted(pod, node, world) + fullness(node, world.pods);

function cordoned(node: NodeObject): NodeObject {
  const taints = node.spec?.taints?.filter(({ key }) => key !== CORDON.key) ?? [];
  return { ...node, spec: { ...node.spec, unschedulable: true, taints: [...taints, CORDON] } };
}

/** The share of CPU and memory that is taken, added up. */
function fullness(node: NodeObject, pods: readonly PodObject[]): number {
  const free = freeOn(node, pods);
  return ['cpu', 'memory'].reduce((sum, name) => {
    const all = thousandths(node.status?.allocatable?.[name] ?? '0');
    return all === 0 ? sum : sum + 1 - (free.get(name) ?? 0) / all;
  }, 0);
}

function countsOf(words: readonly string[]): (readonly [string, number])[] {
  const counts = [...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length] as const);
  return counts.toSorted(([, a], [, b]) => b - a);
}
