import { createHash } from 'node:crypto';
import { type ClusterView, viewCluster } from '../../../testkit/couchbase/member.ts';
import type { OperatorModel } from '../model.ts';
import { numberedAs } from './naming.ts';

const REPOSITORY = 'arangodb/kube-arangodb';
const ANNOTATIONS = `${REPOSITORY}: pkg/apis/deployment/annotations.go`;
const ROTATION = `${REPOSITORY}: pkg/deployment/reconcile/plan_builder_rotate_upgrade.go`;
const TERMINATION = `${REPOSITORY}: pkg/deployment/resources/pod_termination.go`;
const NAMES = `${REPOSITORY}: pkg/util/k8sutil/util.go`;

/** Of a pod of a dbserver: pkg/apis/deployment/v1 and the operator's own page on pods. */
const DRAIN = 'dbserver.database.arangodb.com/drain';

const indexOf = numberedAs('-dbserver-', /^-[0-9a-f]{6}$/);

/** What both do in the same way. All members are dbservers. */
const ARANGODB = {
  title: 'the dbservers of an ArangoDB deployment',
  manager: 'kube-arangodb',
  kind: { group: 'database.arangodb.com', version: 'v1', kind: 'ArangoDeployment', plural: 'arangodeployments' },
  unverified: [
    'how often it looks',
    'how long a dbserver takes to be emptied',
    'its pods belong to the ArangoDeployment',
  ],
  periodMs: 10_000,
  takesMarks: 'look',
  atOnce: 1,
  isGraceful: true,
  needsOthersReady: true,
  followsCordon: false,
  marksItself: false,
  hasBudget: true,
  outOfSync: 'shards are not in sync',
  nameOf: (cluster, index) => `${cluster.name}-dbserver-${index}-${hashOf(cluster)}`,
  indexOf,
  labels: (cluster, pod) => ({
    app: 'arangodb',
    arango_deployment: cluster,
    role: 'dbserver',
    'deployment.arangodb.com/member': `PRMR-${indexOf(cluster, pod)}`,
  }),
  order: (members) => members,
} satisfies Partial<OperatorModel>;

/** The six digits of a name: they follow from the specification of the pod, for which `spec.image` stands. */
function hashOf({ raw }: ClusterView): string {
  const { image = '' } = (raw.spec ?? {}) as { readonly image?: string };
  return createHash('sha256').update(image).digest('hex').slice(0, 6);
}

const SHARED = [
  { what: 'moves one member at a time, and none while shards are not in sync', source: ROTATION },
  { what: 'the name has a hash of the specification', source: NAMES },
];

export const ARANGODB_ROTATE: OperatorModel = {
  ...ARANGODB,
  profile: 'arangodb',
  behaviours: [
    { what: 'rotates a member whose pod has the annotation, whatever its value', source: ANNOTATIONS },
    ...SHARED,
    { what: 'the name comes back if the specification is the same, else it is a new one', source: NAMES },
    {
      what: 'on a cordoned node a dbserver without network volumes is emptied first: finalizers keep its pod for up to an hour',
      source: TERMINATION,
    },
  ],
  mark: { key: 'deployment.arangodb.com/rotate', value: '', isAny: true },
  pace: { settle: 0.5, empty: 1 },
  numbers: 'ordinal',
  finalizers: [DRAIN],
  renamedBy: { spec: { image: 'arangodb:next' } },
  view: (raw) => ({ ...viewCluster(raw), process: 'in-place' }),
  isEmptied: ({ raw }, _, isCordoned) => {
    const { networkAttachedVolumes = false } = (raw.spec ?? {}) as { readonly networkAttachedVolumes?: boolean };
    return isCordoned && !networkAttachedVolumes;
  },
};

export const ARANGODB_REPLACE: OperatorModel = {
  ...ARANGODB,
  profile: 'arangodb-replace',
  behaviours: [
    { what: 'replaces a member whose pod has the annotation, whatever its value', source: ANNOTATIONS },
    ...SHARED,
    {
      what: 'adds a new member, moves the data, and removes the old one: the name never comes back',
      source: ANNOTATIONS,
    },
  ],
  mark: { key: 'deployment.arangodb.com/replace', value: '', isAny: true },
  pace: {},
  numbers: 'counted',
  view: (raw) => ({ ...viewCluster(raw), process: 'swap' }),
};
