import { createListWatch } from '../cache/list-watch.ts';
import { Reflector, wholeList } from '../cache/reflector.ts';
import type { ApiClient, JsonObject } from '../kube/client.ts';

interface NodeView {
  readonly uid: string;
  readonly name: string;
  readonly isCordoned: boolean;
}

/** Tells of every node whether it is cordoned, whenever the API server says something about it. Resolves to what stops it. */
export function watchNodes(
  client: ApiClient,
  onNode: (name: string, isCordoned: boolean) => void,
): () => Promise<void> {
  const tell = ({ name, isCordoned }: NodeView) => onNode(name, isCordoned);
  const reflector = new Reflector<NodeView>({
    name: 'nodes',
    listWatch: createListWatch(client, '/api/v1/nodes'),
    project: viewNode,
    sink: { put: tell, remove: () => undefined, beginList: () => wholeList((nodes) => nodes.forEach(tell)) },
    monotonicNow: () => performance.now(),
    random: Math.random,
    log: () => undefined,
  });
  reflector.start();
  return () => reflector.stop();
}

function viewNode(object: JsonObject): NodeView {
  const { metadata, spec } = object as {
    metadata?: { uid?: string; name?: string };
    spec?: { unschedulable?: boolean };
  };
  return { uid: metadata?.uid ?? '', name: metadata?.name ?? '', isCordoned: spec?.unschedulable === true };
}
