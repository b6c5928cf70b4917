import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../../src/kube/client.ts';
import { registrationPath } from '../../../src/kube/paths.ts';
import { LOG } from '../../../src/log/messages.ts';
import { ensureHelm, type HelmAssets, runHelm } from '../../../testkit/control-plane/helm.ts';
import { createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import { HOOK_ENTRY } from '../../../testkit/hook-process.ts';
import { untilTrue } from '../../support/until-true.ts';
import { DEPTH, IS_FULL } from '../support/depth.ts';
import { evict } from '../support/evict.ts';
import { keepEvicting } from '../support/keep-evicting.ts';
import { CONFIG } from '../support/manifests.ts';
import { type ProcessNodes, startProcessNodes } from '../support/process-nodes.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';
import { said } from '../support/told.ts';

const ROOT = join(CONFIG, '..');
const CHART = join(ROOT, 'charts/reschedule-hook');
const RELEASE = 'drains';
const NAMESPACE = 'reschedule';
const REGISTRATION = registrationPath(`reschedule-hook.${NAMESPACE}`);
const SERVICE = `/api/v1/namespaces/${NAMESPACE}/services/reschedule-hook-server`;
const BY_THE_HOOK = /denied the request: Pod has been rescheduled/;

for (const name of ['helm3', 'helm4'] as const satisfies readonly (keyof HelmAssets)[]) {
  describe(`the chart by ${name}, ${DEPTH}, with evictions asked for all the while`, () => {
    let rig: Rig;
    let nodes: ProcessNodes;
    let file: string;
    let scene: Scene;
    let values: string[];

    const helm = async (...args: readonly string[]) =>
      await runHelm(file, [...args, '--namespace', NAMESPACE], rig.controlPlane);
    const helmed = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await helm(...args);
      assert.equal(code, 0, `helm ${args.join(' ')}: ${stderr}`);
      return stdout;
    };
    const upgrade = (...more: readonly string[]) =>
      helm(
        'upgrade',
        RELEASE,
        CHART,
        ...values,
        ...more.flatMap((one) => ['--set', one]),
        '--wait',
        '--timeout',
        '240s',
      );
    const webhooks = async () =>
      ((await rig.client.json({ method: 'GET', path: REGISTRATION })).webhooks ?? []) as JsonObject[];
    const untilAsked = () =>
      untilTrue('the hook to be asked', async () => {
        const { message } = await evict({ rig, namespace: 'default' }, 'nobody');
        return BY_THE_HOOK.test(message);
      });
    const untilEnded = () =>
      untilTrue('the old replicas to end', async () => {
        const path = `/api/v1/namespaces/${NAMESPACE}/pods`;
        const { items } = (await rig.client.json({ method: 'GET', path })) as {
          items?: readonly { metadata: object }[];
        };
        return (items ?? []).every(({ metadata }) => !('deletionTimestamp' in metadata));
      });

    /** Asks while `act` runs: about an ordinary pod, and about protected ones if there are some yet. */
    const underEvictions = async (act: () => Promise<void>) => {
      const others = keepEvicting(rig, 'default', ['other'], { everyMs: 50, dryRun: true });
      const members = scene && keepEvicting(rig, scene.namespace, ['cb-0000', 'cb-0001'], { everyMs: 50 });
      const all = [others, members].filter((one) => one !== undefined);
      await Promise.all(all.map((one) => one.untilMore(20)));
      await act();
      await Promise.all(all.map((one) => one.untilMore(20)));
      await Promise.all(all.map((one) => one.stop()));
      assert.deepEqual(
        others.answers.filter(({ code }) => code !== 201),
        [],
      );
      assert.deepEqual(members?.answers.filter(({ code }) => code !== 429) ?? [], []);
      await scene?.assertNobodyEvicted();
      return all.reduce((sum, { answers }) => sum + answers.length, 0);
    };

    function failure(): void {
      test('an upgrade that fails leaves the webhooks as they are, and so does the rollback', async (t) => {
        const filled = await webhooks();
        const asked = await underEvictions(async () => {
          const { code } = await helm(
            'upgrade',
            RELEASE,
            CHART,
            ...values,
            '--set',
            'nodeSelector.runs=nowhere',
            '--wait',
            '--timeout',
            '5s',
          );
          assert.notEqual(code, 0);
          assert.deepEqual(await webhooks(), filled);
          await helmed('rollback', RELEASE, '1', '--wait', '--timeout', '240s');
          await untilEnded();
        });
        t.diagnostic(`${asked} evictions`);
        assert.equal((await webhooks()).length, 1);
        assert.deepEqual(said(nodes.replicas(NAMESPACE), LOG.registrationCorrected), []);
        assert.equal(said(nodes.replicas(NAMESPACE), LOG.registrationFilled).length, 1);
      });
    }

    before(async () => {
      rig = await startRig();
      file = (await ensureHelm())[name];
      nodes = await startProcessNodes(rig, { 'hook:now': { entry: HOOK_ENTRY } });
      const { port } = await nodes.service(NAMESPACE);
      values = [
        'image.repository=hook',
        'image.tag=now',
        'nodeSelector.runs=processes',
        `settings.SERVICE_PORT=${port}`,
      ].flatMap((one) => ['--set', one]);
      // The taint of those nodes.
      values.push('--set-json', `tolerations=[{"key":"runs","operator":"Exists"}]`);
      await createPod(rig.client, { namespace: 'default', name: 'other' });
      await waitForPod(rig.client, { namespace: 'default', name: 'other' });
    });

    after(() => rig?.stop());

    test('install in one go', async (t) => {
      const asked = await underEvictions(async () => {
        await helmed('install', RELEASE, CHART, ...values, '--create-namespace');
        // No kube-proxy runs here, but the API server follows such a Service by itself.
        const spec = { type: 'ExternalName', externalName: 'localhost', clusterIP: null, clusterIPs: null };
        const contentType = 'application/merge-patch+json';
        await rig.client.json({ method: 'PATCH', path: SERVICE, contentType, body: { spec } });
        await untilAsked();
      });
      t.diagnostic(`${asked} evictions`);
      scene = await aScene({ rig, hook: name, namespace: 'db' });
      await scene.operator.pause();
      await scene.cordon(scene.node(1));
    });

    test('upgrade to other settings, and the old replicas end', async (t) => {
      const before = nodes.replicas(NAMESPACE).length;
      const asked = await underEvictions(async () => {
        const { code, stderr } = await upgrade('settings.LOG_LEVEL=debug', 'settings.STALL_AFTER=30m');
        assert.equal(code, 0, stderr);
        await untilEnded();
      });
      t.diagnostic(`${asked} evictions`);
      assert.equal(nodes.replicas(NAMESPACE).length, before + 2);
      assert.equal((await webhooks()).length, 1);
    });

    if (IS_FULL || name === 'helm4') failure();

    test('a second release in the same namespace is refused, and changes nothing', async () => {
      const { code, stderr } = await helm('install', 'another', CHART, ...values);
      assert.notEqual(code, 0);
      assert.match(stderr, /cannot be imported into the current release|exists and cannot be/);
      assert.equal((await webhooks()).length, 1);
    });

    test('uninstall deletes the registration first: no eviction fails', async (t) => {
      scene.operator.resume();
      const { code, stderr } = await scene.drain(scene.node(1));
      assert.equal(code, 0, stderr);
      const others = keepEvicting(rig, 'default', ['other'], { everyMs: 50, dryRun: true });
      await others.untilMore(20);
      await helmed('uninstall', RELEASE, '--timeout', '240s');
      await others.untilMore(40);
      await others.stop();
      t.diagnostic(`${others.answers.length} evictions`);
      assert.deepEqual(
        others.answers.filter((answer) => answer.code !== 201),
        [],
      );
      const left = await rig.controlPlane.kubectl([
        'get',
        'validatingwebhookconfigurations,clusterroles,clusterrolebindings,flowschemas',
        '--selector=app.kubernetes.io/name=reschedule-hook',
        '--output=name',
      ]);
      assert.equal(left.stdout, '');
    });
  });
}
