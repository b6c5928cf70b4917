import { CORDON } from './choice.ts';
import { volumesReach, whyNot } from './fit.ts';
import { hasEnded, type NodeObject, type PodObject, type SchedulingWorld } from './objects.ts';
import { withOneMore, without } from './occupancy.ts';
import { pointsFor } from './preference.ts';

/** Where the replacement of a pod could go. */
export interface Placed {
  /** The nodes that would take it, without those that are to be drained. */
  readonly fits: readonly string[];
  /** Whether it may as well go to one that is to be drained, or would rather. */
  readonly comesBack: boolean;
  /** Whether its volumes alone keep it from all other nodes. */
  readonly isBound: boolean;
  /** What keeps it from the others, with how many nodes that is about; the most frequent first. */
  readonly against: readonly (readonly [string, number])[];
}

/**
 * Moves pods off nodes one after the other, each to a node that the scheduler would like best, so that the next has less room.
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
    const pods = without(this.#world.pods, pod);
    const world = goesFirst ? { ...this.#world, pods } : this.#world;
    const replacement = hasNewVolumes ? { ...pod, spec: { ...pod.spec, volumes: [] } } : pod;
    const problem = whyNot(replacement, world);
    const reasons = world.nodes.map((node) => ({ node, why: problem(node) }));
    const others = reasons.filter(({ node }) => !this.#isLeaving(node));
    const fitting = reasons.flatMap(({ node, why }) => (why === undefined ? [node] : []));
    const welcome = mostWelcome(replacement, fitting, world);
    const [best] = welcome;
    const bound = best && { ...replacement, spec: { ...replacement.spec, nodeName: best.metadata.name } };
    const isReached = volumesReach(replacement, world);
    this.#world = { ...this.#world, pods: bound === undefined ? pods : withOneMore(pods, bound) };
    return {
      fits: fitting.filter((node) => !this.#isLeaving(node)).map(({ metadata }) => metadata.name),
      comesBack: welcome.some((node) => this.#isLeaving(node)),
      isBound: others.length > 0 && !others.some(({ node }) => isReached(node)),
      against: countsOf(others.flatMap(({ why }) => why ?? [])),
    };
  }

  /** The pod goes, and nothing takes its place. */
  drop(pod: PodObject): void {
    this.#world = { ...this.#world, pods: without(this.#world.pods, pod) };
  }

  #isLeaving({ metadata }: NodeObject): boolean {
    return this.#leaving.has(metadata.name);
  }
}

/** Those that the scheduler would like best. It throws a coin between nodes that have as many points. */
function mostWelcome(pod: PodObject, nodes: readonly NodeObject[], world: SchedulingWorld): readonly NodeObject[] {
  const points = pointsFor(pod, nodes, world);
  const most = nodes.reduce((best, node) => Math.max(best, points(node)), Number.NEGATIVE_INFINITY);
  return nodes.filter((node) => points(node) === most);
}

function cordoned(node: NodeObject): NodeObject {
  const taints = node.spec?.taints?.filter(({ key }) => key !== CORDON.key) ?? [];
  return { ...node, spec: { ...node.spec, unschedulable: true, taints: [...taints, CORDON] } };
}

function countsOf(words: readonly string[]): (readonly [string, number])[] {
  const counts = [...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length] as const);
  return counts.toSorted(([, a], [, b]) => b - a);
}
