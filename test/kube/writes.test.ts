import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError, ApiUnreachableError } from '../../src/kube/errors.ts';
import type { WriteResult } from '../../src/kube/guarded-objects.ts';
import { createWrites, type Writes } from '../../src/kube/writes.ts';
import { answering } from '../support/api.ts';

const signal = new AbortController().signal;
const POD = { namespace: 'db', name: 'cb-0000', uid: 'uid-a' };
const TRACKER = { path: '/apis/couchbase.com/v2/namespaces/db/couchbaseclusters/cb', resourceVersion: '70' };
const KEY = 'reschedule.hook/db.cb-0000';

function aWriter(answer: object = { metadata: {} }) {
  const client = answering(answer);
  return { writes: createWrites(client), requests: client.requests };
}

const invalid = (...fields: string[]) =>
  new ApiError(422, 'PATCH', { reason: 'Invalid', details: { causes: fields.map((field) => ({ field })) } });

const FAILED_TEST = ['422 without causes: a test failed', new ApiError(422, 'PATCH', { reason: 'Invalid' })] as const;
const OTHER_INSTANCE = ['422 on metadata.uid: another instance', invalid('metadata.uid')] as const;

describe('Writes', () => {
  test('markPod is a merge patch that carries the UID', async () => {
    const { writes, requests } = aWriter({ metadata: { name: 'cb-0000' } });
    const result = await writes.markPod(POD, { key: 'cao.couchbase.com/reschedule', value: 'true' }, signal);
    assert.deepEqual(result, { kind: 'written', object: { metadata: { name: 'cb-0000' } } });
    assert.deepEqual(requests, [
      {
        method: 'PATCH',
        path: '/api/v1/namespaces/db/pods/cb-0000',
        query: { fieldManager: 'reschedule-hook' },
        contentType: 'application/merge-patch+json',
        body: { metadata: { uid: 'uid-a', annotations: { 'cao.couchbase.com/reschedule': 'true' } } },
        signal,
      },
    ]);
  });

  test('writeEntry is a merge patch that carries the resourceVersion that was seen', async () => {
    const { writes, requests } = aWriter();
    await writes.writeEntry(TRACKER, KEY, '{"uid":"uid-a"}');
    assert.deepEqual(requests, [
      {
        method: 'PATCH',
        path: TRACKER.path,
        query: { fieldManager: 'reschedule-hook' },
        contentType: 'application/merge-patch+json',
        body: { metadata: { resourceVersion: '70', annotations: { [KEY]: '{"uid":"uid-a"}' } } },
      },
    ]);
  });

  test('removeEntries is a JSON patch that tests each value that was read', async () => {
    const { writes, requests } = aWriter();
    const other = { key: KEY, value: '{}' };
    await writes.removeEntries(TRACKER, [{ key: 'reschedule.hook/a~b/c', value: 'true' }, other]);
    const otherPath = `/metadata/annotations/${KEY.replace('/', '~1')}`;
    const path = '/metadata/annotations/reschedule.hook~1a~0b~1c';
    assert.equal(requests[0]?.contentType, 'application/json-patch+json');
    assert.deepEqual(requests[0]?.body, [
      { op: 'test', path, value: 'true' },
      { op: 'remove', path },
      { op: 'test', path: otherPath, value: '{}' },
      { op: 'remove', path: otherPath },
    ]);
  });

  test('entries of an object of the hook are in its data', async () => {
    const { writes, requests } = aWriter();
    const own = { path: '/api/v1/namespaces/hooks/configmaps/hook.db', isOwn: true };
    await writes.writeEntry({ ...own, resourceVersion: '70' }, 'db.cb-0000', '{}');
    await writes.removeEntries(own, [{ key: 'db.cb-0000', value: '{}' }]);
    await writes.createTracker('/api/v1/namespaces/hooks/configmaps', { data: {} });
    await writes.deleteTracker(own.path, { uid: 'uid-a', resourceVersion: '71' });
    assert.deepEqual(
      requests.map(({ method, path, body }) => [method, path, body]),
      [
        ['PATCH', own.path, { metadata: { resourceVersion: '70' }, data: { 'db.cb-0000': '{}' } }],
        [
          'PATCH',
          own.path,
          [
            { op: 'test', path: '/data/db.cb-0000', value: '{}' },
            { op: 'remove', path: '/data/db.cb-0000' },
          ],
        ],
        ['POST', '/api/v1/namespaces/hooks/configmaps', { data: {} }],
        [
          'DELETE',
          own.path,
          { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'uid-a', resourceVersion: '71' } },
        ],
      ],
    );
  });
});

test('a mark that is a label is written and taken back as one', async () => {
  const { writes, requests } = aWriter({ metadata: { name: 'cb-0000' } });
  const mark = { key: 'example.com/move', value: 'true', isLabel: true } as const;
  await writes.markPod(POD, mark);
  await writes.unmarkPod(POD, mark);
  const path = '/metadata/labels/example.com~1move';
  assert.deepEqual(
    requests.map(({ body }) => body),
    [
      { metadata: { uid: POD.uid, labels: { [mark.key]: 'true' } } },
      [
        { op: 'test', path: '/metadata/uid', value: POD.uid },
        { op: 'test', path, value: 'true' },
        { op: 'remove', path },
      ],
    ],
  );
});

describe('Writes.evictPod', () => {
  const evict = (error: object) => aWriter(error).writes.evictPod({ ...POD, resourceVersion: '70' });
  const denied = (code: number, why: string) =>
    new ApiError(code, 'POST', { message: `admission webhook "reschedule-hook.x.svc" denied the request: ${why}` });

  for (const [what, error] of [
    ['the pod is gone', new ApiError(404, 'POST', { reason: 'NotFound' })],
    ['its version is another one', new ApiError(409, 'POST', { reason: 'Conflict' })],
    ['the hook itself says that it is gone', denied(404, 'Pod does not exist')],
    ['the hook itself says that another one has its name', denied(409, 'The UID in the precondition (a) is not ...')],
  ] as const)
    test(`${what}: changed`, async () => assert.deepEqual(await evict(error), { kind: 'changed' }));

  test('a refusal to be asked again about: why', async () => {
    const { kind, why } = (await evict(denied(429, 'not now'))) as { kind: string; why: string };
    assert.equal(kind, 'refused');
    assert.match(why, /not now/);
  });
});

/** Every write, by name, as one call. */
const WRITES: readonly [string, (writes: Writes) => Promise<WriteResult>][] = [
  ['markPod', (writes) => writes.markPod(POD, { key: 'a', value: 'b' })],
  ['unmarkPod', (writes) => writes.unmarkPod(POD, { key: 'a', value: 'b' })],
  ['writeEntry', (writes) => writes.writeEntry(TRACKER, KEY, 'v')],
  ['removeEntries', (writes) => writes.removeEntries(TRACKER, [{ key: KEY, value: 'v' }])],
];

const isJsonPatch = (name: string) => ['removeEntries', 'unmarkPod'].includes(name);

for (const [name, write] of WRITES) {
  describe(`Writes.${name}: nothing was written`, () => {
    for (const [what, error] of [
      ['404: it is gone', new ApiError(404, 'PATCH', { reason: 'NotFound' })],
      ['409: it has changed', new ApiError(409, 'PATCH', { reason: 'Conflict' })],
      isJsonPatch(name) ? FAILED_TEST : OTHER_INSTANCE,
    ] as const) {
      test(`${what}: changed`, async () => {
        assert.deepEqual(await write(aWriter(error).writes), { kind: 'changed' });
      });
    }

    for (const [what, error] of [
      isJsonPatch(name) ? OTHER_INSTANCE : FAILED_TEST,
      ['422 on metadata.annotations: too long', invalid('metadata.annotations')],
      ['422 on spec: the object was not valid before', invalid('spec.servers')],
      ['403', new ApiError(403, 'PATCH', { reason: 'Forbidden' })],
      ['400', new ApiError(400, 'PATCH', { reason: 'BadRequest' })],
      ['429', new ApiError(429, 'PATCH', { reason: 'TooManyRequests' })],
      ['500', new ApiError(500, 'PATCH', undefined)],
      ['no answer', new ApiUnreachableError('PATCH', new Error('ECONNRESET'))],
      ['a bug', new TypeError('x is not a function')],
    ] as const) {
      test(`${what}: throws`, async () => {
        await assert.rejects(write(aWriter(error).writes), error);
      });
    }
  });
}
