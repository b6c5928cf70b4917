import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createListWatch } from '../../src/informer/list-watch.ts';
import type { ApiClient } from '../../src/kube/client.ts';
import { answering } from '../support/api.ts';

const signal = new AbortController().signal;

function aClient(answer: unknown) {
  const client = answering(answer);
  return { client, requests: client.requests };
}

const aList = (metadata: object) => ({ kind: 'PodList', metadata, items: [{ metadata: { name: 'a' } }] });

describe('createListWatch', () => {
  test('asks for a page of the collection, without a resourceVersion: the most recent state', async () => {
    const { client, requests } = aClient(aList({ resourceVersion: '10', continue: 'next' }));
    const page = await createListWatch(client, '/api/v1/pods', 'app in (couchbase)').list({ limit: 500, signal });
    assert.deepEqual(page, { items: [{ metadata: { name: 'a' } }], resourceVersion: '10', continueToken: 'next' });
    const query = { limit: 500, continue: undefined, labelSelector: 'app in (couchbase)' };
    const [{ onBytes: _, ...request } = {}] = requests;
    assert.deepEqual(request, { method: 'GET', path: '/api/v1/pods', query, signal, maxBytes: undefined });
  });

  test('passes on how much a page may weigh, and reports what it weighed', async () => {
    const client: ApiClient = {
      async json({ maxBytes = 0, onBytes }) {
        onBytes?.(maxBytes - 1);
        return aList({ resourceVersion: '10' });
      },
      stream: () => Promise.reject(new Error('nobody watches')),
    };
    const { bytes } = await createListWatch(client, '/api/v1/pods').list({ limit: 5, maxBytes: 1_000_000, signal });
    assert.equal(bytes, 999_999);
  });

  test('goes on with the token of the page before', async () => {
    const { client, requests } = aClient(aList({ resourceVersion: '10' }));
    await createListWatch(client, '/api/v1/nodes').list({ limit: 500, continueToken: 'next', signal });
    assert.deepEqual(requests[0]?.query, { limit: 500, continue: 'next', labelSelector: undefined });
  });

  for (const end of [{}, { continue: '' }, { continue: null }]) {
    test(`takes ${JSON.stringify(end)} for the last page`, async () => {
      const { client } = aClient(aList({ resourceVersion: '10', ...end }));
      const page = await createListWatch(client, '/api/v1/pods').list({ limit: 500, signal });
      assert.equal('continueToken' in page, false);
    });
  }

  for (const [what, body] of [
    ['no items', { metadata: { resourceVersion: '10' } }],
    ['items that are null', { metadata: { resourceVersion: '10' }, items: null }],
    ['no resourceVersion', { metadata: {}, items: [] }],
    ['no metadata', { items: [] }],
    ['nothing at all', null],
  ] as const) {
    test(`a list with ${what} is no empty list, but a TypeError`, async () => {
      const { client } = aClient(body);
      await assert.rejects(createListWatch(client, '/api/v1/pods').list({ limit: 500, signal }), TypeError);
    });
  }

  test('watches from a resourceVersion, with bookmarks and an end', async () => {
    const { client, requests } = aClient({});
    await createListWatch(client, '/api/v1/pods', 'a').watch({ resourceVersion: '10', timeoutSeconds: 400, signal });
    const query = {
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: '10',
      timeoutSeconds: 400,
      labelSelector: 'a',
    };
    assert.deepEqual(requests, [{ method: 'GET', path: '/api/v1/pods', query, signal }]);
  });
});
