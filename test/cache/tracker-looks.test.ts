import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TrackerLooks } from '../../src/cache/tracker-looks.ts';
import { trackerAt } from '../../src/cache/trackers.ts';
import { createReads } from '../../src/kube/reads.ts';
import type { TrackedAt } from '../../src/policy/tracking/tracking.ts';
import { answering, FakeApi } from '../support/api.ts';
import { aPod } from '../support/builders.ts';
import { aCache, ENTRY_KEY } from '../support/cache.ts';
import {
  aRawConfigMap,
  aRawNamespace,
  CONFIGMAP_COLLECTION,
  CONFIGMAP_PATH,
  CONFIGMAPS,
  NAMESPACE_PATH,
} from '../support/configmaps.ts';

const PLACE = CONFIGMAPS.locate(aPod()) as TrackedAt;
const ENTRIES = { [ENTRY_KEY]: '{"uid":"uid-z"}' };
const { signal } = new AbortController();
const READS = [`GET ${NAMESPACE_PATH}`, `GET ${CONFIGMAP_PATH}`];

/** Looks in a cache, and in an API server that has the namespace and, if given, the ConfigMap. */
function aLook({
  map,
  cached,
  namespaces = [aRawNamespace()],
}: {
  map?: object;
  cached?: object;
  namespaces?: object[];
}) {
  const api = new FakeApi();
  api.put(NAMESPACE_PATH, aRawNamespace());
  if (map !== undefined) api.put(CONFIGMAP_PATH, { ...map });
  const trackers = cached === undefined ? [] : [{ ...cached }];
  const cache = aCache({ tracking: CONFIGMAPS, trackers, namespaces: namespaces.map((one) => ({ ...one })) });
  const looks = new TrackerLooks({ cache, reads: createReads(api) });
  return { api, cache, look: (live: boolean) => looks.lookAt(PLACE, live, signal), calls: api.calls };
}

/** What is seen of it: whence, and its entries or why it is not there. */
async function seenBy(look: Promise<Awaited<ReturnType<TrackerLooks['lookAt']>>>) {
  const seen = await look;
  return seen.kind === 'present' ? [seen.from, seen.value.entries] : [seen.from, seen.why];
}

describe('a look at a ConfigMap', () => {
  test('in the cache, if it has that of the present namespace', async () => {
    const { look, calls } = aLook({ cached: aRawConfigMap(ENTRIES) });
    assert.deepEqual(await seenBy(look(false)), ['cache', ENTRIES]);
    assert.deepEqual(calls, []);
  });

  test('that does not exist is one without entries, which is yet to be created', async () => {
    for (const live of [false, true]) {
      const { look, calls } = aLook({});
      const seen = await look(live);
      assert.ok(seen.kind === 'present');
      const { uid, resourceVersion, owner, entries, leftover } = seen.value;
      assert.deepEqual(
        [seen.from, uid, resourceVersion, entries, leftover],
        [live ? 'live' : 'cache', '', '', {}, undefined],
      );
      assert.deepEqual(owner, { namespace: 'db', uid: 'uid-db' });
      assert.deepEqual(calls.sort(), live ? READS : []);
    }
  });

  test('is live where the cache does not know the namespace, or has another of its name', async () => {
    for (const namespaces of [[], [aRawNamespace('uid-old')]]) {
      const { look } = aLook({ map: aRawConfigMap(ENTRIES), cached: aRawConfigMap(ENTRIES), namespaces });
      assert.deepEqual(await seenBy(look(false)), ['live', ENTRIES]);
    }
  });

  test('of an earlier namespace of that name is not believed, by cache or live (S8)', async () => {
    const old = aRawConfigMap(ENTRIES, { owner: 'uid-old' });
    for (const live of [false, true]) {
      const { look, cache } = aLook({ map: old, cached: old });
      const seen = await look(live);
      assert.ok(seen.kind === 'present');
      assert.deepEqual([seen.from, seen.value.entries], ['live', {}]);
      assert.deepEqual(seen.value.leftover, { uid: 'uid-map', resourceVersion: '70' });
      assert.equal(trackerAt(cache, PLACE), undefined);
    }
  });

  test('without an owner likewise', async () => {
    const { look } = aLook({ map: aRawConfigMap(ENTRIES, { owner: '' }) });
    const seen = await look(true);
    assert.ok(seen.kind === 'present' && seen.value.leftover !== undefined);
  });

  test('that somebody else has under its name is none', async () => {
    const { look } = aLook({ map: aRawConfigMap(ENTRIES, { labels: {} }) });
    const why = 'ConfigMap hooks/reschedule-hook.db is not one of this installation';
    assert.deepEqual(await seenBy(look(true)), ['live', why]);
  });

  test('without its namespace is none either', async () => {
    const { look, api } = aLook({ map: aRawConfigMap(ENTRIES) });
    api.objects.delete(NAMESPACE_PATH);
    assert.deepEqual(await seenBy(look(true)), ['live', 'no Namespace db']);
  });

  test('that is gone takes it out of the cache, so that the next write does not rest on it', async () => {
    const { look, cache } = aLook({ cached: aRawConfigMap(ENTRIES) });
    assert.deepEqual(await seenBy(look(true)), ['live', {}]);
    assert.equal(cache.trackers.get(PLACE), undefined);
  });

  test('that fails is doubt', async () => {
    for (const path of [CONFIGMAP_PATH, NAMESPACE_PATH]) {
      const { look, api } = aLook({});
      api.before = (call) => {
        if (call === `GET ${path}`) throw new Error('no');
      };
      await assert.rejects(look(true), /no/);
    }
  });
});

test('the watch is of the ConfigMaps of this installation in the namespace of the hook, and of all Namespaces', async () => {
  const client = answering(new Error('not now'));
  const cache = aCache({ client, tracking: CONFIGMAPS });
  cache.start();
  await cache.stop();
  const listed = client.requests.map(({ path, query }) => [path, query?.labelSelector]);
  assert.deepEqual(listed.slice(2), [
    [CONFIGMAP_COLLECTION, 'reschedule.hook/installation=reschedule-hook'],
    ['/api/v1/namespaces', undefined],
  ]);
});
