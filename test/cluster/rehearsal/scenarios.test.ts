import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { rehearse } from '../../../rehearsal/rehearse.ts';
import { scenariosNamed } from '../../../rehearsal/scenarios/catalog.ts';
import { plainView } from '../../../rehearsal/terminal/view.ts';
import { startedSite } from '../../../rehearsal/venues/new-cluster.ts';
import type { Venue } from '../../../rehearsal/venues/venue.ts';
import { writeServing } from '../../../testkit/certificates.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { createNamespace } from '../../../testkit/couchbase/workload.ts';
import { startHook } from '../../../testkit/hook-process.ts';
import { HOOK_LABEL, type Rig, startRig } from '../support/rig.ts';
import { addNode } from '../support/scene.ts';

/** Those that say most on a real control plane; `npm run rehearse -- --control-plane --scenario all` plays all of them. */
const PLAYED = ['in-place', 'swap', 'mixed-node', 'two-at-once', 'hook-restart', 'uid-drainer', 'dry-run', 'pruned'];

let rig: Rig;

before(async () => {
  rig = await startRig();
});
after(() => rig?.stop());

/** A part of the control plane: nodes, a namespace and a hook of its own, so that several can be played beside each other. */
function venueFor(name: string): Venue {
  return {
    atOnce: 1,
    async open({ nodes: count, hookEnv, onHookLine, log }, cleanup) {
      const { controlPlane, client, authority, access } = rig;
      const nodes = Array.from({ length: count }, (_, i) => `${name}-${i + 1}`);
      await Promise.all(nodes.map((node) => addNode(rig, node, name, false)));
      const dir = join(controlPlane.dir, name);
      const files = await writeServing(dir, await authority.issue());
      const kubeconfigPath = join(dir, 'hook.kubeconfig');
      await writeFile(
        kubeconfigPath,
        kubeconfig(controlPlane.server, controlPlane.caData, await access.token(hookEnv)),
      );
      const hook = await startHook({
        kubeconfigPath,
        files,
        env: hookEnv,
        onLine: onHookLine,
      });
      cleanup.defer(() => hook.stop());
      await rig.register(name, hook.url);
      await createNamespace(client, name, { [HOOK_LABEL]: name });
      const cluster = { ...controlPlane, nodes };
      return startedSite({
        cluster,
        client,
        hook,
        namespace: name,
        nodeSelector: { pool: name },
        periodMs: 500,
        log,
      });
    },
  };
}

describe('scenarios on the real control plane', { concurrency: 4 }, () => {
  for (const name of PLAYED) {
    test(`${name} holds`, async ({ signal }) => {
      const [scenario] = scenariosNamed(name);
      assert.ok(scenario);
      const lines: string[] = [];
      const view = plainView((line) => void lines.push(line));
      const record = await rehearse(scenario, venueFor(name), view, signal);
      assert.deepEqual(
        record.checks.filter(({ holds }) => !holds),
        [],
        lines.join('\n'),
      );
      assert.equal(record.holds, true);
    });
  }
});
