import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ApiRequest, JsonObject } from '../../src/kube/client.ts';
import { ApiError, ApiUnreachableError } from '../../src/kube/errors.ts';
import { createGuardedObjects, type GuardedObjects, type WriteResult } from '../../src/kube/guarded-objects.ts';

const SECRETS = '/api/v1/namespaces/hooks/secrets';
const PATH = `${SECRETS}/ca`;
const OBJECT = { metadata: { name: 'ca', resourceVersion: '7' }, data: {} };
const TEST = { op: 'test', path: '/metadata/resourceVersion', value: '7' } as const;
const query = { fieldManager: 'reschedule-hook' };
const { signal } = new AbortController();

function answering(answer: unknown) {
  const requests: ApiRequest[] = [];
  const objects = createGuardedObjects({
    async json(request) {
      requests.push(request);
      if (answer instanceof Error) throw answer;
      return answer as JsonObject;
    },
  });
  return { objects, requests };
}

const refused = (code: number, ...fields: string[]) =>
  new ApiError(code, 'X', { details: { causes: fields.map((field) => ({ field })) } });

/** Every write: as a call, as the request that it makes, and the refusals that mean "changed" for it. */
const WRITES: readonly {
  readonly name: string;
  readonly write: (objects: GuardedObjects) => Promise<WriteResult>;
  readonly request: ApiRequest;
  readonly changed: readonly ApiError[];
}[] = [
  {
    name: 'create',
    write: ({ create }) => create(SECRETS, OBJECT, signal),
    request: { method: 'POST', path: SECRETS, query, body: OBJECT, signal },
    changed: [refused(409)],
  },
  {
    name: 'replace',
    write: ({ replace }) => replace(PATH, OBJECT, signal),
    request: { method: 'PUT', path: PATH, query, body: OBJECT, signal },
    changed: [refused(404), refused(409)],
  },
  {
    name: 'mergeMetadata',
    write: ({ mergeMetadata }) => mergeMetadata(PATH, { uid: 'u' }, signal),
    request: {
      ...{ method: 'PATCH', path: PATH, query, contentType: 'application/merge-patch+json' },
      ...{ body: { metadata: { uid: 'u' } }, signal },
    },
    changed: [refused(404), refused(409), refused(422, 'metadata.uid')],
  },
  {
    name: 'patch',
    write: ({ patch }) => patch(PATH, [TEST, { op: 'remove', path: '/data' }], signal),
    request: {
      ...{ method: 'PATCH', path: PATH, query, contentType: 'application/json-patch+json' },
      ...{ body: [TEST, { op: 'remove', path: '/data' }], signal },
    },
    changed: [refused(404), refused(409), refused(422)],
  },
];

const REFUSALS = [
  ...[400, 403, 404, 409, 422, 429, 500].map((code) => refused(code)),
  refused(422, 'metadata.uid'),
  refused(422, 'data'),
];

const describeRefusal = ({ code, causes }: ApiError) => [code, ...causes].join(' ');

for (const { name, write, request, changed } of WRITES) {
  describe(`GuardedObjects.${name}`, () => {
    test('names the field manager, and returns the object as it was written', async () => {
      const { objects, requests } = answering(OBJECT);
      assert.deepEqual(await write(objects), { kind: 'written', object: OBJECT });
      assert.deepEqual(requests, [request]);
    });

    for (const refusal of REFUSALS) {
      const isChanged = changed.some((one) => describeRefusal(one) === describeRefusal(refusal));
      test(`${describeRefusal(refusal)}: ${isChanged ? 'changed' : 'throws'}`, async () => {
        const { objects } = answering(refusal);
        if (isChanged) assert.deepEqual(await write(objects), { kind: 'changed' });
        else await assert.rejects(write(objects), refusal);
      });
    }

    for (const refusal of changed) {
      const { code, causes } = refusal;
      test(`${describeRefusal(refusal)} of an admission webhook: throws, with what it says`, async () => {
        const denials = [
          'admission webhook "w.x.svc" denied the request: not now',
          'admission webhook "w.x.svc" denied the request without explanation',
          "pods \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: not now",
        ];
        for (const message of denials) {
          const details = { causes: causes.map((field) => ({ field })) };
          const error = new ApiError(code, 'X', { message, details });
          await assert.rejects(write(answering(error).objects), error);
        }
      });
    }

    test('no answer: throws', async () => {
      const error = new ApiUnreachableError('X', new Error('ECONNRESET'));
      await assert.rejects(write(answering(error).objects), error);
    });
  });
}

describe('GuardedObjects.read', () => {
  const says = (kind: string, name: string) =>
    new ApiError(404, 'GET', { reason: 'NotFound', details: { kind, name } });

  test('is the object', async () => {
    const { objects, requests } = answering(OBJECT);
    assert.equal(await objects.read(PATH, signal), OBJECT);
    assert.deepEqual(requests, [{ method: 'GET', path: PATH, accept: undefined, signal }]);
  });

  test('is undefined if the API server says that this very object does not exist', async () => {
    assert.equal(await answering(says('secrets', 'ca')).objects.read(PATH), undefined);
  });

  test('throws on any other 404: a new authority must not come from something in between', async () => {
    for (const error of [says('secrets', 'other'), says('namespaces', 'ca'), new ApiError(404, 'GET', undefined)]) {
      await assert.rejects(answering(error).objects.read(PATH), error);
    }
  });

  test('throws on a success that is no object', async () => {
    for (const answer of [null, {}, { data: {} }, { kind: 'Status' }]) {
      await assert.rejects(answering(answer).objects.read(PATH), { name: 'ApiUnreachableError' });
    }
  });
});
