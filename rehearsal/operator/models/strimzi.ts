import { viewCluster } from '../../../testkit/couchbase/member.ts';
import type { Annotation, OperatorModel } from '../model.ts';
import { numberedAs } from './naming.ts';

const REPOSITORY = 'strimzi/strimzi-kafka-operator';
const ROLLER = `${REPOSITORY}: cluster-operator/.../resource/KafkaRoller.java`;
const RECONCILER = `${REPOSITORY}: cluster-operator/.../assembly/KafkaReconciler.java`;
const CONFIG = `${REPOSITORY}: cluster-operator/.../ClusterOperatorConfig.java`;
const CONNECT_OPERATOR = `${REPOSITORY}: cluster-operator/.../assembly/AbstractConnectOperator.java`;
const ANNOTATIONS = `${REPOSITORY}: api/.../ResourceAnnotations.java`;
const LABELS = `${REPOSITORY}: operator-common/.../model/Labels.java`;

const GROUP = { group: 'kafka.strimzi.io', version: 'v1beta2' };
const POD_SET = { group: 'core.strimzi.io', version: 'v1beta2', kind: 'StrimziPodSet', plural: 'strimzipodsets' };
const MARK: Annotation = { key: 'strimzi.io/manual-rolling-update', value: 'true' };
const PAUSE = 'strimzi.io/pause-reconciliation';

/** What both do in the same way. */
const STRIMZI = {
  manager: 'strimzi-cluster-operator',
  ownerKind: POD_SET,
  mark: MARK,
  periodMs: 120_000,
  takesMarks: 'period',
  pace: { settle: 0.5 },
  atOnce: 1,
  numbers: 'ordinal',
  isGraceful: true,
  followsCordon: false,
  marksItself: false,
  pausedBy: {
    paused: { metadata: { annotations: { [PAUSE]: 'true' } } },
    resumed: { metadata: { annotations: { [PAUSE]: null } } },
  },
  view: (raw) => {
    const { annotations = {} } = (raw.metadata ?? {}) as { readonly annotations?: Record<string, string> };
    return { ...viewCluster(raw), process: 'in-place', paused: annotations[PAUSE] === 'true' };
  },
  statusOf: ({ isPaused }) => (isPaused ? { conditions: [{ type: 'ReconciliationPaused', status: 'True' }] } : {}),
} satisfies Partial<OperatorModel>;

const SHARED = [
  { what: 'reads the annotation only at its next look, every 120 s; the annotation triggers none', source: CONFIG },
  { what: 'does nothing while its resource has `strimzi.io/pause-reconciliation: "true"`', source: ANNOTATIONS },
  { what: 'its pods belong to a StrimziPodSet', source: LABELS },
];

export const STRIMZI_KAFKA: OperatorModel = {
  ...STRIMZI,
  profile: 'strimzi-kafka',
  title: 'a Kafka cluster of Strimzi',
  kind: { ...GROUP, kind: 'Kafka', plural: 'kafkas' },
  behaviours: [
    { what: 'rolls a pod whose annotation has exactly the value `true`', source: RECONCILER },
    ...SHARED,
    { what: 'does not go on while a pod of the cluster is stuck', source: ROLLER },
    { what: "deletes with the pod's own grace; the name comes back without the annotation", source: ROLLER },
    { what: 'does not look at cordons', source: ROLLER },
    { what: 'rolls one after the other: those that are not Ready first, the active controller last', source: ROLLER },
    { what: 'rolls a pod only if in-sync replicas and quorum allow it', source: ROLLER },
  ],
  unverified: ['how long a roll takes'],
  needsOthersReady: true,
  hasBudget: true,
  outOfSync: 'replicas are not in sync',
  nameOf: ({ name }, index) => `${name}-pool-${index}`,
  indexOf: numberedAs('-pool-'),
  labels: (cluster, pod) => ({
    'strimzi.io/kind': 'Kafka',
    'strimzi.io/component-type': 'kafka',
    'strimzi.io/cluster': cluster,
    'strimzi.io/name': `${cluster}-kafka`,
    'strimzi.io/pool-name': 'pool',
    'strimzi.io/broker-role': 'true',
    'strimzi.io/controller-role': String(pod === `${cluster}-pool-0`),
  }),
  // The first member stands for the active controller.
  order: (members) => {
    const [controller, ...brokers] = members;
    const last = controller === undefined ? [] : [...brokers, controller];
    return [...last.filter(({ ready }) => !ready), ...last.filter(({ ready }) => ready)];
  },
};

export const STRIMZI_CONNECT: OperatorModel = {
  ...STRIMZI,
  profile: 'strimzi-connect',
  title: 'a Kafka Connect cluster of Strimzi',
  kind: { ...GROUP, kind: 'KafkaConnect', plural: 'kafkaconnects' },
  behaviours: [
    { what: 'rolls a pod whose annotation has exactly the value `true`, under its name', source: CONNECT_OPERATOR },
    ...SHARED,
  ],
  unverified: ['rolls one pod at a time, and waits for a stuck one', "deletes with the pod's own grace"],
  needsOthersReady: false,
  hasBudget: false,
  outOfSync: 'the reconciliation fails',
  nameOf: ({ name }, index) => `${name}-connect-${index}`,
  indexOf: numberedAs('-connect-'),
  labels: (cluster) => ({
    'strimzi.io/kind': 'KafkaConnect',
    'strimzi.io/component-type': 'kafka-connect',
    'strimzi.io/cluster': cluster,
    'strimzi.io/name': `${cluster}-connect`,
  }),
  order: (members) => members,
};
