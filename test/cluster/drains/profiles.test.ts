import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CLUSTER_AUTOSCALER, KARPENTER } from '../../../rehearsal/drainers/models/autoscalers.ts';
import type { OperatorModel } from '../../../rehearsal/operator/model.ts';
import { MODELS } from '../../../rehearsal/operator/models/index.ts';
import { rehearse } from '../../../rehearsal/rehearse.ts';
import { forModel, scenariosNamed } from '../../../rehearsal/scenarios/catalog.ts';
import type { Scenario } from '../../../rehearsal/scenarios/scenario.ts';
import { plainView } from '../../../rehearsal/terminal/view.ts';
import { installDefinitions, startedSite } from '../../../rehearsal/venues/new-cluster.ts';
import type { Venue } from '../../../rehearsal/venues/venue.ts';
import { namespacePath } from '../../../src/kube/paths.ts';
import { writeServing } from '../../../testkit/certificates.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { createNamespace, createPod } from '../../../testkit/couchbase/workload.ts';
import { type HookProcess, startHook } from '../../../testkit/hook-process.ts';
import type { LogLine } from '../../../testkit/log-lines.ts';
import { hasty } from '../../rehearsal/hasty.ts';
import { evict } from '../support/evict.ts';
import { HOOK_LABEL, type Rig, startRig } from '../support/rig.ts';
import { addNode } from '../support/scene.ts';

/** Much shorter than that of any operator in life. */
const PERIOD_MS = 300;
/** Most of a drain is waiting. */
const AT_ONCE = 15;
/** Also of a hook on a machine that has much else to do. */
const START_TIMEOUT_MS = 120_000;
/** They select what `arangodb` and `foundationdb` select, and would never count beside these. */
const ALONE: readonly string[] = ['arangodb-replace', 'foundationdb-taints'];

/** A hook that several rehearsals share; each hears all that it says. */
interface SharedHook {
  readonly name: string;
  readonly user: string;
  readonly process: HookProcess;
  readonly listeners: Set<(line: LogLine) => void>;
}

let rig: Rig;
let hooks: readonly SharedHook[];

before(async () => {
  rig = await startRig({ installCrd: false });
  const together = MODELS.map(({ profile }) => profile).filter((name) => !ALONE.includes(name));
  hooks = await Promise.all([aHook('together', together), aHook('alone', ALONE)]);
});
after(() => rig?.stop());

async function aHook(name: string, profiles: readonly string[]): Promise<SharedHook> {
  const { controlPlane, authority, access } = rig;
  const env = { PROFILES: profiles.join(','), TRACKING_RESOURCE_TYPE: 'namespace' };
  const dir = join(controlPlane.dir, name);
  const files = await writeServing(dir, await authority.issue());
  const kubeconfigPath = join(dir, 'hook.kubeconfig');
  const token = await access.token(env);
  const config = kubeconfig(controlPlane.server, controlPlane.caData, token);
  await writeFile(kubeconfigPath, config);
  const listeners = new Set<(line: LogLine) => void>();
  const onLine = (line: LogLine) => {
    for (const listener of listeners) listener(line);
  };
  const process = await startHook({ kubeconfigPath, files, env, onLine, timeoutMs: START_TIMEOUT_MS });
  rig.atStop(async () => void (await process.stop()));
  await rig.register(name, process.url);
  return { name, user: userOf(token), process, listeners };
}

/** The token of a ServiceAccount names it. */
function userOf(token: string): string {
  const [, claims = ''] = token.split('.');
  return JSON.parse(Buffer.from(claims, 'base64url').toString()).sub;
}

const hookFor = (profile: string) => {
  const hook = hooks.find(({ name }) => name === (ALONE.includes(profile) ? 'alone' : 'together'));
  assert.ok(hook);
  return hook;
};

/** Nodes and a namespace of its own, so that all can be rehearsed beside each other. */
function venueFor(model: OperatorModel, place: string): Venue {
  const { name, user: hookUser, process: hook, listeners } = hookFor(model.profile);
  return {
    atOnce: 1,
    async open({ nodes: count, onHookLine, log, signal }, cleanup) {
      const { controlPlane, client } = rig;
      const nodes = Array.from({ length: count }, (_, i) => `${place}-${i + 1}`);
      await Promise.all(nodes.map((node) => addNode(rig, node, place, false)));
      await installDefinitions(client, model, signal);
      listeners.add(onHookLine);
      cleanup.defer(async () => void listeners.delete(onHookLine));
      await createNamespace(client, place, { [HOOK_LABEL]: name });
      return startedSite({
        cluster: { ...controlPlane, nodes },
        client,
        hook,
        hookUser,
        namespace: place,
        nodeSelector: { pool: place },
        periodMs: PERIOD_MS,
        model,
        trackerPath: namespacePath(place),
        log,
      });
    },
  };
}

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
        const hasty = { ...scenario, ...(drainer && { drainer }) };
        const record = await rehearse(hasty, venueFor(model, `${model.profile}-${how}`), view, signal);
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
