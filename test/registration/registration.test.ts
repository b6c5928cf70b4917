import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../src/kube/client.ts';
import { Registration } from '../../src/registration/registration.ts';

const { signal } = new AbortController();
const SERVICE = { namespace: 'hooks', name: 'hook' };
const PATH = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/evictions';

const encode = (text: string) => Buffer.from(text).toString('base64');
const calling = (service: object, bundle?: string) => ({
  clientConfig: { service, ...(bundle === undefined ? {} : { caBundle: encode(bundle) }) },
});

function aRegistration(object: JsonObject | undefined) {
  const calls: unknown[] = [];
  const objects = {
    async read(path: string) {
      calls.push(path);
      return object;
    },
    async patch(path: string, operations: readonly object[]) {
      calls.push([path, operations]);
      return { kind: 'written', object: {} } as const;
    },
  };
  return { registration: new Registration(objects, 'evictions', SERVICE), calls };
}

test('of a registration the webhooks that call the Service are its own, with their places', async () => {
  const { registration, calls } = aRegistration({
    metadata: { resourceVersion: '7', labels: { a: 'b' } },
    webhooks: [
      calling(SERVICE, 'a'),
      calling({ ...SERVICE, namespace: 'other' }, 'b'),
      calling({ ...SERVICE, name: 'other' }, 'c'),
      { clientConfig: { url: 'https://hook.hooks.svc' } },
      {},
      calling(SERVICE),
    ],
  });
  const { webhooks, ...rest } = (await registration.read(signal)) ?? {};
  assert.deepEqual(rest, {
    resourceVersion: '7',
    labels: { a: 'b' },
    annotations: {},
    own: [
      { index: 0, bundle: 'a', isOfReplica: false },
      { index: 5, bundle: '', isOfReplica: false },
    ],
  });
  assert.equal(webhooks?.length, 6);
  assert.deepEqual(calls, [PATH]);
});

test('one that is not there, and one without webhooks', async () => {
  assert.equal(await aRegistration(undefined).registration.read(signal), undefined);
  const empty = await aRegistration({ metadata: { resourceVersion: '7' } }).registration.read(signal);
  assert.deepEqual([empty?.webhooks, empty?.own], [[], []]);
});

for (const [writers, expected] of [
  [['reschedule-hook'], true],
  [['reschedule-hook', 'kubectl'], false],
  [['kubectl'], false],
  [[], false],
] as const) {
  test(`a caBundle that was set by ${writers.join(' and ') || 'nobody knows whom'} is of a replica: ${expected}`, async () => {
    const webhook = { name: 'a.b', ...calling(SERVICE, 'a') };
    const fields = (name: string) => ({
      'f:webhooks': { [`k:{"name":"${name}"}`]: { 'f:clientConfig': { 'f:caBundle': {} } } },
    });
    const managedFields = [
      ...writers.map((manager) => ({ manager, fieldsV1: fields('a.b') })),
      { manager: 'another', fieldsV1: fields('c.d') },
      { manager: 'without', fieldsV1: { 'f:metadata': {} } },
      { manager: 'empty' },
    ];
    const metadata = { name: 'evictions', resourceVersion: '7', managedFields };
    const { registration } = aRegistration({ metadata, webhooks: [webhook] });
    assert.deepEqual((await registration.read(signal))?.own, [{ index: 0, bundle: 'a', isOfReplica: expected }]);
  });
}

test('a write is guarded by the version that was read', async () => {
  const { registration, calls } = aRegistration(undefined);
  const observed = registration.parse({ metadata: { resourceVersion: '7' } });
  const change = { op: 'add', path: '/webhooks', value: [] } as const;
  await registration.write(observed, [change], signal);
  assert.deepEqual(calls, [[PATH, [{ op: 'test', path: '/metadata/resourceVersion', value: '7' }, change]]]);
});
