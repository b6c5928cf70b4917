import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import { HOOK_ENTRY } from '../../../testkit/hook-process.ts';
import { untilTrue } from '../../support/until-true.ts';
import { manifestsBefore, programBefore } from '../support/before.ts';
import { DEPTH, IS_FULL } from '../support/depth.ts';
import { evict } from '../support/evict.ts';
import { runScript } from '../support/install-script.ts';
import { keepEvicting } from '../support/keep-evicting.ts';
import { CONFIG, type Manifest, SYSTEM_NAMESPACE as NAMESPACE, rendered } from '../support/manifests.ts';
import { type ProcessNodes, startProcessNodes } from '../support/process-nodes.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';

const NOW = { entry: HOOK_ENTRY };
/** Longer than the Service takes to forget a replica, and shorter than in the manifest. */
const ENV = { SHUTDOWN_DELAY: '8s' };
const OLD_REGISTRATION = 'validatingwebhookconfiguration/reschedule-hook';
const REGISTRATION = `validatingwebhookconfiguration/reschedule-hook.${NAMESPACE}`;
const OLD = [
  OLD_REGISTRATION,
  'clusterrole/reschedule-hook-cr',
  'clusterrole/reschedule-hook-registration-cr',
  'clusterrolebinding/reschedule-hook-crb',
  'clusterrolebinding/reschedule-hook-registration-crb',
  'flowschema/reschedule-hook',
];
const NEW = [
  REGISTRATION,
  ...['clusterrole', 'clusterrolebinding'].flatMap((kind) => [
    `${kind}/reschedule-hook.${NAMESPACE}`,
    `${kind}/reschedule-hook-registration.${NAMESPACE}`,
  ]),
  `flowschema/reschedule-hook.${NAMESPACE}`,
];
const DEPLOYMENT = 'deployment/reschedule-hook-server';

/**
 * Real: kubectl, the scripts, the Deployment's rollout, the hook of today, and what `config/default` of the version before
 * rendered. Its hook is real if the history is there, as in CI. In a shallow clone the hook of today stands for it, with the
 * settings and the rights of then.
 */
for (const mode of ['--server-side', '--server-side=false'] as const) {
  describe(`from the version before, whose manifest had webhooks, by kubectl apply ${mode}, ${DEPTH}`, () => {
    let rig: Rig;
    let nodes: ProcessNodes;
    let scene: Scene;
    let old: Manifest[];
    let present: Manifest[];

    const kubectl = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await rig.controlPlane.kubectl(args);
      assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
      return stdout;
    };
    const write = async (name: string, items: readonly Manifest[]) => {
      const file = join(rig.controlPlane.dir, name);
      await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
      return file;
    };
    /** As the install script of the version before did it: the registration last. */
    const installOld = async () => {
      const registration = old.filter(({ kind }) => kind === 'ValidatingWebhookConfiguration');
      const rest = await write(
        'rest.json',
        old.filter((one) => !registration.includes(one)),
      );
      await kubectl('apply', mode, '-f', rest);
      await kubectl('rollout', 'status', DEPLOYMENT, '-n', NAMESPACE, '--timeout=240s');
      await kubectl('apply', mode, '-f', await write('old.json', old));
    };
    const untilAsked = (what: RegExp) =>
      untilTrue('the hook to be asked', async () => {
        const { message } = await evict({ rig, namespace: 'default' }, 'nobody');
        return what.test(message);
      });
    const names = async (wanted: readonly string[]) =>
      (await kubectl('get', ...wanted, '--ignore-not-found', '-o', 'name')).trim().split('\n').filter(Boolean).length;

    /** Asks for evictions all the while that `act` runs: of protected pods, and of one that is not. */
    const underEvictions = async (act: () => Promise<void>) => {
      const members = keepEvicting(rig, scene.namespace, ['cb-0000', 'cb-0001'], { everyMs: 50 });
      const others = keepEvicting(rig, 'default', ['other'], { everyMs: 50, dryRun: true });
      await Promise.all([members.untilMore(20), others.untilMore(20)]);
      await act();
      await Promise.all([members.untilMore(20), others.untilMore(20)]);
      await Promise.all([members.stop(), others.stop()]);
      assert.deepEqual(
        members.answers.filter(({ code }) => code !== 429),
        [],
      );
      assert.deepEqual(
        others.answers.filter(({ code }) => code !== 201),
        [],
      );
      const doubted = members.answers.filter(({ message }) => !/Pod waiting|annotation added/.test(message));
      assert.deepEqual(doubted, []);
      await scene.assertNobodyEvicted();
      return members.answers.length + others.answers.length;
    };

    before(async (t) => {
      rig = await startRig();
      const program = programBefore(rig.controlPlane.dir);
      if (program === undefined)
        t.diagnostic('the history does not go back so far: the hook of today stands for that of before');
      nodes = await startProcessNodes(rig, { before: program ?? NOW, now: NOW });
      const { port } = await nodes.service(NAMESPACE);
      const folder = join(CONFIG, 'default');
      present = await nodes.fit(await rendered(rig.controlPlane, folder), 'now', ENV);
      old = (await nodes.fit(manifestsBefore(), 'before', ENV)).map((one) => withPort(one, port));
      await createPod(rig.client, { namespace: 'default', name: 'other' });
      await waitForPod(rig.client, { namespace: 'default', name: 'other' });
      await installOld();
      await untilAsked(/Pod has been rescheduled/);
      scene = await aScene({ rig, hook: 'upgraded', namespace: 'db' });
      await scene.operator.pause();
      await scene.cordon(scene.node(1));
    });

    after(() => rig?.stop());

    test('the upgrade fails no eviction, lets no protected pod go, and leaves nothing of before', async (t) => {
      const asked = await underEvictions(async () => {
        const file = await write('new.json', present);
        if (mode === '--server-side') {
          const { code, stderr } = await runScript(rig.controlPlane, 'install.sh', [file], { ROLLOUT_TIMEOUT: '240s' });
          assert.equal(code, 0, stderr);
          return;
        }
        await kubectl('apply', mode, '-f', file);
        await kubectl('rollout', 'status', DEPLOYMENT, '-n', NAMESPACE, '--timeout=240s');
        const filled = `--for=jsonpath={.webhooks[*].name}=reschedule-hook-server.${NAMESPACE}.svc`;
        await kubectl('wait', REGISTRATION, filled, '--timeout=240s');
        await kubectl('delete', OLD_REGISTRATION);
        const ending = '{.items[?(@.metadata.deletionTimestamp)].metadata.name}';
        await untilTrue('the old replicas to end', async () => {
          return (await kubectl('get', 'pods', '-n', NAMESPACE, '-o', `jsonpath=${ending}`)) === '';
        });
        await kubectl('delete', ...OLD.slice(1));
      });
      t.diagnostic(`${asked} evictions`);
      assert.equal(await names(OLD), 0);
      assert.equal(await names(NEW), NEW.length);
    });

    if (IS_FULL || mode === '--server-side') wayBack();

    function wayBack(): void {
      test('the way back fails none and lets none go either', async (t) => {
        const asked = await underEvictions(async () => {
          // docs/operations.md
          const webhooks = await kubectl('get', REGISTRATION, '-o', 'jsonpath={.webhooks}');
          const copy = {
            apiVersion: 'admissionregistration.k8s.io/v1',
            kind: 'ValidatingWebhookConfiguration',
            metadata: { name: 'reschedule-hook', labels: { 'app.kubernetes.io/name': 'reschedule-hook' } },
            webhooks: JSON.parse(webhooks),
          };
          const input = JSON.stringify(copy);
          const created = await rig.controlPlane.kubectl(['create', '-f', '-'], { input });
          assert.equal(created.code, 0, created.stderr);
          await installOld();
          await kubectl('delete', REGISTRATION);
          await untilTrue('the replicas to end', async () => {
            const ending = '{.items[?(@.metadata.deletionTimestamp)].metadata.name}';
            return (await kubectl('get', 'pods', '-n', NAMESPACE, '-o', `jsonpath=${ending}`)) === '';
          });
          await kubectl('delete', ...NEW.slice(1));
        });
        t.diagnostic(`${asked} evictions`);
        assert.equal(await names(NEW), 0);
        assert.equal(await names(OLD), OLD.length);
        scene.operator.resume();
        const { code, stderr } = await scene.drain(scene.node(1));
        assert.equal(code, 0, stderr);
        assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001'], 'what both versions have remembered holds');
      });
    }
  });
}

function withPort(one: Manifest, port: number): Manifest {
  if (one.kind !== 'ValidatingWebhookConfiguration') return one;
  const [webhook] = one.webhooks as [{ clientConfig: { service: object } }];
  const service = { ...webhook.clientConfig.service, port };
  return { ...one, webhooks: [{ ...webhook, clientConfig: { service } }] };
}
