import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Observer } from '../../src/cache/observer.ts';
import { createReads } from '../../src/kube/reads.ts';
import { decodeEntry, entryKey } from '../../src/policy/entry.ts';
import { isProtected } from '../../src/policy/pod-state.ts';
import { namespaceTracker } from '../../src/policy/trackers/namespace.ts';
import { FakeApi, refusal } from '../support/api.ts';
import { aNode, aPod, aRequest, aTracker, NOW, SETTINGS } from '../support/builders.ts';
import {
  aCache,
  type CacheWorld,
  ENTRY_KEY,
  NODE_PATH,
  POD_KEY,
  POD_PATH,
  TRACKER_KEY,
  TRACKER_PATH,
  trackerKindOf,
} from '../support/cache.ts';
import { aRawCluster, aRawNode, aRawPod, RESCHEDULE } from '../support/raw.ts';
import { settle } from '../support/time.ts';

const signal = new AbortController().signal;
const stale = { freshTracker: false, signal };
const fresh = { freshTracker: true, signal };
const synced = { pods: [aRawPod()], nodes: [aRawNode()], trackers: [aRawCluster()] };

/** An observer over the real cache and reads, and an API server that holds the same objects; `calls` counts. */
function anObserver(world: CacheWorld = synced, needsNode = true, ages: { pods?: number; trackers?: number } = {}) {
  const api = new FakeApi();
  api.put(POD_PATH, aRawPod());
  api.put(NODE_PATH, aRawNode());
  api.put(TRACKER_PATH, aRawCluster());
  const { pods = 0, trackers = 0 } = ages;
  const cache = { ...aCache(world), podsAgeMs: () => pods, trackersAgeMs: () => trackers };
  const trackerKind = trackerKindOf(world);
  const observer = new Observer({
    cache,
    reads: createReads(api),
    now: () => NOW,
    entryFor: (tracker, namespace, pod) => {
      const value = tracker.entries[entryKey(namespace, pod)];
      return value === undefined ? undefined : decodeEntry(value);
    },
    isProtected: (pod) => isProtected(pod, SETTINGS),
    needsNode: () => needsNode,
    ...(trackerKind === undefined ? {} : { trackerKind }),
  });
  return { observer, cache, api, calls: api.calls };
}

const base = { now: NOW, request: aRequest(), cacheKnowsInstance: true, isCacheStale: false };

describe('Observer.fromCache', () => {
  test('gathers pod, node and tracker without an API call', () => {
    const { observer, calls } = anObserver();
    const expected = { ...base, evidence: 'cache', pod: aPod(), node: aNode(), tracker: aTracker() };
    assert.deepEqual(observer.fromCache(aRequest()), expected);
    assert.deepEqual(calls, []);
  });

  test('finds the entry for the name, and the memory of an earlier instance', () => {
    const { observer, cache } = anObserver();
    const annotations = { [ENTRY_KEY]: '{"uid":"uid-z"}', 'reschedule.hook/db.cb-0001': '{"uid":"other"}' };
    cache.trackers.put(cache.project.tracker(aRawCluster({ metadata: { annotations, resourceVersion: '71' } })));
    const marked = { annotations: { [RESCHEDULE]: 'true' }, resourceVersion: '101' };
    cache.pods.put(cache.project.pod(aRawPod({ metadata: marked })));
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { uid: 'uid-b', resourceVersion: '120' } })));
    const { entry, remembered } = observer.fromCache(aRequest());
    assert.deepEqual(entry, { uid: 'uid-z' });
    assert.equal(remembered?.uid, 'uid-a');
  });

  test('for how long the pod has been ending, as the cache has seen it', () => {
    const { cache, observer } = anObserver();
    assert.equal(observer.fromCache(aRequest()).terminatingOrFinishedForMs, undefined);
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { resourceVersion: '101' }, status: { phase: 'Failed' } })));
    assert.equal(observer.fromCache(aRequest()).terminatingOrFinishedForMs, 0);
  });

  test('of a pod that is not there has neither pod nor tracker', () => {
    const { observer } = anObserver({ ...synced, pods: [] });
    assert.deepEqual(observer.fromCache(aRequest()), { ...base, evidence: 'cache', cacheKnowsInstance: false });
  });

  test('says why there is no tracker', () => {
    const { observer } = anObserver({ ...synced, trackers: [] });
    assert.equal(observer.fromCache(aRequest()).trackerMissing, 'no CouchbaseCluster db/cb');
    const unlabelled = aRawPod({ metadata: { labels: { app: 'couchbase' } } });
    const other = anObserver({ ...synced, pods: [unlabelled] });
    assert.equal(other.observer.fromCache(aRequest()).trackerMissing, 'the pod has no label couchbase_cluster');
  });

  test('looks for no tracker where tracking is off', () => {
    const { observer } = anObserver({ ...synced, trackers: [], trackerKind: 'off' });
    const pod = aPod({ labels: { app: 'couchbase' } });
    const expected = { ...base, evidence: 'cache', pod, node: aNode() };
    assert.deepEqual(observer.fromCache(aRequest()), expected);
  });
});

describe('Observer: whether the cache is stale', () => {
  for (const [podsAgeMs, isCacheStale] of [
    [0, false],
    [180_000, false],
    [180_001, true],
    [Number.POSITIVE_INFINITY, true],
  ] as const) {
    test(`${isCacheStale ? 'yes' : 'no'}, where the API server last told of pods ${podsAgeMs} ms ago`, async () => {
      const { observer } = anObserver(synced, false, { pods: podsAgeMs });
      assert.equal(observer.fromCache(aRequest()).isCacheStale, isCacheStale);
      assert.equal((await observer.live(aRequest(), stale)).isCacheStale, isCacheStale);
    });
  }
});

describe('Observer: whether tracking resources are stale', () => {
  for (const [trackers, isStale] of [
    [180_000, false],
    [180_001, true],
  ] as const) {
    test(`${isStale ? 'yes' : 'no'}, where the API server last told of them ${trackers} ms ago`, async () => {
      const { observer, calls } = anObserver(synced, false, { trackers });
      assert.equal(observer.fromCache(aRequest()).isCacheStale, isStale);
      await observer.live(aRequest(), stale);
      assert.deepEqual(calls, [`GET ${POD_PATH}`, ...(isStale ? [`GET ${TRACKER_PATH}`] : [])]);
    });
  }

  test('no matter, where the pod has none', () => {
    const { observer } = anObserver({ ...synced, trackers: [], trackerKind: 'off' }, false, { trackers: 180_001 });
    assert.equal(observer.fromCache(aRequest()).isCacheStale, false);
  });
});

describe('Observer.live', () => {
  test("reads no tracker for a pod that is not protected, though the cache has none: its failure is not that pod's", async () => {
    for (const labels of [{ app: 'web' }, {}]) {
      const { observer, api, calls } = anObserver({ ...synced, trackers: [] }, false);
      api.put(POD_PATH, aRawPod({ metadata: { labels: { ...labels, couchbase_cluster: 'cb' } } }));
      await observer.live(aRequest(), stale);
      assert.deepEqual(calls, [`GET ${POD_PATH}`]);
    }
  });

  test('reads the pod, and its node where that matters; the tracker that is cached costs nothing', async () => {
    const { observer, calls } = anObserver();
    const expected = { ...base, evidence: 'live', pod: aPod(), node: aNode(), tracker: aTracker() };
    assert.deepEqual(await observer.live(aRequest(), stale), expected);
    assert.deepEqual(calls, [`GET ${POD_PATH}`, `GET ${NODE_PATH}`]);
  });

  test('reads no node where it does not matter, or the pod has none', async () => {
    const { observer, calls } = anObserver(synced, false);
    assert.equal('node' in (await observer.live(aRequest(), stale)), false);
    const unscheduled = anObserver();
    unscheduled.api.put(POD_PATH, aRawPod({ spec: { nodeName: undefined } }));
    await unscheduled.observer.live(aRequest(), stale);
    assert.deepEqual([calls, unscheduled.calls], [[`GET ${POD_PATH}`], [`GET ${POD_PATH}`]]);
  });

  test('takes the node from the read, never from the cache', async () => {
    const { observer, api } = anObserver();
    api.put(NODE_PATH, aRawNode({ spec: { unschedulable: true } }));
    assert.equal((await observer.live(aRequest(), stale)).node?.unschedulable, true);
    api.objects.delete(NODE_PATH);
    assert.equal('node' in (await observer.live(aRequest(), stale)), false);
  });

  test('of a pod that is gone makes one call', async () => {
    const { observer, api, calls } = anObserver();
    api.objects.delete(POD_PATH);
    const expected = { ...base, evidence: 'live', cacheKnowsInstance: false };
    assert.deepEqual(await observer.live(aRequest(), fresh), expected);
    assert.deepEqual(calls, [`GET ${POD_PATH}`]);
  });

  test('says whether the cache has seen this very instance', async () => {
    const { observer, api } = anObserver();
    api.put(POD_PATH, aRawPod({ metadata: { uid: 'uid-b' } }));
    assert.equal((await observer.live(aRequest(), stale)).cacheKnowsInstance, false);
  });

  test('reads a tracker that the cache has not', async () => {
    const { observer, calls } = anObserver({ ...synced, trackers: [] }, false);
    assert.deepEqual((await observer.live(aRequest(), stale)).tracker, aTracker());
    assert.deepEqual(calls, [`GET ${POD_PATH}`, `GET ${TRACKER_PATH}`]);
  });

  test('reads a fresh tracker where that is asked for, and lets the cache know', async () => {
    const { observer, api, cache, calls } = anObserver(synced, false);
    api.annotate(TRACKER_PATH, { [ENTRY_KEY]: '{"uid":"uid-z"}' });
    assert.equal((await observer.live(aRequest(), stale)).entry, undefined);
    assert.deepEqual((await observer.live(aRequest(), fresh)).entry, { uid: 'uid-z' });
    assert.deepEqual(calls, [`GET ${POD_PATH}`, `GET ${POD_PATH}`, `GET ${TRACKER_PATH}`]);
    assert.equal(cache.trackers.get(TRACKER_KEY)?.entries[ENTRY_KEY], '{"uid":"uid-z"}');
  });

  test('says why there is no tracker, and believes the live answer over the cache', async () => {
    const { observer, api } = anObserver(synced, false);
    api.objects.delete(TRACKER_PATH);
    const observation = await observer.live(aRequest(), fresh);
    assert.equal(observation.trackerMissing, 'no CouchbaseCluster cb');
    assert.equal('tracker' in observation, false);
  });

  test('reads a cluster-scoped tracker at its own path', async () => {
    const { observer, api, calls } = anObserver({ ...synced, trackers: [], trackerKind: namespaceTracker }, false);
    api.put('/api/v1/namespaces/db', { metadata: { name: 'db', uid: 'u', resourceVersion: '1' } });
    assert.equal((await observer.live(aRequest(), stale)).tracker?.name, 'db');
    assert.equal(calls.at(-1), 'GET /api/v1/namespaces/db');
  });

  for (const path of [POD_PATH, NODE_PATH, TRACKER_PATH]) {
    test(`throws where the read of ${path} fails`, async () => {
      const { observer, api } = anObserver();
      api.before = (call) => {
        if (call === `GET ${path}`) throw refusal(500, { reason: 'InternalError' });
      };
      await assert.rejects(observer.live(aRequest(), fresh), { code: 500 });
    });
  }
});

describe('Observer.cacheKnows', () => {
  const successor = aRawPod({ metadata: { uid: 'uid-b', resourceVersion: '120' } });

  test('is true at once for the instance that is cached', async () => {
    const { observer } = anObserver();
    assert.equal(await observer.cacheKnows(aPod(), AbortSignal.abort()), true);
  });

  test('waits until the cache has this very instance, whatever else it hears', async () => {
    const { observer, cache } = anObserver();
    let known: boolean | undefined;
    void observer.cacheKnows(aPod({ uid: 'uid-b' }), signal).then((answer) => {
      known = answer;
    });
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { name: 'cb-0001', uid: 'uid-b' } })));
    cache.pods.remove(cache.project.pod(aRawPod({ metadata: { resourceVersion: '101' } })));
    await settle();
    assert.equal(known, undefined);
    cache.pods.put(cache.project.pod(successor));
    await settle();
    assert.equal(known, true);
  });

  test('is false when the signal comes first, and then listens no more', async () => {
    const { observer, cache } = anObserver();
    const giveUp = new AbortController();
    const known = observer.cacheKnows(aPod({ uid: 'uid-b' }), giveUp.signal);
    giveUp.abort();
    assert.equal(await known, false);
    assert.equal(await observer.cacheKnows(aPod({ uid: 'uid-b' }), AbortSignal.abort()), false);
    cache.pods.put(cache.project.pod(successor));
    assert.equal(cache.pods.get(POD_KEY)?.uid, 'uid-b');
  });
});
