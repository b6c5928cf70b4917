/** Worker nodes: their manifests, and when they are usable. */
import { managedNodeLabel } from './components.ts';
import { pinnedVersion } from './go-build.ts';
import { chosenKubernetes } from './versions.ts';

/** The manifest of a worker whose kubelet KWOK simulates: 32 CPUs, 256 GiB, 500 pods, zone a, b or c in turn. */
export function workerNode(name: string, index = 0) {
  const room = { cpu: '32', memory: '256Gi', pods: '500' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        [managedNodeLabel.key]: managedNodeLabel.value,
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'topology.kubernetes.io/zone': `zone-${'abc'[index % 3]}`,
      },
    },
    status: {
      capacity: room,
      allocatable: room,
      nodeInfo: {
        architecture: 'amd64',
        operatingSystem: 'linux',
        bootID: '',
        containerRuntimeVersion: 'kwok',
        kernelVersion: '',
        kubeProxyVersion: '',
        kubeletVersion: `${pinnedVersion(`kubernetes/${chosenKubernetes()}`, 'k8s.io/kubernetes')}-kwok`,
        machineID: '',
        osImage: '',
        systemUUID: '',
      },
    },
  };
}

interface SeenNode {
  readonly metadata?: { readonly name?: string };
  readonly spec?: { readonly taints?: readonly { readonly key: string }[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** What keeps `count` nodes from being usable, by a NodeList; undefined if all are Ready and untainted. */
export function nodesNotReady(list: unknown, count: number): string | undefined {
  const nodes = (list as { items?: readonly SeenNode[] } | undefined)?.items ?? [];
  if (nodes.length < count) return `${nodes.length} of ${count} nodes are registered`;
  for (const node of nodes) {
    const name = node.metadata?.name;
    if (!node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
      return `${name} is not Ready`;
    const taints = node.spec?.taints?.map(({ key }) => key) ?? [];
    if (taints.length > 0) return `${name} has the taints ${taints.join(', ')}`;
  }
  return undefined;
}
