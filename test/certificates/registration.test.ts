import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesTo, Registration } from '../../src/certificates/registration.ts';
import type { JsonObject } from '../../src/kube/client.ts';

const { signal } = new AbortController();
const SERVICE = { namespace: 'hooks', name: 'hook' };
const PATH = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/evictions';

const encode = (text: string) => Buffer.from(text).toString('base64');
const calling = (service: object, bundle?: string) => ({
  clientConfig: { service, ...(bundle === undefined ? {} : { caBundle: encode(bundle) }) },
});

function aRegistration(object: JsonObject | undefined) {
  const calls: unknown[] = [];
  const registration = new Registration(
    {
      async read(path) {
        calls.push(path);
        return object;
      },
      async patch(path, operations) {
        calls.push([path, operations]);
        return { kind: 'written', object: {} };
      },
    },
    { name: 'evictions', service: SERVICE },
  );
  return { registration, calls };
}

test('of a registration only the webhooks that call the Service are observed, with their places', async () => {
  const { registration, calls } = aRegistration({
    metadata: { resourceVersion: '7' },
    webhooks: [
      calling(SERVICE, 'a'),
      calling({ ...SERVICE, namespace: 'other' }, 'b'),
      calling({ ...SERVICE, name: 'other' }, 'c'),
      { clientConfig: { url: 'https://hook.hooks.svc' } },
      {},
      calling(SERVICE),
    ],
  });
  const webhooks = [
    { index: 0, bundle: 'a' },
    { index: 5, bundle: '' },
  ];
  assert.deepEqual(await registration.read(signal), { resourceVersion: '7', webhooks });
  assert.deepEqual(calls, [PATH]);
});

test('a registration without webhooks, and none at all', async () => {
  const empty = aRegistration({ metadata: { resourceVersion: '7' } });
  assert.deepEqual(await empty.registration.read(signal), { resourceVersion: '7', webhooks: [] });
  assert.equal(await aRegistration(undefined).registration.read(signal), undefined);
});

test('what differs is changed, and guarded by the resourceVersion that was observed', async () => {
  const webhooks = ['a', 'b', ''].map((bundle, i) => ({ index: 2 * i, bundle }));
  const observed = { resourceVersion: '7', webhooks };
  const changes = changesTo(observed, { bundle: 'b' });
  assert.deepEqual(changes, [
    { op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: encode('b') },
    { op: 'add', path: '/webhooks/4/clientConfig/caBundle', value: encode('b') },
  ]);
  const { registration, calls } = aRegistration(undefined);
  await registration.write(observed, changes, signal);
  const guard = { op: 'test', path: '/metadata/resourceVersion', value: '7' };
  assert.deepEqual(calls, [[PATH, [guard, ...changes]]]);
});

test('what is as it should be is not changed', () => {
  assert.deepEqual(changesTo({ resourceVersion: '7', webhooks: [{ index: 0, bundle: 'b' }] }, { bundle: 'b' }), []);
  assert.deepEqual(changesTo({ resourceVersion: '7', webhooks: [] }, { bundle: 'b' }), []);
});
