import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/kube/client.ts';
import { isServed } from '../../src/kube/discovery.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { FakeApi } from '../support/api.ts';

/** As a 1.36 API server answers; what is not here is 404 in plain text. */
async function ask(
  answers: Readonly<Record<string, JsonObject>>,
  apiPath = '/apis/couchbase.com/v2',
  plural = 'couchbaseclusters',
) {
  const client = new FakeApi(({ path }) => {
    const answer = answers[path];
    if (answer === undefined) throw new ApiError(404, `GET ${path}`, undefined);
    return answer;
  });
  const served = await isServed(client, apiPath, plural, new AbortController().signal);
  return { served, calls: client.requests.map(({ path }) => path) };
}

const groups = (name: string, version: string): JsonObject => ({
  kind: 'APIGroupList',
  groups: [
    { name: 'apps', versions: [{ version: 'v1' }] },
    { name, versions: [{ version }] },
  ],
});
const resources = (...names: string[]): JsonObject => ({
  kind: 'APIResourceList',
  resources: names.map((name) => ({ name })),
});

describe('whether a kind is served', () => {
  const V2 = '/apis/couchbase.com/v2';
  const cases: [string, Readonly<Record<string, JsonObject>>, boolean][] = [
    ['its group is not there', { '/apis': groups('other.com', 'v2') }, false],
    ['its group has another version only', { '/apis': groups('couchbase.com', 'v1') }, false],
    ['its group has other kinds only', { '/apis': groups('couchbase.com', 'v2'), [V2]: resources('others') }, false],
    ['it is listed', { '/apis': groups('couchbase.com', 'v2'), [V2]: resources('others', 'couchbaseclusters') }, true],
  ];
  for (const [what, answers, expected] of cases) {
    test(`${what}: ${expected}`, async () => assert.equal((await ask(answers)).served, expected));
  }

  test('a kind of the core group is looked for there', async () => {
    const answers = { '/api/v1': resources('pods', 'namespaces') };
    assert.deepEqual(await ask(answers, '/api/v1', 'namespaces'), { served: true, calls: ['/api/v1'] });
  });

  const nothing: [string, Readonly<Record<string, JsonObject>>][] = [
    ['a 404 of discovery itself', {}],
    [
      'a 404 of the version, which has just gone or is hidden by something in between',
      { '/apis': groups('couchbase.com', 'v2') },
    ],
    ['an answer that is no list of groups', { '/apis': {} }],
    ['a group without versions', { '/apis': { groups: [{ name: 'couchbase.com' }] } }],
    ['an answer that is no list of resources', { '/apis': groups('couchbase.com', 'v2'), [V2]: {} }],
  ];
  for (const [what, answers] of nothing) {
    test(`${what} says nothing`, async () => {
      await assert.rejects(ask(answers), /404 without a Status body|discovery has no/);
    });
  }
});
