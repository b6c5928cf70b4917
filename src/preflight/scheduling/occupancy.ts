import type { NodeObject, PodObject } from './objects.ts';

/*
 * A cluster may have thousands of nodes and a hundred thousand pods. Each pod that is moved is tried on all nodes, so what is
 * found about a list is kept as long as that list.
 */

type ByNode = ReadonlyMap<string, readonly PodObject[]>;

const NONE: readonly PodObject[] = [];
const podsByNode = new WeakMap<readonly PodObject[], ByNode>();
const nodesByName = new WeakMap<readonly NodeObject[], ReadonlyMap<string, NodeObject>>();

/** `find`, once for each key. */
export function kept<K extends object, V>(known: WeakMap<K, V>, key: K, find: () => V): V {
  const before = known.get(key);
  if (before !== undefined) return before;
  const value = find();
  known.set(key, value);
  return value;
}

/** Those of the pods that are bound to the node. The same list as long as nothing changes there. */
export const podsOn = (pods: readonly PodObject[], node: NodeObject): readonly PodObject[] =>
  byNode(pods).get(node.metadata.name) ?? NONE;

export const nodeOf = ({ spec }: PodObject, nodes: readonly NodeObject[]): NodeObject | undefined =>
  kept(nodesByName, nodes, () => new Map(nodes.map((node) => [node.metadata.name, node]))).get(spec.nodeName ?? '');

/** The pods without one of them. */
export function without(pods: readonly PodObject[], gone: PodObject): readonly PodObject[] {
  const after = pods.filter((one) => one !== gone);
  return changed(pods, after, gone, (there) => there.filter((one) => one !== gone));
}

/** The pods and one more. */
export function withOneMore(pods: readonly PodObject[], come: PodObject): readonly PodObject[] {
  return changed(pods, [...pods, come], come, (there) => [...there, come]);
}

function changed(
  before: readonly PodObject[],
  after: readonly PodObject[],
  { spec: { nodeName = '' } }: PodObject,
  change: (there: readonly PodObject[]) => readonly PodObject[],
): readonly PodObject[] {
  const known = byNode(before);
  podsByNode.set(after, new Map(known).set(nodeName, change(known.get(nodeName) ?? NONE)));
  return after;
}

const byNode = (pods: readonly PodObject[]): ByNode =>
  kept(podsByNode, pods, () => Map.groupBy(pods, ({ spec }) => spec.nodeName ?? ''));
