import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from '../../src/kube/errors.ts';
import { nodePath, objectPath, podPath } from '../../src/kube/paths.ts';
import { createReads } from '../../src/kube/reads.ts';
import { answering, FakeApi, refusal } from '../support/api.ts';

function aReader(answer: unknown) {
  const client = answering(answer);
  return { reads: createReads(client), requests: client.requests };
}

const object = { metadata: { name: 'x' } };

describe('Reads', () => {
  test('reads without a resourceVersion, so that no cache answers', async () => {
    const { reads, requests } = aReader(object);
    const { signal } = new AbortController();
    assert.deepEqual(await reads.pod('db', 'cb-0000', signal), object);
    await reads.node('node-1');
    await reads.object('/apis/x');
    const given = requests.map((one) =>
      Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)),
    );
    assert.deepEqual(given, [
      { method: 'GET', path: '/api/v1/namespaces/db/pods/cb-0000', signal },
      { method: 'GET', path: '/api/v1/nodes/node-1' },
      { method: 'GET', path: '/apis/x' },
    ]);
  });

  test('asks for the metadata of a pod alone', async () => {
    const { reads, requests } = aReader(object);
    await reads.podMetadata('db', 'cb-0000');
    assert.equal(requests[0]?.path, '/api/v1/namespaces/db/pods/cb-0000');
    assert.equal(requests[0]?.accept, 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1');
  });

  test('an installation of the hook is a registration with its label; any other webhook is none', async () => {
    const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/hook-b';
    const registration = (labels?: Record<string, string>) => ({ metadata: { name: 'hook-b', labels } });
    for (const [answer, expected] of [
      [registration({ 'app.kubernetes.io/name': 'reschedule-hook' }), true],
      [registration({ 'app.kubernetes.io/name': 'cert-manager' }), false],
      [registration(), false],
    ] as const) {
      const { reads, requests } = aReader(answer);
      assert.equal(await reads.isInstalled('hook-b'), expected);
      assert.equal(requests[0]?.path, path);
    }
    const { reads } = aReader(refusal(403));
    await assert.rejects(reads.isInstalled('hook-b'), { code: 403 });
    assert.equal(await createReads(new FakeApi()).isInstalled('hook-b'), false);
  });

  test('reads the whole pod when something on the way does not know how to give its metadata alone', async () => {
    const api = new FakeApi();
    api.put('/api/v1/namespaces/db/pods/cb-0000', object);
    const asked: (string | undefined)[] = [];
    api.before = (_call, { accept }) => {
      asked.push(accept);
      if (accept !== undefined) throw refusal(406);
    };
    assert.deepEqual(await createReads(api).podMetadata('db', 'cb-0000'), object);
    assert.equal(asked.length, 2);
  });

  test('has undefined for what does not exist', async () => {
    const says = (kind: string, name: string) =>
      new ApiError(404, 'GET', { reason: 'NotFound', details: { kind, name } });
    assert.equal(await aReader(says('nodes', 'n')).reads.node('n'), undefined);
    assert.equal(await aReader(says('pods', 'p')).reads.pod('db', 'p'), undefined);
    assert.equal(await aReader(says('things', 'x')).reads.object('/apis/g/v1/namespaces/db/things/x'), undefined);
  });

  test('has undefined for an object whose kind discovery does not list, and throws where it does, or cannot tell', async () => {
    const versions = [{ version: 'v1' }];
    const served = { groups: [{ name: 'g', versions }], resources: [{ name: 'things' }] };
    for (const [discovery, isAbsent] of [
      [{ groups: [] }, true],
      [{ ...served, resources: [] }, true],
      [served, false],
      [new ApiError(403, 'GET', undefined), false],
    ] as const) {
      const client = new FakeApi(({ path }) => {
        if (path.endsWith('/things/x')) throw new ApiError(404, 'GET', undefined);
        if (discovery instanceof Error) throw discovery;
        return discovery;
      });
      const reads = createReads(client);
      const outcome = reads.object('/apis/g/v1/namespaces/db/things/x');
      if (isAbsent) assert.equal(await outcome, undefined);
      else await assert.rejects(outcome, { name: 'ApiError' });
    }
  });

  test('does not take a 404 for absence that the API server did not say of this very object', async () => {
    for (const body of [
      undefined,
      { reason: 'NotFound' },
      { reason: 'NotFound', details: { kind: 'pods', name: 'other' } },
      { reason: 'NotFound', details: { kind: 'services', name: 'p' } },
    ]) {
      const { reads } = aReader(new ApiError(404, 'GET', body));
      await assert.rejects(reads.pod('db', 'p'), { code: 404 });
      await assert.rejects(reads.node('p'), { code: 404 });
      const served = new FakeApi(({ path }) => {
        if (path.endsWith('/things/p')) throw new ApiError(404, 'GET', body);
        return { groups: [{ name: 'g', versions: [{ version: 'v1' }] }], resources: [{ name: 'things' }] };
      });
      await assert.rejects(createReads(served).object('/apis/g/v1/namespaces/db/things/p'), { code: 404 });
    }
  });

  for (const code of [401, 403, 410, 429, 500, 503]) {
    test(`throws on ${code}: that is no absence`, async () => {
      await assert.rejects(aReader(new ApiError(code, 'GET', undefined)).reads.pod('db', 'x'), { code });
    });
  }

  for (const answer of [null, {}, [], 7, 'ok', { metadata: null }, { metadata: {} }, { kind: 'Status' }]) {
    test(`throws on a success that is no object: ${JSON.stringify(answer)}`, async () => {
      const { reads } = aReader(answer);
      await assert.rejects(reads.pod('db', 'x'), { name: 'ApiUnreachableError' });
      await assert.rejects(reads.node('n'), { name: 'ApiUnreachableError' });
    });
  }
});

describe('paths', () => {
  for (const name of ['a/b', 'a?b=c', 'a#b', 'a%2Fb', '../../secrets/x', 'ä b']) {
    test(`encode ${name}: it stays one part`, () => {
      const paths = [podPath(name, name), nodePath(name), objectPath('/apis/g/v1', 'things', name, name)];
      const parts = paths.map((path) => new URL(path, 'http://host').pathname.split('/'));
      assert.deepEqual(
        parts.map(({ length }) => length),
        [7, 5, 8],
      );
      assert.deepEqual(
        parts.map((all) => decodeURIComponent(all.at(-1) ?? '')),
        [name, name, name],
      );
      assert.ok(paths.every((path) => new URL(path, 'http://host').search === ''));
    });
  }

  test('of a cluster-scoped resource have no namespace', () => {
    assert.equal(objectPath('/api/v1', 'namespaces', undefined, 'db'), '/api/v1/namespaces/db');
    assert.equal(objectPath('/apis/g/v2', 'things', 'db', 'x'), '/apis/g/v2/namespaces/db/things/x');
  });
});
