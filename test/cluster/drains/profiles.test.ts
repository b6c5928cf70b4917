import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { OperatorModel } from '../../../rehearsal/operator/model.ts';
import { MODELS } from '../../../rehearsal/operator/models/index.ts';
import { rehearse } from '../../../rehearsal/rehearse.ts';
import { forModel, scenariosNamed } from '../../../rehearsal/scenarios/catalog.ts';
import { plainView } from '../../../rehearsal/terminal/view.ts';
import { installDefinitions, startedSite } from '../../../rehearsal/venues/new-cluster.ts';
import type { Venue } from '../../../rehearsal/venues/venue.ts';
import { namespacePath } from '../../../src/kube/paths.ts';
import { writeServing } from '../../../testkit/certificates.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { createNamespace, createPod } from '../../../testkit/couchbase/workload.ts';
import { type HookProcess, startHook } from '../../../testkit/hook-process.ts';
import type { LogLine } from '../../../testkit/log-lines.ts';
import { evict } from '../support/evict.ts';
import { HOOK_LABEL, type Rig, startRig } from '../support/rig.ts';
import { addNode } from '../support/scene.ts';

/** Much shorter than that of any operator in life. */
const PERIOD_MS = 300;
/** Also of a hook on a machine that has much else to do. */
const START_TIMEOUT_MS = 120_000;
/** It selects what `arangodb` selects, and would never count beside it. */
const ALONE = 'arangodb-replace';

/** A hook that several rehearsals share; each hears all that it says. */
interface SharedHook {
  readonly name: string;
  readonly process: HookProcess;
  readonly listeners: Set<(line: LogLine) => void>;
}

let rig: Rig;
let hooks: readonly SharedHook[];

before(async () => {
  rig = await startRig({ installCrd: false });
  const together = MODELS.map(({ profile }) => profile).filter((name) => name !== ALONE);
  hooks = await Promise.all([aHook('together', together.join(',')), aHook('alone', ALONE)]);
});
after(() => rig?.stop());

async function aHook(name: string, profiles: string): Promise<SharedHook> {
  const { controlPlane, authority, access } = rig;
  const env = { PROFILES: profiles, TRACKING_RESOURCE_TYPE: 'namespace' };
  const dir = join(controlPlane.dir, name);
  const files = await writeServing(dir, await authority.issue());
  const kubeconfigPath = join(dir, 'hook.kubeconfig');
  const config = kubeconfig(controlPlane.server, controlPlane.caData, await access.token(env));
  await writeFile(kubeconfigPath, config);
  const listeners = new Set<(line: LogLine) => void>();
  const onLine = (line: LogLine) => {
    for (const listener of listeners) listener(line);
  };
  const process = await startHook({ kubeconfigPath, files, env, onLine, timeoutMs: START_TIMEOUT_MS });
  rig.atStop(async () => void (await process.stop()));
  await rig.register(name, process.url);
  return { name, process, listeners };
}

const hookFor = (profile: string) => {
  const hook = hooks.find(({ name }) => name === (profile === ALONE ? 'alone' : 'together'));
  assert.ok(hook);
  return hook;
};

/** Nodes and a namespace of its own, so that all profiles can be rehearsed beside each other. */
function venueFor(model: OperatorModel): Venue {
  const { profile } = model;
  const { name, process: hook, listeners } = hookFor(profile);
  return {
    atOnce: 1,
    async open({ nodes: count, onHookLine, log, signal }, cleanup) {
      const { controlPlane, client } = rig;
      const nodes = Array.from({ length: count }, (_, i) => `${profile}-${i + 1}`);
      await Promise.all(nodes.map((node) => addNode(rig, node, profile, false)));
      await installDefinitions(client, model, signal);
      listeners.add(onHookLine);
      cleanup.defer(async () => void listeners.delete(onHookLine));
      await createNamespace(client, profile, { [HOOK_LABEL]: name });
      return startedSite({
        cluster: { ...controlPlane, nodes },
        client,
        hook,
        namespace: profile,
        nodeSelector: { pool: profile },
        periodMs: PERIOD_MS,
        model,
        trackerPath: namespacePath(profile),
        log,
      });
    },
  };
}

describe('a node of each operator, drained by kubectl', { concurrency: MODELS.length }, () => {
  for (const model of MODELS) {
    test(`${model.profile}: each member is marked for its operator and moves once`, async ({ signal }) => {
      const [scenario] = forModel(scenariosNamed('by-kubectl'), model);
      assert.ok(scenario);
      const lines: string[] = [];
      const view = plainView((line) => void lines.push(line));
      const record = await rehearse(scenario, venueFor(model), view, signal);
      const wrong = record.checks.filter(({ holds }) => !holds);
      assert.deepEqual(wrong, [], lines.join('\n'));
      assert.equal(record.drains[0]?.drainer, 'kubectl drain');
    });
  }

  test('a pod that no profile selects is evicted at once', async () => {
    const namespace = 'exporter';
    const labels = { 'strimzi.io/kind': 'Kafka', 'strimzi.io/component-type': 'kafka-exporter' };
    await createNamespace(rig.client, namespace, { [HOOK_LABEL]: 'together' });
    await createPod(rig.client, { namespace, name: 'exporter', labels });
    assert.equal((await evict({ rig, namespace }, 'exporter')).code, 201);
  });
});
