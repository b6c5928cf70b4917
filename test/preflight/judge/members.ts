import type { ApiClient } from '../../../src/kube/client.ts';
import type { PodManifest } from '../../../testkit/couchbase/member.ts';
import { CLUSTER, COMPANION, CORDON, DISKS, firstNode, HOSTNAME, needsDisk, otherNode } from './names.ts';
import type { Recipe } from './recipe.ts';

const FINALIZER = 'test.example.com/keep';

interface AntiAffinity {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly object[];
}

interface MemberSpec {
  readonly containers: readonly object[];
  readonly affinity: { readonly podAntiAffinity: AntiAffinity };
}

/** What the operator puts into the pods of its members. */
export function memberOf(recipe: Recipe, pod: PodManifest): PodManifest {
  const { operator, memberCpu, hindrance, name } = recipe;
  const spec = pod.spec as unknown as MemberSpec;
  const requests = { cpu: `${memberCpu}m`, ...(needsDisk(recipe) ? { [DISKS]: '1' } : {}) };
  // Of an extended resource the API server wants a limit, too.
  const limits = needsDisk(recipe) ? { [DISKS]: '1' } : {};
  const containers = spec.containers.map((one) => ({ ...one, resources: { requests, limits } }));
  const base = { ...spec, containers, nodeSelector: { pool: name } };
  const finalizers = hindrance === 'terminating' ? { finalizers: [FINALIZER] } : {};
  const metadata = { ...pod.metadata, ...finalizers };
  if (operator !== 'couchbase') return { ...pod, metadata, spec: base };
  const claim = claimOf(recipe, String(pod.metadata.name));
  return {
    ...pod,
    metadata,
    spec: {
      ...base,
      nodeSelector: { pool: name, disk: 'ssd' },
      affinity: affinityOf(recipe, spec.affinity.podAntiAffinity),
      ...spreadOf(recipe),
      ...tolerationsOf(recipe),
      ...(claim === undefined ? {} : { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }] }),
    },
  };
}

const onTierA = {
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'tier', operator: 'In', values: ['a'] }] }],
  },
};
const notBesideNoise = { labelSelector: { matchLabels: { noise: 'true' } }, topologyKey: HOSTNAME };
const besideCompanion = { labelSelector: { matchLabels: COMPANION }, topologyKey: HOSTNAME };

function affinityOf({ limit }: Recipe, apart: AntiAffinity): object {
  const { requiredDuringSchedulingIgnoredDuringExecution: required = [] } = apart;
  const podAntiAffinity = {
    ...apart,
    requiredDuringSchedulingIgnoredDuringExecution: [...required, notBesideNoise],
  };
  const podAffinity = { requiredDuringSchedulingIgnoredDuringExecution: [besideCompanion] };
  return { nodeAffinity: onTierA, podAntiAffinity, ...(limit === 'beside' ? { podAffinity } : {}) };
}

function spreadOf({ spread }: Recipe): object {
  if (spread === undefined) return {};
  const { by: topologyKey, maxSkew, nodeTaintsPolicy } = spread;
  const labelSelector = { matchLabels: { couchbase_cluster: CLUSTER } };
  const constraint = { topologyKey, maxSkew, nodeTaintsPolicy, labelSelector, whenUnsatisfiable: 'DoNotSchedule' };
  return { topologySpreadConstraints: [constraint] };
}

function tolerationsOf({ hindrance, limit, decoys }: Recipe): object {
  const tolerated = decoys.includes('tolerated-taint') ? [{ key: 'tolerated', operator: 'Exists' }] : [];
  const cordon = { key: CORDON, operator: 'Exists', effect: 'NoSchedule' };
  return { tolerations: hindrance === 'tolerates-cordon' || limit === 'cordon' ? [...tolerated, cordon] : tolerated };
}

const usesVolumes = ({ hindrance, decoys }: Recipe) =>
  hindrance === 'local-volume' || decoys.includes('volume-of-two-nodes') || decoys.includes('volume-of-old-name');

/** A pod with a new name brings a volume of its own, which can be anywhere. */
function claimOf(recipe: Recipe, pod: string): string | undefined {
  const isFirst = Number(pod.slice(-4)) < recipe.members;
  return usesVolumes(recipe) && isFirst ? `data-${pod}` : undefined;
}

export async function makeVolumes(client: ApiClient, recipe: Recipe): Promise<void> {
  if (!usesVolumes(recipe)) return;
  const { name: namespace, members, others, decoys } = recipe;
  const isOfTwo = decoys.includes('volume-of-two-nodes');
  const free = others.findIndex(({ block }) => block === undefined);
  const nodes = isOfTwo && free >= 0 ? [firstNode(recipe), otherNode(recipe, free)] : [firstNode(recipe)];
  for (let i = 0; i < members; i++) {
    const claim = `data-${CLUSTER}-000${i}`;
    const volume = `${namespace}-${i}`;
    const size = { storage: '1Gi' };
    const terms = [{ matchExpressions: [{ key: HOSTNAME, operator: 'In', values: nodes }] }];
    await client.json({
      method: 'POST',
      path: '/api/v1/persistentvolumes',
      body: {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: volume },
        spec: {
          capacity: size,
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'local',
          local: { path: '/data' },
          claimRef: { namespace, name: claim },
          nodeAffinity: { required: { nodeSelectorTerms: terms } },
        },
      },
    });
    await client.json({
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/persistentvolumeclaims`,
      body: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name: claim },
        spec: {
          accessModes: ['ReadWriteOnce'],
          storageClassName: 'local',
          volumeName: volume,
          resources: { requests: size },
        },
      },
    });
  }
}
