import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { REGISTRATIONS, registrationPath } from '../../../src/kube/paths.ts';
import { LOG } from '../../../src/log/messages.ts';
import type { StatusReport } from '../../../src/status/report.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { type Audit, anAudit } from '../support/audit.ts';
import { SYSTEM_NAMESPACE } from '../support/manifests.ts';
import { type Rig, type RunningHook, startRig } from '../support/rig.ts';

const BIN = fileURLToPath(new URL('../../../bin/reschedule-hook.js', import.meta.url));
const HOOK = { POD_NAMESPACE: SYSTEM_NAMESPACE, TRACKING_RESOURCE_TYPE: 'configmap' };
const WATCHED = ['list', 'watch'].map((verb) => `${verb} validatingwebhookconfigurations.admissionregistration.k8s.io`);
const SERIES = 'reschedule_hook_rival_webhooks';

let rig: Rig;
let audit: Audit;

before(async () => {
  audit = anAudit();
  rig = await startRig({ controlPlane: { nodes: 0, apiServerArgs: audit.apiServerArgs } });
});

after(async () => {
  await rig?.stop();
  audit?.remove();
});

/** Registers what the Strimzi Drain Cleaner registers, for a namespace that nobody uses. */
async function register(name: string, resource: string): Promise<void> {
  const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: [resource] }];
  const webhook = {
    name: 'strimzi-drain-cleaner.strimzi.io',
    rules,
    clientConfig: { url: 'https://127.0.0.1:1/drainer' },
    namespaceSelector: { matchLabels: { nobody: 'here' } },
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Ignore',
  };
  const kind = { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration' };
  await rig.client.json({
    method: 'POST',
    path: REGISTRATIONS,
    body: { ...kind, metadata: { name }, webhooks: [webhook] },
  });
}

const get = async (hook: RunningHook, path: string) => (await fetch(`${hook.healthUrl}${path}`)).text();
const seriesOf = async (hook: RunningHook) =>
  (await get(hook, '/metrics')).split('\n').filter((line) => line.startsWith(SERIES));
const rivalLines = async (hook: RunningHook) =>
  (await get(hook, '/readyz?verbose')).split('\n').filter((line) => line.startsWith('rival'));

async function untilSeries(hook: RunningHook, expected: readonly string[]): Promise<void> {
  await until(`${expected}`, async () => {
    const found = await seriesOf(hook);
    if (found.join() !== expected.join()) throw new NotYet(found.join());
  });
}

describe('rival webhooks, on the real API server', { concurrency: 2 }, () => {
  test('one that is registered is reported everywhere, changes no readiness, and is withdrawn when it goes', async () => {
    const env = { ...HOOK, PROFILES: 'couchbase,strimzi-kafka' };
    const hook = await rig.startHook(env);
    const series = `${SERIES}{profile="strimzi-kafka",rival="strimzi-drain-cleaner.strimzi.io"}`;
    await untilSeries(hook, [`${series} 0`]);
    await register('about-pods', 'pods');
    await register('strimzi-drain-cleaner', 'pods/eviction');
    await untilSeries(hook, [`${series} 1`]);
    assert.deepEqual(await rivalLines(hook), [
      'rival webhook of profile strimzi-kafka: strimzi-drain-cleaner.strimzi.io (1)',
    ]);
    assert.equal((await get(hook, '/readyz')).trim(), 'ok');
    const line = await hook.waitForLine(({ message }) => message === LOG.rival);
    assert.deepEqual(
      [line.level, line.profile, line.rival, line.registration],
      ['warn', 'strimzi-kafka', 'strimzi-drain-cleaner.strimzi.io', 'strimzi-drain-cleaner'],
    );

    const { server, caData, dir } = rig.controlPlane;
    const path = join(dir, 'status.kubeconfig');
    await writeFile(path, kubeconfig(server, caData, await rig.access.token(env)));
    const args = [BIN, 'status', '--kubeconfig', path, '-o', 'json'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    assert.deepEqual(
      (JSON.parse(stdout) as StatusReport).rivals?.map(({ registration }) => registration),
      ['strimzi-drain-cleaner'],
    );

    await rig.client.json({ method: 'DELETE', path: registrationPath('strimzi-drain-cleaner') });
    await untilSeries(hook, [`${series} 0`]);
    assert.deepEqual(await rivalLines(hook), []);
    assert.deepEqual(
      audit.seen().filter((one) => WATCHED.includes(one)),
      WATCHED,
    );
    assert.equal(hook.lines.filter(({ message }) => message === LOG.permissionMissing).length, 0);
    await hook.stop();
  });

  test('without the right the hook names the rule once, knows nothing, and works; with it, it looks', async () => {
    const file = join(rig.controlPlane.dir, 'profiles.yaml');
    await writeFile(
      file,
      `profiles: [{name: ours, selector: app=ours, mark: {annotation: a/b, value: "true"}, names: new, conflicts: [about-pods]}]`,
    );
    const hook = await rig.startHook({ ...HOOK, PROFILES_FILE: file });
    const missing = () => hook.lines.filter(({ message }) => message === LOG.permissionMissing);
    await until('the warnings', async () => {
      if (missing().length < 2) throw new NotYet(`${missing().length}`);
    });
    const unknown = 'rival webhooks are not known: the hook may not list validatingwebhookconfigurations';
    await until('the refusal', async () => {
      const lines = await rivalLines(hook);
      if (lines.join() !== unknown) throw new NotYet(lines.join());
    });
    assert.deepEqual(await seriesOf(hook), []);
    assert.equal((await get(hook, '/readyz')).trim(), 'ok');

    const names = ['rivals', '--verb=list,watch', '--resource=validatingwebhookconfigurations'];
    const group = `--group=system:serviceaccounts:${SYSTEM_NAMESPACE}`;
    await rig.controlPlane.kubectl(['create', 'clusterrole', ...names]);
    await rig.controlPlane.kubectl(['create', 'clusterrolebinding', 'rivals', '--clusterrole=rivals', group]);
    await untilSeries(hook, [`${SERIES}{profile="ours",rival="about-pods"} 0`]);
    await hook.waitForLine(({ message }) => message === LOG.permissionsGranted);
    assert.deepEqual(
      missing().map(({ level, rule }) => [level, rule]),
      ['list', 'watch'].map((verb) => [
        'warn',
        `{apiGroups: ["admissionregistration.k8s.io"], resources: ["validatingwebhookconfigurations"], verbs: ["${verb}"]}`,
      ]),
    );
    assert.deepEqual(
      hook.lines.filter(({ message, level }) => message === LOG.watchInterrupted && level === 'warn'),
      [],
    );
    await hook.stop();
  });
});
