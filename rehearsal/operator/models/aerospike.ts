import { viewCluster } from '../../../testkit/couchbase/member.ts';
import type { OperatorModel } from '../model.ts';
import { numberedAs } from './naming.ts';

const REPOSITORY = 'aerospike/aerospike-kubernetes-operator 4.2';
const POD = `${REPOSITORY}: internal/controller/cluster/pod.go`;
const CONTROLLER = `${REPOSITORY}: internal/controller/cluster/aerospikecluster_controller.go`;

export const AEROSPIKE: OperatorModel = {
  profile: 'aerospike',
  title: 'an Aerospike cluster',
  behaviours: [
    { what: 'moves a pod that has the annotation, whatever its value', source: `${REPOSITORY}: api/v1/utils.go` },
    { what: 'looks at once when the annotation is added', source: CONTROLLER },
    { what: 'does nothing while `spec.paused` is true', source: `${REPOSITORY}: spec.paused of AerospikeCluster` },
    { what: 'quiesces the node and waits for migrations before it deletes the pod', source: POD },
    {
      what: 'the name comes back without the annotation; local volumes are deleted, network volumes kept',
      source: POD,
    },
  ],
  unverified: ['moves one pod at a time', 'how long migrations take', 'its pods belong to the AerospikeCluster'],
  manager: 'aerospike-operator',
  kind: { group: 'asdb.aerospike.com', version: 'v1', kind: 'AerospikeCluster', plural: 'aerospikeclusters' },
  mark: { key: 'aerospike.com/eviction-blocked', value: '', isAny: true },
  periodMs: 10_000,
  takesMarks: 'mark',
  pace: { prepare: 0.5, settle: 0.5 },
  atOnce: 1,
  numbers: 'ordinal',
  isGraceful: true,
  needsOthersReady: false,
  followsCordon: false,
  marksItself: false,
  hasBudget: true,
  outOfSync: 'migrations go on',
  loses: 'local volumes deleted',
  pausedBy: { paused: { spec: { paused: true } }, resumed: { spec: { paused: false } } },
  view: (raw) => ({ ...viewCluster(raw), process: 'in-place' }),
  nameOf: ({ name }, index) => `${name}-0-${index}`,
  indexOf: numberedAs('-0-'),
  labels: (cluster) => ({ app: 'aerospike-cluster', 'aerospike.com/cr': cluster }),
  order: (members) => members,
  statusOf: ({ isMoving }) => ({ phase: isMoving ? 'InProgress' : 'Completed' }),
};
