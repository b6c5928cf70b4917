import { viewCluster } from '../../../testkit/couchbase/member.ts';
import type { OperatorModel, Progress } from '../model.ts';
import { numberedAs } from './naming.ts';

const PAGE = 'SlinkyProject/slurm-operator: documentation of the NodeSet controller';
const LABELS = 'an end-to-end test of NVIDIA with slurm-operator 1.2.0';

const [DRAIN, COMPLETING] = ['SlurmNodeStateDrain', 'SlurmNodeStateCompleting'];

const WRITTEN: Readonly<Record<Progress, Record<string, 'True' | 'False'>>> = {
  none: { [DRAIN]: 'False', [COMPLETING]: 'False' },
  begun: { [DRAIN]: 'True', [COMPLETING]: 'True' },
  done: { [DRAIN]: 'True', [COMPLETING]: 'False' },
};

export const SLURM_NODESET: OperatorModel = {
  profile: 'slurm-nodeset',
  title: 'a NodeSet of Slurm',
  behaviours: [
    { what: 'drains the Slurm node of a pod whose annotation has exactly the value `true`', source: PAGE },
    { what: 'writes the annotation itself when the node of a pod is cordoned', source: PAGE },
    { what: 'reports by conditions: `SlurmNodeStateDrain`, and none of those of a node that has work', source: PAGE },
    { what: 'its pods have the labels of slurmd', source: LABELS },
  ],
  unverified: [
    'its pace',
    'it prepares all at once, and deletes none',
    'the conditions once the annotation has gone',
    'an evicted pod comes back',
    'names and owner of its pods',
  ],
  manager: 'slurm-operator',
  kind: { group: 'slinky.slurm.net', version: 'v1beta1', kind: 'NodeSet', plural: 'nodesets' },
  mark: { key: 'nodeset.slinky.slurm.net/pod-cordon', value: 'true' },
  reports: {
    read: ({ conditions }) => {
      if (!conditions.includes(DRAIN)) return 'none';
      return conditions.includes(COMPLETING) ? 'begun' : 'done';
    },
    write: (progress) => ({ conditions: WRITTEN[progress] }),
  },
  periodMs: 10_000,
  takesMarks: 'look',
  pace: { prepare: 1, settle: 0.5 },
  atOnce: Number.POSITIVE_INFINITY,
  numbers: 'ordinal',
  isGraceful: true,
  needsOthersReady: false,
  followsCordon: true,
  marksItself: true,
  hasBudget: false,
  outOfSync: 'a job runs',
  view: (raw) => ({ ...viewCluster(raw), process: 'in-place' }),
  nameOf: ({ name }, index) => `${name}-slurmd-${index}`,
  indexOf: numberedAs('-slurmd-'),
  labels: (cluster) => ({
    'app.kubernetes.io/name': 'slurmd',
    'app.kubernetes.io/component': 'worker',
    'app.kubernetes.io/instance': cluster,
  }),
  order: (members) => members,
};
