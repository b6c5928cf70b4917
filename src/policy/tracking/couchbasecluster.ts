import { trackingOf } from './tracking.ts';

const CLUSTER_LABEL = 'couchbase_cluster';
/** DeltaRecovery is the older name of InPlaceUpgrade; the default, SwapRebalance, never uses a name twice. */
const IN_PLACE = ['InPlaceUpgrade', 'DeltaRecovery'];
/**
 * Conditions that, while True, keep the operator from moving a member. The condition that needs a human comes first.
 */
const HINDRANCES = ['ManualInterventionRequired', 'Hibernating', 'Upgrading', 'WaitingBetweenUpgrades', 'Rebalancing'];

export const couchbaseCluster = trackingOf({
  type: 'couchbasecluster',
  resource: {
    apiVersion: 'couchbase.com/v2',
    kind: 'CouchbaseCluster',
    apiPath: '/apis/couchbase.com/v2',
    plural: 'couchbaseclusters',
    isNamespaced: true,
  },
  labelKeys: [CLUSTER_LABEL],
  nameFor(pod) {
    const name = pod.labels[CLUSTER_LABEL];
    return name === undefined || name === '' ? { missing: `the pod has no label ${CLUSTER_LABEL}` } : { name };
  },
  /** From operator 2.9 on, `spec.upgradeProcess` counts only if `spec.upgrade` is absent. */
  reusesNames(object) {
    const spec = member(object, 'spec');
    const upgrade = member(spec, 'upgrade');
    const process =
      upgrade === undefined || upgrade === null ? member(spec, 'upgradeProcess') : member(upgrade, 'upgradeProcess');
    return typeof process === 'string' && IN_PLACE.includes(process);
  },
  hindrance(object) {
    const status = member(object, 'status');
    if (member(member(object, 'spec'), 'paused') === true || member(status, 'controlPaused') === true) return 'Paused';
    const found = HINDRANCES.find((type) => hasCondition(status, type, 'True'));
    return found ?? (hasCondition(status, 'Balanced', 'False') ? 'Unbalanced' : undefined);
  },
});

function hasCondition(status: unknown, type: string, wanted: 'True' | 'False'): boolean {
  const conditions = member(status, 'conditions');
  return (
    Array.isArray(conditions) &&
    conditions.some((condition) => member(condition, 'type') === type && member(condition, 'status') === wanted)
  );
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
