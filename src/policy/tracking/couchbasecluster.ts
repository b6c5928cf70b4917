import { type HindranceReport, wordFor } from '../profiles/hindrance.ts';
import { trackingOf } from './tracking.ts';

const CLUSTER_LABEL = 'couchbase_cluster';
/** DeltaRecovery is the older name of InPlaceUpgrade; the default, SwapRebalance, never uses a name twice. */
const IN_PLACE = ['InPlaceUpgrade', 'DeltaRecovery'];
const isTrue = (type: string): HindranceReport => ({ path: ['status', 'conditions', type], is: 'True', word: type });
/** What keeps the operator from moving a member. The condition that needs a human comes first. */
const HINDRANCES: readonly HindranceReport[] = [
  { path: ['spec', 'paused'], is: 'true', word: 'Paused' },
  { path: ['status', 'controlPaused'], is: 'true', word: 'Paused' },
  ...['ManualInterventionRequired', 'Hibernating', 'Upgrading', 'WaitingBetweenUpgrades', 'Rebalancing'].map(isTrue),
  { path: ['status', 'conditions', 'Balanced'], is: 'False', word: 'Unbalanced' },
];

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
  hindrance: (object) => wordFor(object, HINDRANCES),
});

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
