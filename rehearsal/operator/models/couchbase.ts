import { COUCHBASE_CLUSTER } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { couchbaseIndex, couchbaseLabels, memberName, viewCluster } from '../../../testkit/couchbase/member.ts';
import type { OperatorModel } from '../model.ts';

const PAGES = 'Couchbase Autonomous Operator 2.7 to 2.9, documentation and published source';

export const COUCHBASE: OperatorModel = {
  profile: 'couchbase',
  title: 'a Couchbase cluster',
  behaviours: [
    { what: 'moves a member whose annotation has exactly the value `true`', source: PAGES },
    { what: 'looks every 10 s', source: PAGES },
    { what: 'does nothing while `spec.paused` is true, or while a pod is Pending', source: PAGES },
    { what: 'does nothing while a rebalance is due', source: PAGES },
    { what: 'moves one at a time (`maxUpgradable`), the orchestrator last', source: PAGES },
    {
      what: 'in place: the name comes back; by a swap: a new name comes first, and no name is used twice',
      source: PAGES,
    },
    { what: 'deletes with grace 0; does not look at cordons', source: PAGES },
  ],
  unverified: [],
  manager: 'couchbase-operator',
  kind: COUCHBASE_CLUSTER,
  mark: { key: 'cao.couchbase.com/reschedule', value: 'true' },
  periodMs: 10_000,
  takesMarks: 'look',
  pace: {},
  atOnce: 1,
  numbers: 'counted',
  isGraceful: false,
  needsOthersReady: false,
  followsCordon: false,
  marksItself: false,
  hasBudget: true,
  outOfSync: 'a rebalance is due',
  pausedBy: { paused: { spec: { paused: true } }, resumed: { spec: { paused: false } } },
  view: viewCluster,
  nameOf: ({ name }, index) => memberName(name, index),
  indexOf: couchbaseIndex,
  labels: couchbaseLabels,
  // The first member stands for the orchestrator.
  order: ([orchestrator, ...others]) => (orchestrator === undefined ? [] : [...others, orchestrator]),
};
