import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseAllDocuments, stringify } from 'yaml';
import type { JsonObject } from '../../../src/kube/client.ts';
import { registrationPath } from '../../../src/kube/paths.ts';
import { LOG } from '../../../src/log/messages.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { untilTrue } from '../../support/until-true.ts';
import { metric } from '../support/evict.ts';
import { type Installation, install } from '../support/installation.ts';
import { keepEvicting } from '../support/keep-evicting.ts';
import { CONFIG, SYSTEM_NAMESPACE } from '../support/manifests.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';
import { said } from '../support/told.ts';

const PATH = registrationPath(`reschedule-hook.${SYSTEM_NAMESPACE}`);
const UNPROTECTED = 'reschedule_hook_unprotected_seconds_total';
const CORRECTIONS = 'reschedule_hook_registration_corrections_total';
/** The answer about a pod that does not exist: the API server's own, or the hook's. */
const BY_THE_HOOK = /denied the request: Pod has been rescheduled/;

let rig: Rig;
let installation: Installation;
let replicas: HookProcess[] = [];

before(async () => {
  rig = await startRig({ controlPlane: { nodes: 2 } });
});

after(() => rig?.stop());

const webhooks = async () => ((await rig.client.json({ method: 'GET', path: PATH })).webhooks ?? []) as JsonObject[];

/** Asks all the while about pods that do not exist: whoever answers says 404, and a webhook that fails 500. */
const evictNobody = () => keepEvicting(rig, 'default', ['nobody-1', 'nobody-2']);

describe('config/default in one kubectl apply', () => {
  test('before any replica runs: no eviction fails, from before it to when the hook is asked', async (t) => {
    const evicting = evictNobody();
    await evicting.untilMore(20);
    installation = await install(rig);
    assert.deepEqual(await webhooks(), []);
    await evicting.untilMore(50);
    replicas = await Promise.all([installation.startReplica(), installation.startReplica()]);
    await installation.untilAsked();
    await evicting.untilMore(100);
    await evicting.stop();
    const failed = evicting.answers.filter(({ code }) => code !== 404);
    const asked = evicting.answers.filter(({ message }) => BY_THE_HOOK.test(message));
    t.diagnostic(`${evicting.answers.length} evictions, ${asked.length} of them answered by the hook`);
    assert.deepEqual(failed, []);
    assert.ok(asked.length > 50 && asked.length < evicting.answers.length - 50);
    assert.equal(said(replicas, LOG.registrationFilled).length, 1);
  });

  test('applied again and again, by kubectl in both modes: nothing is undone, and no eviction fails', async () => {
    const file = join(rig.controlPlane.dir, 'sync.yaml');
    const { stdout } = await rig.controlPlane.kubectl(['kustomize', join(CONFIG, 'default')]);
    // The Service is another one here, as no kube-proxy runs.
    const all = parseAllDocuments(stdout).map((document) => document.toJS() as { kind: string });
    await writeFile(
      file,
      all
        .filter(({ kind }) => kind !== 'Service')
        .map((one) => `---\n${stringify(one)}`)
        .join(''),
    );
    const filled = await webhooks();
    const evicting = evictNobody();
    for (let times = 0; times < 3; times++) {
      for (const mode of [['--server-side', '--force-conflicts'], []]) {
        const { code, stderr } = await rig.controlPlane.kubectl(['apply', ...mode, '-f', file]);
        assert.equal(code, 0, stderr);
        await evicting.untilMore(40);
      }
    }
    await evicting.stop();
    assert.deepEqual(
      evicting.answers.filter(({ code, message }) => code !== 404 || !BY_THE_HOOK.test(message)),
      [],
    );
    assert.deepEqual(await webhooks(), filled);
    assert.equal(said(replicas, LOG.registrationCorrected).length, 0);
  });

  test('a hand that empties the list again and again: filled each time, counted, and protected pods stay', async (t) => {
    const scene = await aScene({ rig, hook: 'installed', namespace: 'emptied' });
    await scene.operator.pause();
    await scene.cordon(scene.node(1));
    const evicting = evictNobody();
    const gaps: number[] = [];
    for (let times = 1; times <= 10; times++) {
      const contentType = 'application/json-patch+json';
      const body = [{ op: 'replace', path: '/webhooks', value: [] }];
      const since = performance.now();
      await rig.client.json({ method: 'PATCH', path: PATH, contentType, body });
      await untilTrue('the list to be filled', async () => (await webhooks()).length === 1, { everyMs: 5 });
      gaps.push(performance.now() - since);
      await evicting.untilMore(10);
    }
    await installation.untilAsked();
    await evicting.stop();
    const past = evicting.answers.filter(({ message }) => !BY_THE_HOOK.test(message));
    assert.deepEqual(
      past.filter(({ code }) => code !== 404),
      [],
    );
    const counts = await Promise.all(replicas.map((replica) => metric(replica, CORRECTIONS, /webhooks/)));
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      10,
      'by whichever replica came first',
    );
    const seconds = await Promise.all(replicas.map((replica) => metric(replica, UNPROTECTED)));
    assert.ok(Math.max(...seconds) > 0);
    const longest = Math.max(...gaps).toFixed(0);
    t.diagnostic(`open for ${longest} ms at the longest, ${seconds.map((one) => one.toFixed(3))} s counted by each`);
    t.diagnostic(`${past.length} of ${evicting.answers.length} evictions went past the hook`);
    await scene.assertNobodyEvicted();
  });
});
