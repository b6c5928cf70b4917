import type { Json } from '../storage/object.ts';

const ZONES = ['zone-a', 'zone-b', 'zone-c'];

/** A worker like those of the real control plane (testkit/control-plane/nodes.ts): 500 pods, zone a, b or c in turn. */
export function workerNode(name: string, index = 0): Json {
  const room = { cpu: '32', memory: '256Gi', pods: '500' };
  const labels = {
    type: 'kwok',
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
    'topology.kubernetes.io/zone': ZONES[index % ZONES.length],
  };
  const nodeInfo = {
    architecture: 'amd64',
    operatingSystem: 'linux',
    containerRuntimeVersion: 'embedded',
    kubeletVersion: 'v1.36.3-embedded',
    kernelVersion: '',
    osImage: '',
  };
  return { metadata: { name, labels }, status: { capacity: room, allocatable: room, nodeInfo } };
}
