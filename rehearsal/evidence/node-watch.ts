import { DEFAULT_DRAIN_TAINTS } from '../../src/config/settings.ts';
import type { ApiClient, JsonObject } from '../../src/kube/client.ts';
import { isDraining } from '../../src/policy/node-state.ts';
import { reflect } from './reflection.ts';

interface NodeView {
  readonly uid: string;
  readonly name: string;
  readonly isCordoned: boolean;
  readonly isDraining: boolean;
}

/**
 * Reports each change of a node: whether it is cordoned, and whether it is a draining node, by its cordon or by a taint that
 * drainers use. Returns what stops it.
 */
export function watchNodes(
  client: ApiClient,
  onNode: (name: string, isCordoned: boolean, isDraining: boolean) => void,
): () => Promise<void> {
  const report = ({ name, isCordoned, isDraining }: NodeView) => onNode(name, isCordoned, isDraining);
  const reflector = reflect<NodeView>({
    client,
    name: 'nodes',
    path: '/api/v1/nodes',
    project: viewNode,
    replace: (nodes) => nodes.forEach(report),
    put: report,
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
