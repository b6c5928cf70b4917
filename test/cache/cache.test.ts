import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { type Cache, createCache } from '../../src/cache/cache.ts';
import { Observer } from '../../src/cache/observer.ts';
import type { JsonObject } from '../../src/kube/client.ts';
import { createReads } from '../../src/kube/reads.ts';
import { ENTRY_PREFIX } from '../../src/policy/entry.ts';
import { couchbaseCluster } from '../../src/policy/trackers/couchbasecluster.ts';
import type { TrackerKind } from '../../src/policy/trackers/index.ts';
import { FakeApi } from '../support/api.ts';
import { aRequest, NOW } from '../support/builders.ts';
import { aRawCluster, aRawNode, aRawPod, RESCHEDULE } from '../support/raw.ts';
import { mockTime, settle } from '../support/time.ts';

const PODS = '/api/v1/pods';
const NODES = '/api/v1/nodes';
const TRACKERS = '/apis/couchbase.com/v2/couchbaseclusters';
const ITEMS: Record<string, JsonObject> = { [PODS]: aRawPod(), [NODES]: aRawNode(), [TRACKERS]: aRawCluster() };
/** How old the copy of pods may be before nothing is answered from it alone. */
const STALE_AFTER_MS = 180_000;

/** An API server that lists one object of each kind. */
function aServer(): FakeApi {
  const server = new FakeApi();
  for (const [path, item] of Object.entries(ITEMS)) server.lists.set(path, [item]);
  return server;
}

/** The real cache with its reflectors, without tracking unless told, between such a server and a clock that the test moves. */
function aRunningCache(t: TestContext, tracking: { trackerKind?: TrackerKind } = {}) {
  const time = mockTime(t);
  const server = aServer();
  const bookmark = (path: string) => server.tell(path, 'BOOKMARK', { metadata: { resourceVersion: '1001' } });
  const cache: Cache = createCache({
    ...tracking,
    client: server,
    labelSelector: 'app=couchbase',
    selectorKeys: ['app'],
    annotationKey: RESCHEDULE,
    entryPrefix: ENTRY_PREFIX,
    isProtected: () => true,
    isMarked: () => false,
    isDraining: () => false,
    now: () => NOW,
    monotonicNow: time.monotonicNow,
    random: () => 0,
    log: () => undefined,
  });
  t.after(() => cache.stop());
  const observer = new Observer({
    ...tracking,
    cache,
    reads: createReads(server),
    now: () => NOW,
    entryFor: () => undefined,
    isProtected: () => true,
    needsNode: () => false,
  });
  const isStale = () => observer.fromCache(aRequest()).isCacheStale;
  /** In steps of a second, as reflectors try again meanwhile. */
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 1_000) await time.advance(Math.min(left, 1_000));
  };
  return { cache, server, bookmark, pass, isStale };
}

describe('a cache, by the age of what it knows of pods', () => {
  test('is stale before the first list, and not after it', async (t) => {
    const { cache, isStale } = aRunningCache(t);
    assert.equal(cache.podsAgeMs(), Number.POSITIVE_INFINITY);
    assert.equal(isStale(), true);
    cache.start();
    await settle();
    assert.equal(cache.podsAgeMs(), 0);
    assert.equal(isStale(), false);
  });

  test('is stale once the API server has been away for more than three minutes, and not when it is back', async (t) => {
    const { cache, server, pass, isStale } = aRunningCache(t);
    cache.start();
    await settle();
    server.leave();
    await pass(STALE_AFTER_MS);
    assert.equal(cache.podsAgeMs(), STALE_AFTER_MS);
    assert.equal(isStale(), false);
    await pass(1);
    assert.equal(cache.podsAgeMs(), STALE_AFTER_MS + 1);
    assert.equal(isStale(), true);
    assert.equal(cache.hasSynced(), true, 'it may still say who has to wait');

    // Long enough for the next try to fail, too, after which nobody builds on the old watch any more.
    await pass(60_000);
    server.isAway = false;
    await pass(60_000);
    assert.equal(isStale(), false, 'a new list');
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
    assert.equal(isStale(), false);
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
    assert.equal(isStale(), true);
  });

  test('is stale, too, for a pod of whose tracking resource nothing is told any more', async (t) => {
    const { cache, bookmark, pass, isStale } = aRunningCache(t, { trackerKind: couchbaseCluster });
    assert.equal(cache.trackersAgeMs(), Number.POSITIVE_INFINITY);
    cache.start();
    await settle();
    assert.equal(cache.trackersAgeMs(), 0);
    for (let minute = 0; minute < 3; minute++) {
      await pass(60_000);
      bookmark(PODS);
      bookmark(NODES);
    }
    assert.equal(isStale(), false);
    await pass(1);
    assert.equal(cache.trackersAgeMs(), STALE_AFTER_MS + 1);
    assert.equal(isStale(), true);
  });
});
