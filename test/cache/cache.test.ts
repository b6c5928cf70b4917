import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { type Cache, createCache } from '../../src/cache/cache.ts';
import { Observer } from '../../src/cache/observer.ts';
import type { ApiRequest, JsonObject } from '../../src/kube/client.ts';
import { createReads } from '../../src/kube/reads.ts';
import { couchbaseCluster } from '../../src/policy/tracking/couchbasecluster.ts';
import { NO_TRACKING, type Tracking } from '../../src/policy/tracking/index.ts';
import { FakeApi, refusal } from '../support/api.ts';
import { aRequest, settingsWith } from '../support/builders.ts';
import { aRawConfigMap, aRawNamespace, CONFIGMAP_COLLECTION, CONFIGMAPS } from '../support/configmaps.ts';
import { aRawCluster, aRawNode, aRawPod } from '../support/raw.ts';
import { mockTime, settle } from '../support/time.ts';

const PODS = '/api/v1/pods';
const NODES = '/api/v1/nodes';
const TRACKERS = '/apis/couchbase.com/v2/couchbaseclusters';
const NAMESPACES = '/api/v1/namespaces';
const ITEMS: Record<string, JsonObject> = {
  [PODS]: aRawPod(),
  [NODES]: aRawNode(),
  [TRACKERS]: aRawCluster(),
  [CONFIGMAP_COLLECTION]: aRawConfigMap(),
  [NAMESPACES]: aRawNamespace(),
};
/** How old the copy of pods may be before nothing is answered from it alone. */
const STALE_AFTER_MS = 180_000;

/** An API server that lists one object of each kind. */
function aServer(): FakeApi {
  const server = new FakeApi();
  for (const [path, item] of Object.entries(ITEMS)) server.lists.set(path, [item]);
  return server;
}

/** The real cache with its reflectors, without tracking unless told, between such a server and a clock that the test moves. */
function aRunningCache(t: TestContext, tracking: Tracking = NO_TRACKING) {
  const time = mockTime(t);
  const server = aServer();
  const bookmark = (path: string) => server.send(path, 'BOOKMARK', { metadata: { resourceVersion: '1001' } });
  const settings = settingsWith({ tracking });
  const cache: Cache = createCache({
    client: server,
    settings,
    clock: time,
    random: () => 0,
    log: () => undefined,
  });
  t.after(() => cache.stop());
  const observer = new Observer({ cache, reads: createReads(server), settings, clock: time });
  /** Whether nothing may be answered from the cache alone: it has no such pod, or pod or tracker are read live instead. */
  const isStale = async () => {
    const { signal } = new AbortController();
    const before = server.requests.length;
    const look = async () => {
      const seen = await observer.look(observer.begin(aRequest()), { at: 'pod', live: false }, signal);
      return seen.pod.kind === 'absent' ? seen : observer.look(seen, { at: 'tracker', live: false }, signal);
    };
    const seen = await look().catch(() => undefined);
    return seen?.pod.kind !== 'present' || server.requests.length > before;
  };
  /** In steps of a second, as reflectors try again meanwhile. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 1_000) await time.advance(Math.min(left, 1_000));
  };
  return { cache, server, bookmark, pass, isStale };
}

describe('a cache that may lack pods says why', () => {
  const mayNot = (verb: 'list' | 'watch') => (call: string, request: ApiRequest) => {
    const isWatch = request.query?.watch === true;
    if (call.includes(PODS) && isWatch === (verb === 'watch')) throw refusal(403);
  };

  test('it has not synced yet: a moment may help', (t) => {
    const { cache } = aRunningCache(t);
    assert.deepEqual(cache.podsTrouble(), { text: "the hook's cache has not synced", lasts: false });
  });

  test('it may not list pods, or the list fails: a moment does not help', async (t) => {
    const { cache, server, pass } = aRunningCache(t);
    server.before = mayNot('list');
    cache.start();
    await settle();
    assert.deepEqual(cache.podsTrouble(), {
      text: "the hook's cache has not synced: it may not list pods",
      lasts: true,
    });
    server.before = () => {
      throw refusal(429, { message: 'slow down' });
    };
    await pass(60_000);
    const text = "the hook's cache has not synced: fake: 429 slow down";
    assert.deepEqual(cache.podsTrouble(), { text, lasts: true });
    server.before = () => undefined;
    await pass(60_000);
    assert.equal(cache.podsTrouble(), undefined);
  });

  test('it may not watch pods, although it may list them', async (t) => {
    const { cache, server } = aRunningCache(t);
    server.before = mayNot('watch');
    cache.start();
    await settle();
    assert.deepEqual(cache.podsTrouble(), { text: "the hook's cache is behind: it may not watch pods", lasts: true });
  });

  test('a watch that only broke off is no reason, nor is a kind that is not about pods', async (t) => {
    const { cache, server } = aRunningCache(t);
    server.before = (call) => {
      if (call.includes(NODES)) throw refusal(403);
    };
    cache.start();
    await settle();
    server.leave();
    await settle();
    assert.equal(cache.podsTrouble(), undefined);
  });
});

describe('a cache, by the age of what it knows of pods', () => {
  test('is stale before the first list, and not after it', async (t) => {
    const { cache, isStale } = aRunningCache(t);
    assert.equal(cache.podsAgeMs(), Number.POSITIVE_INFINITY);
    assert.equal(await isStale(), true);
    cache.start();
    await settle();
    assert.equal(cache.podsAgeMs(), 0);
    assert.equal(await isStale(), false);
  });

  test('is stale once the API server has been away for more than three minutes, and not when it is back', async (t) => {
    const { cache, server, pass, isStale } = aRunningCache(t);
    cache.start();
    await settle();
    server.leave();
    await pass(STALE_AFTER_MS);
    assert.equal(cache.podsAgeMs(), STALE_AFTER_MS);
    assert.equal(await isStale(), false);
    await pass(1);
    assert.equal(cache.podsAgeMs(), STALE_AFTER_MS + 1);
    assert.equal(await isStale(), true);
    assert.equal(cache.hasSynced(), true, 'it may still say who has to wait');

    // Long enough for the next try to fail, too, after which nobody builds on the old watch any more.
    await pass(60_000);
    server.isAway = false;
    await pass(60_000);
    assert.equal(await isStale(), false, 'a new list');
  });

  test('is kept fresh by the bookmarks of a watch on which nothing happens', async (t) => {
    const { cache, bookmark, pass, isStale } = aRunningCache(t);
    cache.start();
    await settle();
    for (let minute = 0; minute < 5; minute++) {
      await pass(60_000);
      bookmark(PODS);
      await settle();
      assert.equal(cache.podsAgeMs(), 0);
    }
    assert.equal(await isStale(), false);
  });

  test('is not made fresh by what is told of nodes', async (t) => {
    const { cache, bookmark, pass, isStale } = aRunningCache(t);
    cache.start();
    await settle();
    for (let minute = 0; minute < 3; minute++) {
      // The watch of pods is given up every 100 s of silence; its successor opens, and tells as little.
      await pass(60_000);
      bookmark(NODES);
    }
    await pass(1);
    assert.equal(cache.podsAgeMs(), STALE_AFTER_MS + 1);
    assert.equal(await isStale(), true);
  });

  test('is stale, too, for a pod of whose tracking resource nothing is told any more', async (t) => {
    const { cache, bookmark, pass, isStale } = aRunningCache(t, couchbaseCluster);
    assert.equal(cache.trackersAgeMs(), Number.POSITIVE_INFINITY);
    cache.start();
    await settle();
    assert.equal(cache.trackersAgeMs(), 0);
    for (let minute = 0; minute < 3; minute++) {
      await pass(60_000);
      bookmark(PODS);
      bookmark(NODES);
    }
    assert.equal(await isStale(), false);
    await pass(1);
    assert.equal(cache.trackersAgeMs(), STALE_AFTER_MS + 1);
    assert.equal(await isStale(), true);
  });

  for (const [silent, told] of [
    [CONFIGMAP_COLLECTION, NAMESPACES],
    [NAMESPACES, CONFIGMAP_COLLECTION],
  ] as const) {
    test(`is stale for a pod with a ConfigMap if nothing is told of ${silent}: both are needed to believe it`, async (t) => {
      const { cache, bookmark, pass, isStale } = aRunningCache(t, CONFIGMAPS);
      cache.start();
      await settle();
      for (let minute = 0; minute < 3; minute++) {
        await pass(60_000);
        for (const path of [PODS, NODES, told]) bookmark(path);
      }
      assert.equal(await isStale(), false);
      await pass(1);
      assert.equal(cache.trackersAgeMs(), STALE_AFTER_MS + 1);
      assert.equal(await isStale(), true);
    });
  }
});
