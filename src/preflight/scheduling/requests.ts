import { type ContainerObject, hasEnded, type Labels, type NodeObject, type PodObject } from './objects.ts';
import { kept, podsOn } from './occupancy.ts';

/** In thousandths of the unit, as whole numbers: sums of fractions would not be exact. */
export type Amounts = ReadonlyMap<string, number>;

const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};
const QUANTITY = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([a-zA-Z]*)$/;

/** A quantity such as `100m` or `2Gi`, in thousandths and rounded up; 0 for what is none. */
export function thousandths(quantity: string): number {
  const [, number = '0', unit = ''] = QUANTITY.exec(quantity) ?? [];
  // Without the correction 0.1 * 1000 would be rounded up to 101 for some numbers.
  return Math.ceil(Number((Number(number) * (FACTORS[unit] ?? 0) * 1000).toPrecision(15)));
}

/**
 * What the scheduler reserves for the pod: its containers together, or its greediest init container. `assumed`: what a
 * container counts as that does not say.
 */
export function requestsOf({ spec }: PodObject, assumed: Labels = {}): Amounts {
  const { containers = [], initContainers = [], overhead = {}, resources } = spec;
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always');
  const amountsOf = (one: ContainerObject) => amounts({ ...assumed, ...one.resources?.requests });
  const running = sumOf([...containers, ...sidecars].map(amountsOf));
  const starting = initContainers.map((one, i) => {
    const before = initContainers.slice(0, i).filter((other) => sidecars.includes(other));
    return sumOf([amountsOf(one), ...before.map(amountsOf)]);
  });
  const needed = starting.reduce(greater, running);
  const own = amounts(resources?.requests ?? {});
  return sumOf([new Map([...needed, ...own]), amounts(overhead)]);
}

/** What the scheduler assumes where it rates nodes, so that pods without requests are spread, too. */
export const ASSUMED: Labels = { cpu: '100m', memory: '200Mi' };

const takenBy = new WeakMap<readonly PodObject[], Amounts>();
const assumedOf = new WeakMap<readonly PodObject[], Amounts>();
const offeredBy = new WeakMap<NodeObject, Amounts>();

/** What is left on the node beside these pods; `pods` is how many more it takes. */
export function freeOn(node: NodeObject, pods: readonly PodObject[]): Amounts {
  const taken = takenOn(node, pods);
  return new Map([...offeredOn(node)].map(([name, amount]) => [name, amount - (taken.get(name) ?? 0)]));
}

export const offeredOn = (node: NodeObject): Amounts =>
  kept(offeredBy, node, () => amounts(node.status?.allocatable ?? {}));

/** `assumed`: as of `requestsOf`, by ASSUMED. */
export function takenOn(node: NodeObject, pods: readonly PodObject[], isAssumed = false): Amounts {
  const there = podsOn(pods, node);
  return kept(isAssumed ? assumedOf : takenBy, there, () => {
    const living = there.filter((pod) => !hasEnded(pod));
    const requests = living.map((pod) => requestsOf(pod, isAssumed ? ASSUMED : {}));
    return new Map([...sumOf(requests), ['pods', living.length * 1000]]);
  });
}

/** The first resource that is too scarce for the pod; undefined if there is enough of all. */
export function scarceFor(pod: PodObject, free: Amounts): string | undefined {
  if ((free.get('pods') ?? 0) < 1000) return 'pods';
  return [...requestsOf(pod)].find(([name, amount]) => amount > 0 && amount > (free.get(name) ?? 0))?.[0];
}

const amounts = (quantities: Labels): Amounts =>
  new Map(Object.entries(quantities).map(([name, quantity]) => [name, thousandths(quantity)]));

function sumOf(all: readonly Amounts[]): Amounts {
  const sum = new Map<string, number>();
  for (const [name, amount] of all.flatMap((one) => [...one])) sum.set(name, (sum.get(name) ?? 0) + amount);
  return sum;
}

function greater(a: Amounts, b: Amounts): Amounts {
  const names = new Set([...a.keys(), ...b.keys()]);
  return new Map([...names].map((name) => [name, Math.max(a.get(name) ?? 0, b.get(name) ?? 0)]));
}
