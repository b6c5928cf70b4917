import type { WrittenProfile } from './written-profile.ts';

/** The resource of Strimzi that a pod belongs to, and what it reports. */
const strimzi = (kind: string) => ({
  kind,
  resource: `${kind.toLowerCase()}s.kafka.strimzi.io`,
  label: 'strimzi.io/cluster',
  reports: [
    { at: 'metadata.annotations[strimzi.io/pause-reconciliation]', is: 'true', word: 'ReconciliationPaused' },
    { at: 'status.conditions[Ready]', is: 'False', word: 'NotReady' },
  ],
});
const STRIMZI = { annotation: 'strimzi.io/manual-rolling-update', value: 'true' };
const ARANGO = {
  kind: 'ArangoDeployment',
  resource: 'arangodeployments.database.arangodb.com',
  label: 'arango_deployment',
  reports: [
    { at: 'status.conditions[BootstrapSucceded]', is: 'False', word: 'NotBootstrapped' },
    { at: 'status.conditions[UpdateInProgress]', is: 'True', word: 'UpdateInProgress' },
  ],
};

const TIDB = {
  kind: 'TidbCluster',
  resource: 'tidbclusters.pingcap.com',
  label: 'app.kubernetes.io/instance',
  // While one component is upgraded or scaled, the others wait.
  reports: [
    { at: 'spec.paused', is: 'true', word: 'Paused' },
    ...['pd', 'tikv', 'tidb'].flatMap((component) => [
      { at: `status.${component}.phase`, is: 'Upgrade', word: 'Upgrading' },
      { at: `status.${component}.phase`, is: 'Scale', word: 'Scaling' },
    ]),
  ],
};
/** A component of a TidbCluster. The operator moves all marked pods at once, so the hook marks one after the other. */
const tidb = (component: string, annotation: string) => ({
  name: `tidb-v1-${component}`,
  selector: `app.kubernetes.io/managed-by=tidb-operator,app.kubernetes.io/name=tidb-cluster,app.kubernetes.io/component=${component}`,
  mark: { annotation: `tidb.pingcap.com/${annotation}`, value: 'delete-pod' },
  names: 'reused' as const,
  stallAfter: '30m',
  maxConcurrent: { pods: 1, by: 'app.kubernetes.io/instance' },
  hindrance: TIDB,
});

/**
 * The profiles that PROFILES may name, as PROFILES_FILE would have them. docs/operators.md has the source of each, and what
 * the operator then does.
 */
export const BUILT_IN: readonly WrittenProfile[] = [
  {
    name: 'couchbase',
    // Backup Jobs carry the label, too; rule 3 lets them go. So it is what is protected without any profile.
    selector: 'app=couchbase',
    mark: { annotation: 'cao.couchbase.com/reschedule', value: 'true' },
    names: 'byTracker',
    stallAfter: '15m',
  },
  {
    name: 'strimzi-kafka',
    selector: 'strimzi.io/kind=Kafka,strimzi.io/component-type=kafka',
    mark: STRIMZI,
    names: 'reused',
    // The operator looks every two minutes, and rolls one pod after the other.
    stallAfter: '20m',
    hindrance: strimzi('Kafka'),
    // It looks at the annotation anew each time, and begins with the deletion.
    withdraw: true,
    // It answers 500. It does not look at pods of Kafka Connect.
    conflicts: ['strimzi-drain-cleaner.strimzi.io'],
  },
  {
    name: 'strimzi-connect',
    selector: 'strimzi.io/component-type in (kafka-connect,kafka-mirror-maker-2)',
    mark: STRIMZI,
    names: 'reused',
    stallAfter: '20m',
    hindrance: [strimzi('KafkaConnect'), strimzi('KafkaMirrorMaker2')],
    withdraw: true,
  },
  tidb('tikv', 'evict-leader'),
  {
    ...tidb('pd', 'pd-transfer-leader'),
    neverAlone: true,
    warning: 'the operator never moves the only PD of a cluster',
  },
  tidb('tidb', 'tidb-graceful-shutdown'),
  {
    name: 'aerospike',
    selector: 'app=aerospike-cluster,aerospike.com/cr',
    mark: { annotation: 'aerospike.com/eviction-blocked', value: '{now}', match: 'present' },
    names: 'reused',
    stallAfter: '30m',
    hindrance: {
      kind: 'AerospikeCluster',
      resource: 'aerospikeclusters.asdb.aerospike.com',
      label: 'aerospike.com/cr',
      reports: [
        { at: 'spec.paused', is: 'true', word: 'Paused' },
        { at: 'status.phase', is: 'Error', word: 'Error' },
        { at: 'status.phase', is: 'InProgress', word: 'InProgress' },
      ],
    },
    // It answers 403.
    conflicts: ['vaerospikeeviction.kb.io'],
    warning:
      'the operator deletes the local volumes of a pod that it moves, and fills them again from other pods; its own webhook for evictions must be off (safePodEviction)',
  },
  {
    name: 'arangodb',
    selector: 'app=arangodb,arango_deployment,role in (agent,dbserver,coordinator,single)',
    mark: { annotation: 'deployment.arangodb.com/rotate', value: 'true', match: 'present' },
    // The name has a hash of the pod's specification, and stays the same for as long as that does.
    names: 'either',
    // On a cordoned node a dbserver without network volumes is emptied first; its finalizers keep it for up to an hour.
    stallAfter: '75m',
    hindrance: ARANGO,
    warning:
      'on a cordoned node the operator first moves all shards off a dbserver, unless spec.networkAttachedVolumes is true; a deployment of one single server is down meanwhile',
  },
  {
    name: 'arangodb-replace',
    selector: 'app=arangodb,arango_deployment,role in (agent,dbserver,coordinator)',
    mark: { annotation: 'deployment.arangodb.com/replace', value: 'true', match: 'present' },
    names: 'new',
    stallAfter: '75m',
    hindrance: ARANGO,
  },
  {
    name: 'vitess-tablet',
    selector: 'planetscale.com/component=vttablet',
    requires: ['drain.planetscale.com/supported'],
    mark: { annotation: 'drain.planetscale.com/started', value: 'reschedule-hook {now}', match: 'present' },
    names: 'reused',
    stallAfter: '30m',
    // It hands the primary over, and deletes nothing.
    report: { annotation: 'drain.planetscale.com/finished' },
    // That calls the preparation off.
    withdraw: true,
  },
  {
    name: 'slurm-nodeset',
    selector: 'app.kubernetes.io/name=slurmd,app.kubernetes.io/component=worker',
    mark: { annotation: 'nodeset.slinky.slurm.net/pod-cordon', value: 'true' },
    names: 'either',
    // Until the last job of the pod has ended.
    stallAfter: '24h',
    report: {
      conditions: [
        'SlurmNodeStateDrain',
        '!SlurmNodeStateUndrain',
        '!SlurmNodeStateAllocated',
        '!SlurmNodeStateMixed',
        '!SlurmNodeStateCompleting',
      ],
    },
  },
  {
    name: 'pgo-primary',
    // Replicas are left to their disruption budget, and so is a pod that is no primary any more.
    selector:
      'postgres-operator.crunchydata.com/data=postgres,postgres-operator.crunchydata.com/role in (master,primary)',
    mark: {
      on: {
        kind: 'PostgresCluster',
        resource: 'postgresclusters.postgres-operator.crunchydata.com',
        label: 'postgres-operator.crunchydata.com/cluster',
      },
      annotation: 'postgres-operator.crunchydata.com/trigger-switchover',
      value: '{uid}.{now}',
      doneAt: 'status.patroni.switchover',
      // Otherwise the annotation lies there, and acts once somebody switches that on.
      onlyIf: [
        { at: 'spec.patroni.switchover.enabled', is: 'true', word: 'SwitchoverDisabled' },
        { at: 'spec.patroni.switchover.type', isNot: 'Failover', word: 'FailoverSet' },
        { at: 'spec.patroni.switchover.targetInstance', is: null, word: 'TargetInstanceSet' },
      ],
    },
    names: 'new',
    stallAfter: '10m',
    warning: 'Patroni chooses the next primary, which may be on another node that is drained',
  },
  {
    name: 'foundationdb',
    selector: 'foundationdb.org/fdb-process-group-id',
    mark: {
      on: {
        kind: 'FoundationDBCluster',
        resource: 'foundationdbclusters.apps.foundationdb.org',
        label: 'foundationdb.org/fdb-cluster-name',
      },
      form: 'fdb-process-groups',
    },
    names: 'new',
    stallAfter: '2h',
    warning: 'the hook writes into the spec of FoundationDBClusters, and nobody takes the process groups out again',
  },
  {
    name: 'foundationdb-taints',
    selector: 'foundationdb.org/fdb-process-group-id',
    // The operator replaces what is on tainted nodes by itself.
    mark: 'none',
    names: 'new',
    stallAfter: '2h',
    warning: 'needs automationOptions.replacements.enabled and taintReplacementOptions in the FoundationDBCluster',
  },
  {
    name: 'es-operator',
    selector: 'es-operator-dataset',
    mark: { annotation: 'operator.zalando.org/draining', value: 'true', match: 'present' },
    names: 'reused',
    stallAfter: '60m',
    warning: 'the annotation is the own one of the operator, which documents it for nobody else',
  },
];
