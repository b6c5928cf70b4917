import { viewCluster } from '../../../testkit/couchbase/member.ts';
import type { OperatorModel, Progress } from '../model.ts';
import { numberedAs } from './naming.ts';

const REPOSITORY = 'planetscale/vitess-operator';
const DRAIN = `${REPOSITORY}: pkg/operator/drain/drain.go`;
const REPLICATION = `${REPOSITORY}: pkg/controller/vitessshardreplication/reconcile_drain.go`;
const LABELS = `${REPOSITORY}: pkg/apis/planetscale/v2/labels.go`;

const KEY = 'drain.planetscale.com';
const SUPPORTED = `${KEY}/supported`;
const STARTED = `${KEY}/started`;
const ACKNOWLEDGED = `${KEY}/acknowledged`;
const FINISHED = `${KEY}/finished`;

const WRITTEN: Readonly<Record<Progress, Record<string, string | null>>> = {
  none: { [ACKNOWLEDGED]: null, [FINISHED]: null },
  begun: { [ACKNOWLEDGED]: 'true' },
  done: { [ACKNOWLEDGED]: 'true', [FINISHED]: 'true' },
};

export const VITESS_TABLET: OperatorModel = {
  profile: 'vitess-tablet',
  title: 'the tablets of a Vitess shard',
  behaviours: [
    {
      what: 'takes a tablet that has `drain.planetscale.com/started`, whatever its value, and `drain.planetscale.com/supported`',
      source: DRAIN,
    },
    {
      what: 'writes `drain.planetscale.com/acknowledged`, moves the primary on, then writes `drain.planetscale.com/finished`',
      source: REPLICATION,
    },
    { what: 'has one tablet of a shard finished at a time', source: REPLICATION },
    { what: 'finishes none while another tablet is not available, or the shard has no primary', source: REPLICATION },
    { what: 'takes its annotations away when `drain.planetscale.com/started` goes', source: REPLICATION },
    {
      what: 'deletes no tablet; once it is evicted, its name comes back with `drain.planetscale.com/supported` alone',
      source: REPLICATION,
    },
    { what: 'its pods have the label of the component', source: LABELS },
  ],
  unverified: [
    'how often it looks, and how long a tablet takes',
    'the values of its annotations, and the names of its pods',
    'its pods belong to the VitessShard',
  ],
  manager: 'vitess-operator',
  kind: { group: 'planetscale.com', version: 'v2', kind: 'VitessShard', plural: 'vitessshards' },
  annotations: { [SUPPORTED]: 'true' },
  mark: { key: STARTED, value: '', isAny: true },
  isAsked: ({ annotations }) => annotations[STARTED] !== undefined && annotations[SUPPORTED] !== undefined,
  reports: {
    read: ({ annotations }) => {
      if (annotations[FINISHED] !== undefined) return 'done';
      return annotations[ACKNOWLEDGED] === undefined ? 'none' : 'begun';
    },
    write: (progress) => ({ annotations: WRITTEN[progress] }),
  },
  periodMs: 10_000,
  takesMarks: 'look',
  pace: { prepare: 1, settle: 0.5 },
  atOnce: 1,
  numbers: 'ordinal',
  isGraceful: true,
  needsOthersReady: true,
  followsCordon: false,
  marksItself: false,
  hasBudget: false,
  outOfSync: 'the shard has no primary',
  view: (raw) => ({ ...viewCluster(raw), process: 'in-place' }),
  nameOf: ({ name }, index) => `${name}-vttablet-zone1-${index}`,
  indexOf: numberedAs('-vttablet-zone1-'),
  labels: (cluster) => ({ 'planetscale.com/component': 'vttablet', 'planetscale.com/cluster': cluster }),
  order: (members) => members,
};
