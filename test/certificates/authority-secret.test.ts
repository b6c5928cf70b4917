import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Authorities, bundleOf } from '../../src/certificates/authorities.ts';
import { AuthoritySecret, formatAuthorities, parseAuthorities } from '../../src/certificates/authority-secret.ts';
import { createAuthority, issue } from '../../src/certificates/issuing.ts';
import { caValidity, servingValidity } from '../../src/certificates/lifetimes.ts';
import { certificatesIn } from '../../src/certificates/pem.ts';
import type { JsonObject } from '../../src/kube/client.ts';

const NOW = Date.parse('2026-06-01T00:00:00Z');
const DAY = 24 * 3_600_000;
const anAuthority = () => createAuthority('test', caValidity(NOW, 90 * DAY));
const first = await anAuthority();
const second = await anAuthority();
const third = await anAuthority();
const serving = await issue(first, { name: 'hook', usage: 'server', ...servingValidity(NOW, DAY, NOW + DAY) });

const all: Authorities = { signing: first, next: second, retired: [{ cert: third.cert, until: NOW + DAY }] };

describe('the data of the Secret', () => {
  test('what is written is read', () => {
    for (const authorities of [all, { signing: first, retired: [] }]) {
      assert.deepEqual(parseAuthorities(formatAuthorities(authorities)), { kind: 'authorities', authorities });
    }
  });

  test('ca.crt is the bundle, for people', () => {
    assert.equal(formatAuthorities(all)['ca.crt'], bundleOf(all));
    assert.equal(certificatesIn(bundleOf(all)).length, 3);
  });

  test('no data at all is nothing yet: an empty Secret may have been put there', () => {
    assert.deepEqual(parseAuthorities({}), { kind: 'empty' });
  });

  test("somebody else's is told by its keys, and is not ours to replace", () => {
    const stored = parseAuthorities({ 'tls.crt': first.cert, 'tls.key': first.key });
    assert.deepEqual(stored, { kind: 'foreign', keys: ['tls.crt', 'tls.key'] });
  });

  for (const [what, change, why] of [
    ['an empty certificate', { 'signing.crt': '' }, 'signing.crt is no certificate of an authority'],
    ['no PEM', { 'signing.crt': 'rubbish' }, 'signing.crt is no certificate of an authority'],
    [
      'a certificate that may not sign',
      { 'signing.crt': serving.cert },
      'signing.crt is no certificate of an authority',
    ],
    ['an empty key', { 'signing.key': '' }, 'signing.key is not the key of signing.crt'],
    ['the key of another', { 'signing.key': second.key }, 'signing.key is not the key of signing.crt'],
    ['a key that was cut', { 'signing.key': first.key.slice(0, 80) }, 'signing.key is not the key of signing.crt'],
    ['a next one without its key', { 'next.key': '' }, 'next.key is not the key of next.crt'],
  ] as const) {
    test(`is broken by ${what}, and the words show nothing of a key`, () => {
      assert.deepEqual(parseAuthorities({ ...formatAuthorities(all), ...change }), { kind: 'broken', why });
    });
  }

  for (const text of ['', '{', '[{}]', '[null]', '{"a":1}', `[{"cert":"x","until":${NOW}}]`, '"x"']) {
    test(`rubbish among the retired costs only them: ${text}`, () => {
      const stored = parseAuthorities({ ...formatAuthorities(all), 'retired.json': text });
      assert.deepEqual(stored, { kind: 'authorities', authorities: { ...all, retired: [] } });
    });
  }
});

describe('the Secret', () => {
  const { signal } = new AbortController();
  const encode = (text: string) => Buffer.from(text).toString('base64');
  const data = Object.fromEntries(Object.entries(formatAuthorities(all)).map(([key, text]) => [key, encode(text)]));
  const SECRETS = '/api/v1/namespaces/hooks/secrets';

  function aSecret(object: JsonObject | undefined) {
    const calls: unknown[][] = [];
    const call = async (...what: unknown[]) => {
      calls.push(what);
      return { kind: 'changed' } as const;
    };
    const secret = new AuthoritySecret(
      {
        read: async (path) => {
          calls.push(['read', path]);
          return object;
        },
        create: (path, body) => call('create', path, body),
        replace: (path, body) => call('replace', path, body),
      },
      'hooks',
      'ca',
    );
    return { secret, calls };
  }

  test('is created if there was none', async () => {
    const { secret, calls } = aSecret(undefined);
    assert.equal(await secret.read(signal), undefined);
    assert.deepEqual(await secret.write(all, undefined, signal), { kind: 'changed' });
    const labels = { 'app.kubernetes.io/name': 'reschedule-hook', 'app.kubernetes.io/managed-by': 'reschedule-hook' };
    const metadata = { namespace: 'hooks', name: 'ca', labels };
    assert.deepEqual(calls, [
      ['read', `${SECRETS}/ca`],
      ['create', SECRETS, { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata, data }],
    ]);
  });

  test('is replaced as it was observed, but for its data', async () => {
    const object = { metadata: { name: 'ca', resourceVersion: '7', labels: { theirs: 'x' } }, type: 'Opaque' };
    const { secret, calls } = aSecret({ ...object, data: { old: encode('x') } });
    const observed = await secret.read(signal);
    assert.deepEqual(observed?.content, { kind: 'foreign', keys: ['old'] });
    await secret.write(all, observed, signal);
    assert.deepEqual(calls[1], ['replace', `${SECRETS}/ca`, { ...object, data }]);
  });

  test('is read as it was written, and as empty without data', async () => {
    const read = async (object: JsonObject) => (await aSecret(object).secret.read(signal))?.content;
    assert.deepEqual(await read({ metadata: {}, data }), { kind: 'authorities', authorities: all });
    assert.deepEqual(await read({ metadata: {} }), { kind: 'empty' });
    assert.deepEqual(await read({ metadata: {}, data: null }), { kind: 'empty' });
  });
});
