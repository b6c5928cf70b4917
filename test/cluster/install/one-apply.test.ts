import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import type { JsonObject } from '../../../src/kube/client.ts';
import { registrationPath } from '../../../src/kube/paths.ts';
import { LOG } from '../../../src/log/messages.ts';
import { createNamespace, createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { untilTrue } from '../../support/until-true.ts';
import { byDepth, DEPTH } from '../support/depth.ts';
import { metric } from '../support/evict.ts';
import { type Installation, install } from '../support/installation.ts';
import { keepEvicting, keepEvictingMembers } from '../support/keep-evicting.ts';
import { CONFIG, type Manifest, rendered, SYSTEM_NAMESPACE } from '../support/manifests.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';
import { said } from '../support/told.ts';

const PATH = registrationPath(`reschedule-hook.${SYSTEM_NAMESPACE}`);
const UNPROTECTED = 'reschedule_hook_unprotected_seconds_total';
const CORRECTIONS = 'reschedule_hook_registration_corrections_total';
/** In turn by the server and by kubectl itself. */
const SYNCS = byDepth(4, 14);
/** At the most as many writes as a replica makes at once. */
const HARMED = byDepth(4, 10);
/** What a hand makes of the webhook, so that protected pods could be evicted. */
const HARMS: readonly (readonly [what: string, harm: (webhook: JsonObject) => readonly object[]])[] = [
  ['empties', () => []],
  ['narrows', (webhook) => [{ ...webhook, namespaceSelector: { matchLabels: { nobody: 'has-this' } } }]],
  ['puts a condition on', (webhook) => [{ ...webhook, matchConditions: [{ name: 'never', expression: 'false' }] }]],
];
/** The answer about a pod that does not exist: the API server's own, or the hook's. */
const BY_THE_HOOK = /denied the request: Pod has been rescheduled/;

let rig: Rig;
let installation: Installation;
let replicas: HookProcess[] = [];

before(async () => {
  rig = await startRig({ controlPlane: { nodes: 2 } });
  await createPod(rig.client, { namespace: 'default', name: 'other' });
  await waitForPod(rig.client, { namespace: 'default', name: 'other' });
});

after(() => rig?.stop());

const webhooks = async () => ((await rig.client.json({ method: 'GET', path: PATH })).webhooks ?? []) as JsonObject[];

/** No kube-proxy runs here, so the Service is of the kind that the API server follows by itself. */
const reachable = (one: Manifest): Manifest =>
  one.kind === 'Service' ? { ...one, spec: { type: 'ExternalName', externalName: 'localhost' } } : one;

const patchList = (value: readonly object[]) =>
  rig.client.json({
    method: 'PATCH',
    path: PATH,
    contentType: 'application/json-patch+json',
    body: [{ op: 'replace', path: '/webhooks', value }],
  });

/** Of both replicas together. */
async function countedCorrections(): Promise<number> {
  const counts = await Promise.all(replicas.map((replica) => metric(replica, CORRECTIONS, /what="webhooks"/)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Each replica counts all of it. */
async function countedSeconds(): Promise<number> {
  return Math.max(...(await Promise.all(replicas.map((replica) => metric(replica, UNPROTECTED)))));
}

/** Asks all the while about pods that do not exist: whoever answers says 404, and a webhook that fails 500. */
const evictNobody = () => keepEvicting(rig, 'default', ['nobody-1', 'nobody-2']);

describe(`config/default in one kubectl apply, ${DEPTH}`, () => {
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
    assert.ok(asked.length > 20 && asked.length < evicting.answers.length - 20);
    assert.equal(said(replicas, LOG.registrationFilled).length, 1);
  });

  test('an endless sync, which applies all of it by kubectl in both modes: nothing is undone, and no eviction fails', async (t) => {
    await using scene = await aScene({ rig, hook: 'installed', namespace: 'synced' });
    await scene.operator.pause();
    await scene.cordon(scene.node(1));
    const file = join(rig.controlPlane.dir, 'sync.yaml');
    const all = await rendered(rig.controlPlane, join(CONFIG, 'default'));
    await writeFile(file, all.map((one) => `---\n${stringify(reachable(one))}`).join(''));
    const filled = await webhooks();
    const everyMs = 50;
    const members = keepEvicting(rig, scene.namespace, ['cb-0000', 'cb-0001'], { everyMs });
    const others = keepEvicting(rig, 'default', ['other'], { everyMs, dryRun: true });
    const nobody = keepEvicting(rig, 'default', ['nobody'], { everyMs });
    const hands = [members, others, nobody];
    await Promise.all(hands.map((one) => one.untilMore(20)));
    for (let syncs = 0; syncs < SYNCS; syncs++) {
      const mode = syncs % 2 === 0 ? ['--server-side', '--force-conflicts'] : [];
      const { code, stderr } = await rig.controlPlane.kubectl(['apply', ...mode, '-f', file]);
      assert.equal(code, 0, stderr);
      assert.deepEqual(await webhooks(), filled);
      // A few seconds.
      await Promise.all(hands.map((one) => one.untilMore(40)));
    }
    await Promise.all(hands.map((one) => one.stop()));
    t.diagnostic(`${SYNCS} syncs, ${hands.reduce((sum, { answers }) => sum + answers.length, 0)} evictions`);
    const others404 = nobody.answers.filter(({ code, message }) => code !== 404 || !BY_THE_HOOK.test(message));
    assert.deepEqual(others404, []);
    assert.deepEqual(
      others.answers.filter(({ code }) => code !== 201),
      [],
    );
    assert.deepEqual(
      members.answers.filter(({ code }) => code !== 429),
      [],
    );
    await scene.assertNobodyEvicted();
    assert.equal(said(replicas, LOG.registrationCorrected).length, 0);
    assert.equal(said(replicas, LOG.bundleCorrected).length, 0);
    for (const replica of replicas) assert.equal(await metric(replica, UNPROTECTED), 0);
  });

  for (const [index, [what, harm]] of HARMS.entries()) {
    test(`a hand that ${what} the list again and again: it is put right each time, and all is counted`, async (t) => {
      const namespace = `hand-${index}`;
      await createNamespace(rig.client, namespace);
      const members = await keepEvictingMembers(rig, namespace);
      const filled = await webhooks();
      const corrected = await countedCorrections();
      const seconds = await countedSeconds();
      const nobody = evictNobody();
      const gaps: number[] = [];
      for (let times = 1; times <= HARMED; times++) {
        const since = performance.now();
        await patchList(harm(filled[0] as JsonObject));
        await untilTrue('it to be right', async () => isDeepStrictEqual(await webhooks(), filled), { everyMs: 5 });
        gaps.push(performance.now() - since);
        // So long that no replica runs out of the writes that it may make at once.
        await nobody.untilMore(50);
      }
      await installation.untilAsked();
      await Promise.all([nobody.stop(), members.stop()]);
      const past = nobody.answers.filter(({ message }) => !BY_THE_HOOK.test(message));
      assert.deepEqual(
        past.filter(({ code }) => code !== 404),
        [],
        'none fails',
      );
      await untilTrue('all to be counted', async () => (await countedCorrections()) - corrected >= HARMED);
      assert.equal((await countedCorrections()) - corrected, HARMED, 'by whichever replica came first');
      const open = (await countedSeconds()) - seconds;
      assert.ok(open > 0);
      const ms = gaps.toSorted((a, b) => a - b).map((one) => one.toFixed(0));
      t.diagnostic(`until right as a client sees it: ${ms[HARMED / 2]} ms in the middle, ${ms.at(-1)} at the longest`);
      t.diagnostic(`unprotected, as the metric of one replica has it: ${(open * 1000).toFixed(0)} ms in all`);
      t.diagnostic(`${past.length} of ${nobody.answers.length} evictions went past the hook`);
      const through = members.answers.filter(({ code }) => code === 201);
      t.diagnostic(`${through.length} of ${members.answers.length} evictions of a protected pod got through`);
      assert.deepEqual(
        members.answers.filter(({ code }) => code !== 429 && code !== 201),
        [],
      );
    });
  }
});
