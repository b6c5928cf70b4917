import { viewCluster } from '../../../testkit/couchbase/member.ts';
import type { Behaviour, OperatorModel } from '../model.ts';
import { numberedAs } from './naming.ts';

const REPOSITORY = 'pingcap/tidb-operator v1.6.6';
const LABELS = `${REPOSITORY}: pkg/apis/label/label.go`;
const TYPES = `${REPOSITORY}: pkg/apis/pingcap/v1alpha1/types.go`;
const POD_CONTROL = `${REPOSITORY}: pkg/controller/tidbcluster/pod_control.go`;
const PD_API = `${REPOSITORY}: pkg/pdapi/pdutil.go`;

/** Every marked pod. */
const ALL = 100;

interface Component {
  readonly component: 'tikv' | 'pd' | 'tidb';
  readonly annotation: string;
  readonly title: string;
  readonly needsOthersReady: boolean;
  readonly outOfSync: string;
  readonly own: readonly Behaviour[];
}

function modelOf({ component, annotation, title, needsOthersReady, outOfSync, own }: Component): OperatorModel {
  return {
    profile: `tidb-v1-${component}`,
    title,
    behaviours: [
      { what: 'takes a pod whose annotation has exactly the value `delete-pod`', source: TYPES },
      ...own,
      { what: 'deletes the pod; the name comes back without the annotation', source: POD_CONTROL },
      { what: 'takes every marked pod, however many they are', source: POD_CONTROL },
      { what: 'its pods have the labels of their component and of their cluster', source: LABELS },
    ],
    unverified: [
      'looks once a period',
      'does nothing while `spec.paused` is true',
      'its pods belong to the TidbCluster',
      "deletes with the pod's own grace",
    ],
    manager: 'tidb-controller-manager',
    kind: { group: 'pingcap.com', version: 'v1alpha1', kind: 'TidbCluster', plural: 'tidbclusters' },
    mark: { key: `tidb.pingcap.com/${annotation}`, value: 'delete-pod' },
    periodMs: 30_000,
    takesMarks: 'period',
    pace: { settle: 0.5 },
    atOnce: ALL,
    heldTo: 1,
    numbers: 'ordinal',
    isGraceful: true,
    needsOthersReady,
    followsCordon: false,
    marksItself: false,
    hasBudget: false,
    outOfSync,
    pausedBy: { paused: { spec: { paused: true } }, resumed: { spec: { paused: false } } },
    view: (raw) => ({ ...viewCluster(raw), process: 'in-place' }),
    nameOf: ({ name }, index) => `${name}-${component}-${index}`,
    indexOf: numberedAs(`-${component}-`),
    labels: (cluster) => ({
      'app.kubernetes.io/managed-by': 'tidb-operator',
      'app.kubernetes.io/name': 'tidb-cluster',
      'app.kubernetes.io/component': component,
      'app.kubernetes.io/instance': cluster,
    }),
    order: (members) => members,
  };
}

export const TIDB_TIKV = modelOf({
  component: 'tikv',
  annotation: 'evict-leader',
  title: 'the TiKV stores of a TidbCluster',
  needsOthersReady: true,
  outOfSync: 'a store is not Up',
  own: [
    { what: 'moves the leaders off the store first', source: POD_CONTROL },
    { what: 'does not begin while another store is not Up', source: PD_API },
  ],
});

export const TIDB_PD = modelOf({
  component: 'pd',
  annotation: 'pd-transfer-leader',
  title: 'the PD members of a TidbCluster',
  needsOthersReady: true,
  outOfSync: 'PD is not healthy',
  own: [{ what: 'moves the leadership on, and does not begin while PD is not healthy', source: POD_CONTROL }],
});

export const TIDB_TIDB = modelOf({
  component: 'tidb',
  annotation: 'tidb-graceful-shutdown',
  title: 'the TiDB servers of a TidbCluster',
  needsOthersReady: false,
  outOfSync: 'the cluster is upgraded or scaled',
  own: [],
});
