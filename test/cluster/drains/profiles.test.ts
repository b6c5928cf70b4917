import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CLUSTER_AUTOSCALER, KARPENTER } from '../../../rehearsal/drainers/models/autoscalers.ts';
import { MODELS } from '../../../rehearsal/operator/models/index.ts';
import { rehearse } from '../../../rehearsal/rehearse.ts';
import { forModel, scenariosNamed } from '../../../rehearsal/scenarios/catalog.ts';
import type { Scenario } from '../../../rehearsal/scenarios/scenario.ts';
import { plainView } from '../../../rehearsal/terminal/view.ts';
import { createNamespace, createPod } from '../../../testkit/couchbase/workload.ts';
import { hasty } from '../../rehearsal/hasty.ts';
import { evict } from '../support/evict.ts';
import { ProfileHooks } from '../support/profile-hooks.ts';
import { HOOK_LABEL, type Rig, startRig } from '../support/rig.ts';

/** Most of a drain is waiting. */
const AT_ONCE = 15;

let rig: Rig;
let hooks: ProfileHooks;

before(async () => {
  rig = await startRig({ installCrd: false });
  hooks = await ProfileHooks.start(rig);
});
after(() => rig?.stop());

/** Drainers that ask more often than in life. */
const DRAINERS: Readonly<Record<string, { readonly drainer?: Scenario['drainer']; readonly name: string }>> = {
  'by-kubectl': { name: 'kubectl drain' },
  'by-karpenter': {
    drainer: hasty(KARPENTER, 5),
    name: 'built-in, like Karpenter',
  },
  'by-autoscaler': {
    drainer: hasty(CLUSTER_AUTOSCALER, 5),
    name: 'built-in, like cluster-autoscaler',
  },
};

describe('a node of each operator', { concurrency: AT_ONCE }, () => {
  for (const model of MODELS) {
    for (const [how, { drainer, name }] of Object.entries(DRAINERS)) {
      test(`${model.profile}, ${how}: each member is kept for its operator and moves once`, async ({ signal }) => {
        const [scenario] = forModel(scenariosNamed(how), model);
        assert.ok(scenario);
        const lines: string[] = [];
        const view = plainView((line) => void lines.push(line));
        const wanted = { ...scenario, ...(drainer && { drainer }) };
        const record = await rehearse(wanted, hooks.venue(model, `${model.profile}-${how}`), view, signal);
        const wrong = record.checks.filter(({ holds }) => !holds);
        assert.deepEqual(wrong, [], lines.join('\n'));
        assert.equal(record.drains[0]?.drainer, name);
      });
    }
  }

  test('a pod that no profile selects is evicted at once', async () => {
    const namespace = 'exporter';
    const labels = { 'strimzi.io/kind': 'Kafka', 'strimzi.io/component-type': 'kafka-exporter' };
    await createNamespace(rig.client, namespace, { [HOOK_LABEL]: 'together' });
    await createPod(rig.client, { namespace, name: 'exporter', labels });
    assert.equal((await evict({ rig, namespace }, 'exporter')).code, 201);
  });
});
