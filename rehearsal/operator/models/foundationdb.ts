import { viewCluster } from '../../../testkit/couchbase/member.ts';
import type { OperatorModel } from '../model.ts';
import { numberedAs } from './naming.ts';

const REPOSITORY = 'FoundationDB/fdb-kubernetes-operator';
const LABELS = `${REPOSITORY}: api/v1beta2/foundationdb_labels.go`;
const TYPES = `${REPOSITORY}: api/v1beta2/foundationdbcluster_types.go`;
const PAGE = `${REPOSITORY}: docs/manual/replacements_and_deletions.md`;

const KEY = 'foundationdb.org';
const ID = `${KEY}/fdb-process-group-id`;
/** Those that nodes get from a cordon, from Karpenter, and from cluster-autoscaler. */
const TAINTS = ['node.kubernetes.io/unschedulable', 'karpenter.sh/disrupted', 'ToBeDeletedByClusterAutoscaler'];

interface Spec {
  readonly skip?: boolean;
  readonly processGroupsToRemove?: readonly string[];
  readonly automationOptions?: {
    readonly replacements?: {
      readonly enabled?: boolean;
      readonly taintReplacementOptions?: readonly { readonly key: string }[];
    };
  };
}

const specOf = ({ raw }: { readonly raw: { readonly spec?: unknown } }) => (raw.spec ?? {}) as Spec;
const processGroup = (index: number | undefined) => `storage-${index}`;
const indexOf = numberedAs('-storage-');

/** What both do in the same way. All members are storage processes. */
const FDB = {
  title: 'the storage processes of a FoundationDB cluster',
  manager: 'fdb-kubernetes-operator',
  kind: {
    group: 'apps.foundationdb.org',
    version: 'v1beta2',
    kind: 'FoundationDBCluster',
    plural: 'foundationdbclusters',
  },
  periodMs: 10_000,
  takesMarks: 'look',
  atOnce: 1,
  numbers: 'counted',
  isGraceful: true,
  needsOthersReady: false,
  followsCordon: false,
  marksItself: false,
  hasBudget: false,
  outOfSync: 'no more replacements may go on',
  pausedBy: { paused: { spec: { skip: true } }, resumed: { spec: { skip: false } } },
  view: (raw) => ({ ...viewCluster(raw), process: 'swap', paused: specOf({ raw }).skip === true }),
  nameOf: ({ name }, index) => `${name}-${processGroup(index)}`,
  indexOf,
  labels: (cluster, pod) => ({
    [`${KEY}/fdb-cluster-name`]: cluster,
    [`${KEY}/fdb-process-class`]: 'storage',
    [ID]: processGroup(indexOf(cluster, pod)),
  }),
  order: (members) => members,
} satisfies Partial<OperatorModel>;

const SHARED = [
  { what: 'makes the replacement first, under a new name, then moves the data and removes the old pod', source: TYPES },
  { what: 'its pods have the labels of the cluster, the process class and the process group', source: LABELS },
];

const UNVERIFIED = [
  'its pace; how many go at once',
  'waits while `spec.skip` is true',
  "deletes with the pod's own grace",
  'names and owner of its pods',
];

export const FOUNDATIONDB: OperatorModel = {
  ...FDB,
  profile: 'foundationdb',
  behaviours: [
    { what: 'replaces the process groups in `spec.processGroupsToRemove`', source: TYPES },
    { what: 'leaves them in that list', source: TYPES },
    ...SHARED,
  ],
  unverified: UNVERIFIED,
  isAsked: ({ labels }, cluster) => specOf(cluster).processGroupsToRemove?.includes(labels[ID] ?? '') === true,
  pace: {},
};

export const FOUNDATIONDB_TAINTS: OperatorModel = {
  ...FDB,
  profile: 'foundationdb-taints',
  behaviours: [
    {
      what: 'with `automationOptions.replacements.enabled`, replaces what is on nodes with a taint of `taintReplacementOptions`',
      source: PAGE,
    },
    { what: 'does so only after the taint has been there for a while', source: PAGE },
    ...SHARED,
  ],
  unverified: [...UNVERIFIED, 'several taints at once'],
  spec: {
    automationOptions: {
      replacements: {
        enabled: true,
        taintReplacementOptions: TAINTS.map((key) => ({ key, durationInSeconds: 60 })),
      },
    },
  },
  followsTaints: (cluster) => {
    const { enabled = false, taintReplacementOptions = [] } = specOf(cluster).automationOptions?.replacements ?? {};
    return enabled ? taintReplacementOptions.map(({ key }) => key) : [];
  },
  pace: { notice: 1 },
};
