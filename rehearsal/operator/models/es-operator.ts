import { viewCluster } from '../../../testkit/couchbase/member.ts';
import type { OperatorModel } from '../model.ts';
import { numberedAs } from './naming.ts';

const OPERATOR = 'zalando-incubator/es-operator: operator/operator.go';
const DATA_SET = 'zalando-incubator/es-operator: operator/elasticsearch.go';

export const ES_OPERATOR: OperatorModel = {
  profile: 'es-operator',
  title: 'an Elasticsearch data set of es-operator',
  behaviours: [
    { what: 'takes a pod that has the annotation, whatever its value, before any other', source: OPERATOR },
    {
      what: 'then takes a pod on a cordoned node, without the annotation, and writes the annotation',
      source: OPERATOR,
    },
    { what: 'adds one pod before the first move, and waits until all are Ready', source: OPERATOR },
    { what: "drains the shards, then deletes with the pod's own grace; the name comes back", source: OPERATOR },
    { what: 'removes the additional pod when there is nothing left to move', source: OPERATOR },
    { what: 'all pods of a data set hold data', source: DATA_SET },
  ],
  unverified: [
    'how often it looks',
    'a disruption budget, which the model does not make',
    'its pods belong to the data set',
  ],
  manager: 'es-operator',
  kind: { group: 'zalando.org', version: 'v1', kind: 'ElasticsearchDataSet', plural: 'elasticsearchdatasets' },
  mark: { key: 'operator.zalando.org/draining', value: '', isAny: true },
  periodMs: 10_000,
  takesMarks: 'look',
  pace: { prepare: 1, settle: 0.5 },
  atOnce: 1,
  numbers: 'ordinal',
  isGraceful: true,
  needsOthersReady: true,
  followsCordon: true,
  marksItself: true,
  hasBudget: false,
  outOfSync: 'the set is not stable',
  view: (raw) => ({ ...viewCluster(raw), process: 'surge' }),
  nameOf: ({ name }, index) => `${name}-${index}`,
  indexOf: numberedAs('-'),
  labels: (cluster) => ({ 'es-operator-dataset': cluster }),
  order: (members) => members,
};
