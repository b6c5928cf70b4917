/**
 * The nodes on a circle, or on a path between two circles. These remain if nodes without incoming or outgoing edges are
 * removed until there are none.
 */
export function circlesIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  return [...withoutEnds(reversed(withoutEnds(graph))).keys()].sort();
}

function withoutEnds(graph: ReadonlyMap<string, readonly string[]>): Map<string, readonly string[]> {
  const left = new Map(graph);
  let size: number;
  do {
    size = left.size;
    for (const [node, edges] of left) if (!edges.some((to) => left.has(to))) left.delete(node);
  } while (left.size < size);
  return left;
}

function reversed(graph: ReadonlyMap<string, readonly string[]>): Map<string, readonly string[]> {
  const back = new Map<string, string[]>([...graph.keys()].map((node) => [node, []]));
  for (const [node, edges] of graph) for (const to of edges) back.get(to)?.push(node);
  return back;
}
