import { countUnwanted } from './neighbours.ts';
import type { NodeObject, PodObject, SchedulingWorld } from './objects.ts';
import { type Amounts, ASSUMED, offeredOn, requestsOf, takenOn } from './requests.ts';

/*
 * By default the scheduler rates each node from 0 to 100 by several rules, adds up, and takes one of those with most points.
 * These are its rules about CPU and memory, and about pods to be apart from. Points are whole, so nodes can be equal.
 */

const RESOURCES = ['cpu', 'memory'];
const FULL = 100;
/** The rule about pods to be apart from counts twice. */
const APART = 2;

/** How many points the scheduler would give each of the nodes that take the pod. */
export function pointsFor(
  pod: PodObject,
  nodes: readonly NodeObject[],
  world: SchedulingWorld,
): (node: NodeObject) => number {
  const asked = requestsOf(pod);
  const assumed = requestsOf(pod, ASSUMED);
  const isAsking = RESOURCES.some((name) => (asked.get(name) ?? 0) > 0);
  const apart = pointsForDistance(nodes.map(countUnwanted(pod, world)));
  const known = new Map(
    nodes.map((node, i) => {
      const empty = emptiness(node, takenOn(node, world.pods, true), assumed);
      const even = isAsking ? evenness(node, takenOn(node, world.pods), asked) : 0;
      return [node, empty + even + (apart[i] ?? 0)];
    }),
  );
  return (node) => known.get(node) ?? 0;
}

function emptiness(node: NodeObject, taken: Amounts, more: Amounts): number {
  const uses = usesOf(node, taken, more);
  // First times and then by, as the scheduler does: a tenth left is 10 points, and not 9.99.
  const points = uses.map(({ used, all }) => Math.max(0, Math.floor(((all - used) * FULL) / all)));
  return points.length === 0 ? 0 : Math.floor(points.reduce((sum, one) => sum + one, 0) / points.length);
}

/** Whether CPU and memory are taken more evenly with the pod than without it. */
function evenness(node: NodeObject, taken: Amounts, asked: Amounts): number {
  const change = balance(usesOf(node, taken, asked)) - balance(usesOf(node, taken, new Map()));
  return FULL / 2 + Math.trunc((FULL / 2 + change) / 2);
}

function balance(uses: readonly Use[]): number {
  const [cpu = 0, memory = cpu] = uses.map(({ used, all }) => Math.min(1, used / all));
  return Math.floor((1 - Math.abs(cpu - memory) / 2) * FULL);
}

interface Use {
  readonly used: number;
  readonly all: number;
}

/** Of CPU and of memory, what is taken of the node together with the pod. */
function usesOf(node: NodeObject, taken: Amounts, more: Amounts): Use[] {
  const offered = offeredOn(node);
  return RESOURCES.flatMap((name) => {
    const all = offered.get(name) ?? 0;
    return all === 0 ? [] : { used: (taken.get(name) ?? 0) + (more.get(name) ?? 0), all };
  });
}

/** All points for the node with the fewest pods to be apart from, none for that with the most. */
function pointsForDistance(unwanted: readonly number[]): number[] {
  const [fewest, most] = [Math.min(...unwanted), Math.max(...unwanted)];
  if (fewest === most) return unwanted.map(() => 0);
  return unwanted.map((count) => APART * Math.floor((FULL * (most - count)) / (most - fewest)));
}
