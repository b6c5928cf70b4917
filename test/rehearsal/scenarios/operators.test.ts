import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CLUSTER_AUTOSCALER } from '../../../rehearsal/drainers/models/autoscalers.ts';
import { KUBECTL } from '../../../rehearsal/drainers/models/kubectl.ts';
import { MODELS, modelsNamed } from '../../../rehearsal/operator/models/index.ts';
import { forModel, SCENARIOS, scenariosNamed } from '../../../rehearsal/scenarios/catalog.ts';
import type { Scenario } from '../../../rehearsal/scenarios/scenario.ts';
import { newCluster } from '../../../rehearsal/venues/new-cluster.ts';
import { hasty } from '../hasty.ts';
import { playEmbedded } from '../play-embedded.ts';

/**
 * Each scenario with one operator that is peculiar there, and each operator once. `npm run rehearse -- --profile all
 * --scenario all` plays all of them with all.
 */
const PLAYED = [
  ['operator-paused', 'strimzi-connect'],
  ['by-kubectl', 'arangodb-replace'],
  ['by-karpenter', 'strimzi-kafka'],
  ['by-autoscaler', 'arangodb'],
  ['two-marked', 'es-operator'],
  ['out-of-sync', 'strimzi-kafka'],
  ['same-node', 'arangodb-replace'],
  ['same-node', 'aerospike'],
  ['renamed', 'arangodb'],
  ['mark-dropped', 'couchbase'],
  ['marked-early', 'aerospike'],
  ['foreign-mark', 'aerospike'],
  ['foreign-mark', 'strimzi-kafka'],
  ['rival-500', 'strimzi-kafka'],
  ['rival-403', 'aerospike'],
  ['two-marked', 'tidb-v1-tikv'],
  ['out-of-sync', 'tidb-v1-pd'],
  ['by-karpenter', 'tidb-v1-tidb'],
  ['by-kubectl', 'vitess-tablet'],
  ['two-marked', 'vitess-tablet'],
  ['same-node', 'vitess-tablet'],
  ['marked-early', 'vitess-tablet'],
  ['by-autoscaler', 'vitess-tablet'],
  ['by-kubectl', 'slurm-nodeset'],
  ['by-karpenter', 'slurm-nodeset'],
  ['foreign-mark', 'slurm-nodeset'],
  ['cordon-alone', 'slurm-nodeset'],
  ['cordon-alone', 'vitess-tablet'],
  ['report-withdrawn', 'vitess-tablet'],
  ['by-kubectl', 'pgo-primary'],
  ['by-karpenter', 'pgo-primary'],
  ['same-node', 'pgo-primary'],
  ['two-marked', 'foundationdb'],
  ['operator-paused', 'foundationdb'],
  ['by-autoscaler', 'foundationdb-taints'],
  ['rival-500', 'foundationdb-taints'],
] as const;

/** Drainers that do not wait as long as in life. */
const HASTY: Readonly<Record<string, Scenario['drainer']>> = {
  'by-karpenter': undefined,
  'by-autoscaler': hasty(CLUSTER_AUTOSCALER, 10),
};
const hastyKubectl: Scenario['drainer'] = hasty(KUBECTL, 5);

describe('scenarios where operators differ', { concurrency: 4 }, () => {
  for (const [name, profile] of PLAYED) {
    it(`${name} holds with ${profile}`, async ({ signal }) => {
      const [model] = modelsNamed(profile);
      const [scenario] = forModel(scenariosNamed(name), model);
      assert.ok(scenario);
      const drainer = name in HASTY ? HASTY[name] : hastyKubectl;
      const { record, lines } = await playEmbedded({ ...scenario, ...(drainer ? { drainer } : {}) }, signal);
      const wrong = record.checks.filter(({ holds }) => !holds);
      assert.deepEqual(wrong, [], lines.join('\n'));
    });
  }

  it('same-node drains once more where a drainer asked while the name was gone', async ({ signal }) => {
    const [model] = modelsNamed('vitess-tablet');
    const [scenario] = forModel(scenariosNamed('same-node'), model);
    assert.ok(scenario);
    // The name is gone for two seconds, and the drainer asks every second.
    const slow = newCluster({ controlPlane: false, periodMs: 2_000 });
    const { record, lines } = await playEmbedded({ ...scenario, drainer: hastyKubectl }, signal, slow);
    assert.ok(record.drains.length > 1, lines.join('\n'));
    assert.deepEqual(
      record.checks.filter(({ holds }) => !holds),
      [],
      lines.join('\n'),
    );
  });

  it('are all played, and so is each operator', () => {
    const all = SCENARIOS.filter(({ fits }) => fits !== undefined).map(({ name }) => name);
    assert.deepEqual([...new Set(PLAYED.map(([name]) => name as string))].sort(), all.sort());
    assert.deepEqual(
      [...new Set(PLAYED.map(([, profile]) => profile as string))].sort(),
      MODELS.map(({ profile }) => profile).sort(),
    );
  });
});
