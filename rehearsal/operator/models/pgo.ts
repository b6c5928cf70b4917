import type { JsonObject } from '../../../src/kube/client.ts';
import { type ClusterView, viewCluster } from '../../../testkit/couchbase/member.ts';
import { isProtected, type OperatorModel, type Role } from '../model.ts';
import { numberedAs } from './naming.ts';

const REPOSITORY = 'CrunchyData/postgres-operator';
const PATRONI = `${REPOSITORY}: internal/controller/postgrescluster/patroni.go`;
const ANNOTATIONS = `${REPOSITORY}: internal/naming/annotations.go`;
const LABELS = `${REPOSITORY}: internal/naming/labels.go, internal/patroni/config.go`;

const KEY = 'postgres-operator.crunchydata.com';
const SWITCHOVER = `${KEY}/trigger-switchover`;

interface Raw {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: { readonly patroni?: { readonly switchover?: { readonly enabled?: boolean } } };
  readonly status?: { readonly patroni?: { readonly switchover?: string } };
}

/** What the annotation asks for, if that was not done yet. */
function requested({ raw }: ClusterView): string | undefined {
  const { metadata, spec, status } = raw as Raw;
  const value = metadata?.annotations?.[SWITCHOVER];
  const isOpen = spec?.patroni?.switchover?.enabled === true && value !== status?.patroni?.switchover;
  return isOpen ? value : undefined;
}

const ROLE: Role = {
  label: `${KEY}/role`,
  primary: 'master',
  replica: 'replica',
  handedOver: (cluster) => ({ patroni: { switchover: requested(cluster) } }) as JsonObject,
};

export const PGO_PRIMARY: OperatorModel = {
  profile: 'pgo-primary',
  title: 'a PostgresCluster of PGO',
  behaviours: [
    {
      what: 'switches over if the annotation on the PostgresCluster has another value than `status.patroni.switchover`',
      source: PATRONI,
    },
    { what: 'does so only while `spec.patroni.switchover.enabled` is true', source: PATRONI },
    { what: 'then writes the value into `status.patroni.switchover`', source: PATRONI },
    { what: 'does not switch over with one instance alone', source: PATRONI },
    { what: 'the annotation stays where it is', source: ANNOTATIONS },
    { what: 'the pod of the primary has the label `role=master`; all have that of the cluster', source: LABELS },
    { what: 'leaves it to Patroni which replica is next, also one on a node that is drained', source: PATRONI },
  ],
  unverified: [
    'its pace',
    'replicas have `role=replica`',
    'an evicted pod comes back as a replica',
    'its budget, which here lets one pod go',
    'names and owner of its pods',
  ],
  manager: 'postgrescluster-controller',
  kind: { group: KEY, version: 'v1beta1', kind: 'PostgresCluster', plural: 'postgresclusters' },
  spec: { patroni: { switchover: { enabled: true } } },
  isAsked: (member, cluster) => requested(cluster) !== undefined && isProtected({ role: ROLE }, member),
  role: ROLE,
  periodMs: 10_000,
  takesMarks: 'look',
  pace: { prepare: 0.5, settle: 0.5 },
  atOnce: 1,
  numbers: 'ordinal',
  isGraceful: true,
  needsOthersReady: false,
  followsCordon: false,
  marksItself: false,
  hasBudget: true,
  outOfSync: 'Patroni does not switch over',
  view: (raw) => ({ ...viewCluster(raw), process: 'in-place' }),
  nameOf: ({ name }, index) => `${name}-instance${index}-0`,
  indexOf: numberedAs('-instance', /^-0$/),
  labels: (cluster, pod) => ({
    [`${KEY}/cluster`]: cluster,
    [`${KEY}/data`]: 'postgres',
    [`${KEY}/instance`]: pod.replace(/-0$/, ''),
  }),
  order: (members) => members,
};
