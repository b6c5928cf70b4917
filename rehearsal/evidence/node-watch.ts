import { systemClock } from '../../src/async/system-clock.ts';
import { DEFAULT_DRAIN_TAINTS } from '../../src/config/settings.ts';
import { createListWatch } from '../../src/informer/list-watch.ts';
import { Reflector, wholeList } from '../../src/informer/reflector.ts';
import type { ApiClient, JsonObject } from '../../src/kube/client.ts';
import { isDraining } from '../../src/policy/node-state.ts';

interface NodeView {
  readonly uid: string;
  readonly name: string;
  readonly isCordoned: boolean;
  readonly isDraining: boolean;
}

/**
 * Tells of every node whether it is cordoned, and whether it is drained at all, by its cordon or by one of the taints that
 * drainers use, whenever the API server says something about it. Resolves to what stops it.
 */
export function watchNodes(
  client: ApiClient,
  onNode: (name: string, isCordoned: boolean, isDraining: boolean) => void,
): () => Promise<void> {
  const tell = ({ name, isCordoned, isDraining }: NodeView) => onNode(name, isCordoned, isDraining);
  const reflector = new Reflector<NodeView>({
    name: 'nodes',
    listWatch: createListWatch(client, '/api/v1/nodes'),
    project: viewNode,
    sink: { put: tell, remove: () => undefined, beginList: () => wholeList((nodes) => nodes.forEach(tell)) },
    clock: systemClock,
    random: Math.random,
    log: () => undefined,
  });
  reflector.start();
  return () => reflector.stop();
}

function viewNode(object: JsonObject): NodeView {
  const { metadata, spec } = object as {
    metadata?: { uid?: string; name?: string; resourceVersion?: string; deletionTimestamp?: string };
    spec?: { unschedulable?: boolean; taints?: readonly { readonly key: string }[] };
  };
  const { uid = '', name = '', resourceVersion = '', deletionTimestamp } = metadata ?? {};
  const isCordoned = spec?.unschedulable === true;
  const taints = spec?.taints?.map(({ key }) => key) ?? [];
  const node = { name, resourceVersion, unschedulable: isCordoned, taints, deleting: deletionTimestamp !== undefined };
  return { uid, name, isCordoned, isDraining: isDraining(node, DEFAULT_DRAIN_TAINTS) };
}
