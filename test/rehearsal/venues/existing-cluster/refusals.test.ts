import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { nodePath } from '../../../../src/kube/paths.ts';
import { freePorts } from '../../../../testkit/ports.ts';
import { registerWebhook } from '../../../../testkit/webhook-registration.ts';
import { type Rig, startRig, type Wanted } from './rig.ts';

const REGISTRATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/reschedule-hook';
const YES = { args: ['--yes'] };

let rig: Rig;
let state: unknown;

before(async () => {
  rig = await startRig();
});
after(() => rig?.stop());
beforeEach(async () => {
  state = await rig.state();
});

/** One line and exit code 2, and nothing is touched. */
async function refused(message: string | RegExp, wanted: Wanted = YES): Promise<void> {
  await assert.rejects(rig.rehearse(wanted), (error: Error) => {
    assert.match(error.message, typeof message === 'string' ? new RegExp(`^${message}$`) : message);
    assert.doesNotMatch(error.message, /\n/);
    return error.name === 'UsageError';
  });
  assert.deepEqual(await rig.state(), state);
}

const merge = (path: string, body: object) =>
  rig.client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });

/** In place of the one that there was: an apply would keep what it had. */
async function register(url: string, webhook: object = {}): Promise<void> {
  const { caBundle } = rig.hook;
  await rig.client.json({ method: 'DELETE', path: REGISTRATION });
  await registerWebhook(rig.client, { urls: [url], caBundle, webhook: { ...webhook }, wait: false });
}

describe('a rehearsal is refused on', () => {
  test('a node that there is not', () => refused('there is no node node-9', { args: ['--yes', '--node=node-9'] }));

  for (const [what, change, undo, line] of [
    [
      'a cordoned node',
      { spec: { unschedulable: true } },
      { spec: { unschedulable: null } },
      'node node-2 is cordoned already, and is left alone',
    ],
    [
      'a tainted node',
      { spec: { taints: [{ key: 'gpu', effect: 'NoSchedule' }] } },
      { spec: { taints: null } },
      'node node-2 has the taint gpu, so no stand-in pod can run there',
    ],
  ] as const) {
    test(what, async () => {
      await merge(nodePath('node-2'), change);
      state = await rig.state();
      await refused(line);
      await merge(nodePath('node-2'), undo);
    });
  }

  test('a node that is not Ready', async () => {
    // Nobody plays its kubelet.
    await rig.client.json({ method: 'POST', path: '/api/v1/nodes', body: { metadata: { name: 'node-4' } } });
    state = await rig.state();
    await refused('node node-4 is not Ready', { args: ['--yes', '--node=node-4'] });
  });

  test('a namespace that the registration does not cover', async () => {
    const line =
      /^the registration reschedule-hook does not cover evictions in the namespace reschedule-hook-rehearsal-\w+$/;
    for (const webhook of [
      { namespaceSelector: { matchLabels: { stage: 'production' } } },
      { objectSelector: { matchLabels: { app: 'couchbase' } } },
      { rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: '*' }] },
    ]) {
      await register(rig.hook.url, webhook);
      await refused(line);
    }
  });

  test('a hook that does not answer, after all was taken back', async () => {
    const [port] = await freePorts(1);
    await register(`https://127.0.0.1:${port}/eviction`);
    await refused(/^an answer of the installed hook: not after 1 s: .*failed calling webhook .*ECONNREFUSED/);
  });

  test('a hook whose settings cannot be read', async () => {
    const service = { namespace: 'system', name: 'hook' };
    const rules = [
      { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods/eviction'], scope: '*' },
    ];
    const webhook = { name: 'hook.system.svc', rules, clientConfig: { service, caBundle: rig.hook.caBundle } };
    const rest = { admissionReviewVersions: ['v1'], sideEffects: 'None', failurePolicy: 'Fail' };
    await merge(REGISTRATION, { webhooks: [{ ...webhook, ...rest }] });
    await refused('the settings of the hook cannot be read: there is no Deployment system/hook');
    const { client } = rig;
    await client.json({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: 'system' } } });
    const path = '/apis/apps/v1/namespaces/system/deployments';
    const labels = { app: 'hook' };
    const containers = (env: readonly object[]) => [{ name: 'a', image: 'a', env }];
    const template = { metadata: { labels }, spec: { containers: containers([]) } };
    const spec = { replicas: 0, selector: { matchLabels: labels }, template };
    await client.json({ method: 'POST', path, body: { metadata: { name: 'hook' }, spec } });
    state = await rig.state();
    const set = (env: object) =>
      merge(`${path}/hook`, { spec: { template: { spec: { containers: containers([env]) } } } });
    for (const name of ['POD_LABEL_SELECTOR', 'PROTECT_NAMESPACES']) {
      await set({ name, valueFrom: { secretKeyRef: { name: 'c', key: 'k' } } });
      await refused(`the setting ${name} of the hook cannot be read: it comes from elsewhere`);
    }
    await set({ name: 'TRACKING_RESOURCE_TYPE', value: 'nothing' });
    await refused(/^the settings of the installed hook are not understood: TRACKING_RESOURCE_TYPE /);
  });

  test('a cluster with several hooks, if it is not told which', async () => {
    const labels = { 'app.kubernetes.io/name': 'reschedule-hook' };
    const path = REGISTRATION.slice(0, REGISTRATION.lastIndexOf('/'));
    await rig.client.json({ method: 'POST', path, body: { metadata: { name: 'another', labels } } });
    state = await rig.state();
    await refused(/^several hooks are installed: choose one with --installation \(.*another.*\)$/);
    await refused('the hook is not asked yet: its registration another has no webhooks', {
      args: ['--yes', '--installation=another'],
    });
    await refused(/^there is no installation nobody; there are: /, { args: ['--yes', '--installation=nobody'] });
    await rig.client.json({ method: 'DELETE', path: `${path}/another` });
    state = await rig.state();
  });

  test('a cluster without the hook', async () => {
    await rig.client.json({ method: 'DELETE', path: REGISTRATION });
    await refused(
      /^no hook is installed: there is no ValidatingWebhookConfiguration with app.kubernetes.io\/name=reschedule-hook$/,
    );
  });
});
