import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DrainerModel, Limit, Meaning } from '../../../rehearsal/drainers/model.ts';
import { DRAINERS } from '../../../rehearsal/drainers/models/index.ts';
import { pauseOf } from '../../drainers/subject.ts';

const MINUTE = 60_000;
const [GONE, AGAIN, FAILS, ABORTS] = ['gone', 'again', 'fails', 'aborts'] as const satisfies readonly Meaning[];
const V1 = 'policy/v1';
const BETA = 'policy/v1beta1';

interface Fact {
  readonly name: string;
  readonly marks: readonly string[];
  /** The longest pause between two requests, in ms. */
  readonly pauseMs: number;
  readonly body: string;
  /** What 404, 429 and 500 mean. */
  readonly answers: readonly [Meaning, Meaning, Meaning];
  /** After so long, and then what. */
  readonly limit?: readonly [number, Limit['atEnd']];
}

const TRUSTS = [GONE, AGAIN, FAILS] as const;
const INSISTS = [GONE, AGAIN, AGAIN] as const;
const ENDS = [GONE, AGAIN, ABORTS] as const;
const IN_NEXT_CYCLE = [AGAIN, AGAIN, AGAIN] as const;
const library = { marks: ['cordon'], pauseMs: 5_000, body: V1, answers: TRUSTS };
const clusterApi = { marks: ['cordon'], pauseMs: 20_000, body: V1, answers: INSISTS };
const karpenter = {
  marks: ['karpenter.sh/disrupted'],
  pauseMs: 1_000,
  body: `${V1} UID, no namespace`,
  answers: INSISTS,
};
const scaler = { pauseMs: 10_000, body: BETA, answers: INSISTS, limit: [2 * MINUTE, 'fails'] as const };
const eks = { marks: ['eks.amazonaws.com/nodegroup=unschedulable'], pauseMs: 5_000, body: V1, answers: INSISTS };

/** What was read of each in its sources; the models are written from the same sources, and by hand, too. */
const FACTS: readonly Fact[] = [
  { ...library, name: 'kured', pauseMs: 1_000 },
  { ...library, name: 'kured-1.21' },
  { ...library, name: 'kured-timeout', limit: [60 * MINUTE, 'fails'] },
  {
    ...library,
    name: 'aws-nth',
    marks: ['aws-node-termination-handler/scheduled-maintenance', 'cordon'],
    limit: [2 * MINUTE, 'fails'],
  },
  { ...library, name: 'openshift-mco' },
  { ...library, name: 'medik8s-nmo', marks: ['medik8s.io/drain', 'cordon'] },
  { ...clusterApi, name: 'cluster-api' },
  { ...clusterApi, name: 'cluster-api-timeout', limit: [60 * MINUTE, 'waits'] },
  { ...clusterApi, name: 'cluster-api-timeouts', limit: [60 * MINUTE, 'deletes'] },
  { ...clusterApi, name: 'cluster-api-skip' },
  { ...clusterApi, name: 'cluster-api-wait' },
  {
    name: 'gardener-volumes',
    marks: ['cordon'],
    pauseMs: 20_000,
    body: BETA,
    answers: INSISTS,
    limit: [120 * MINUTE, 'deletes'],
  },
  {
    name: 'gardener',
    marks: ['cordon'],
    pauseMs: 20_000,
    body: BETA,
    answers: TRUSTS,
    limit: [120 * MINUTE, 'deletes'],
  },
  { ...scaler, name: 'cluster-autoscaler-1.34', marks: ['ToBeDeletedByClusterAutoscaler', 'cordon'] },
  { ...scaler, name: 'cluster-autoscaler', marks: ['ToBeDeletedByClusterAutoscaler'] },
  { ...karpenter, name: 'karpenter' },
  { ...karpenter, name: 'karpenter-limit', limit: [60 * MINUTE, 'deletes'] },
  { ...eks, name: 'eks', limit: [15 * MINUTE, 'fails'] },
  { ...eks, name: 'eks-force', limit: [15 * MINUTE, 'deletes'] },
  { name: 'gke', marks: ['cordon'], pauseMs: 5_000, body: V1, answers: INSISTS, limit: [60 * MINUTE, 'deletes'] },
  { name: 'aks', marks: ['cordon'], pauseMs: 5_000, body: V1, answers: ENDS, limit: [30 * MINUTE, 'fails'] },
  { name: 'draino', marks: ['cordon'], pauseMs: 5_000, body: BETA, answers: ENDS, limit: [8.5 * MINUTE, 'fails'] },
  { name: 'descheduler', marks: [], pauseMs: 5 * MINUTE, body: V1, answers: IN_NEXT_CYCLE },
  { name: 'vpa', marks: [], pauseMs: MINUTE, body: V1, answers: IN_NEXT_CYCLE },
];

function factOf(model: DrainerModel): Fact {
  const { name, marks, answers, limit, body } = model;
  const own = marks.flatMap((mark) => (mark === 'cordon' ? [mark] : mark.isSomebodyElses ? [] : [mark.taint]));
  const says = [body.hasUid ? 'UID' : '', body.hasNamespace ? '' : 'no namespace'].filter((word) => word !== '');
  return {
    name,
    marks: own,
    pauseMs: pauseOf(model),
    body: [body.version, says.join(', ')].filter((word) => word !== '').join(' '),
    answers: [answers[404], answers[429], answers.other],
    ...(limit === undefined ? {} : { limit: [limit.afterMs, limit.atEnd] }),
  };
}

describe('the models of drainers', () => {
  for (const fact of FACTS) {
    test(`${fact.name} is as its sources say`, () => {
      const model = DRAINERS.find(({ name }) => name === fact.name);
      assert.ok(model, 'there is no such model');
      assert.deepEqual(factOf(model), fact);
    });
  }

  test('are those of which something was read, each once', () => {
    assert.deepEqual(
      DRAINERS.map(({ name }) => name),
      FACTS.map(({ name }) => name),
    );
    assert.equal(new Set(DRAINERS.map(({ title }) => title)).size, DRAINERS.length);
  });

  test('each say where they were read, and what they leave out', () => {
    for (const { name, claims, leavesOut } of DRAINERS) {
      assert.ok(claims.length > 0 && leavesOut.length > 0, name);
      for (const { source } of claims) assert.match(source, /^\S.*(: \S|#\d)/, name);
    }
  });
});
