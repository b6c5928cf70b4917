import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Observer } from '../../src/cache/observer.ts';
import { createReads } from '../../src/kube/reads.ts';
import { type Observation, type Subject, seenValue, UNREAD } from '../../src/policy/observation.ts';
import { createTracking } from '../../src/policy/tracking/index.ts';
import { namespaceTracking } from '../../src/policy/tracking/namespace.ts';
import { FakeApi, refusal } from '../support/api.ts';
import { aNode, aPod, aRequest, aTracker, NOW, PROFILE, SETTINGS } from '../support/builders.ts';
import {
  aCache,
  type CacheWorld,
  ENTRY_KEY,
  NODE_PATH,
  POD_KEY,
  POD_PATH,
  settingsOf,
  TRACKER,
  TRACKER_PATH,
} from '../support/cache.ts';
import { aRawNamespace, CONFIGMAPS, NAMESPACE_PATH } from '../support/configmaps.ts';
import { aRawCluster, aRawNode, aRawPod, RESCHEDULE } from '../support/raw.ts';
import { aStillClock, settle } from '../support/time.ts';

const signal = new AbortController().signal;
const synced = { pods: [aRawPod()], nodes: [aRawNode()], trackers: [aRawCluster()] };

/** An observer over the real cache and reads, and an API server that holds the same objects; `calls` counts. */
function anObserver(world: CacheWorld = synced, ages: { pods?: number; trackers?: number } = {}) {
  const api = new FakeApi();
  api.put(POD_PATH, aRawPod());
  api.put(NODE_PATH, aRawNode());
  api.put(TRACKER_PATH, aRawCluster());
  const { pods = 0, trackers = 0 } = ages;
  const cache = { ...aCache(world), podsAgeMs: () => pods, nodesAgeMs: () => 0, trackersAgeMs: () => trackers };
  const settings = settingsOf(world);
  const observer = new Observer({ cache, reads: createReads(api), settings, clock: aStillClock(NOW) });
  const looks =
    (live: boolean) =>
    async (...subjects: Subject[]): Promise<Observation> => {
      let seen = observer.begin(aRequest());
      for (const at of subjects) seen = await observer.look(seen, { at, live }, signal);
      return seen;
    };
  return { observer, cache, api, calls: api.calls, fromCache: looks(false), live: looks(true) };
}

const cached = <T>(value: T) => ({ kind: 'present', value, from: 'cache' });
const live = <T>(value: T) => ({ kind: 'present', value, from: 'live' });

describe('Observer.look in the cache', () => {
  test('gathers pod, node and tracker without an API call', async () => {
    const { fromCache, calls } = anObserver();
    assert.deepEqual(await fromCache('pod', 'node', 'tracker'), {
      now: NOW,
      request: aRequest(),
      metadata: cached(aPod()),
      pod: cached(aPod()),
      node: cached(aNode()),
      tracker: cached(aTracker()),
      namespace: UNREAD,
      group: UNREAD,
      registration: UNREAD,
      self: UNREAD,
      target: UNREAD,
      budgets: UNREAD,
      profile: PROFILE,
      cacheKnowsInstance: true,
    });
    assert.deepEqual(calls, []);
  });

  test('what nobody has looked at is unread', async () => {
    const { fromCache } = anObserver();
    const { node, tracker } = await fromCache('pod');
    assert.deepEqual([node, tracker], [UNREAD, UNREAD]);
  });

  test('finds the entry for the name, and the memory of an earlier instance', async () => {
    const { fromCache, cache } = anObserver();
    const annotations = { [ENTRY_KEY]: '{"uid":"uid-z"}', 'reschedule.hook/db.cb-0001': '{"uid":"other"}' };
    cache.trackers.put(cache.project.tracker(aRawCluster({ metadata: { annotations, resourceVersion: '71' } })));
    const marked = { annotations: { [RESCHEDULE]: 'true' }, resourceVersion: '101' };
    cache.pods.put(cache.project.pod(aRawPod({ metadata: marked })));
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { uid: 'uid-b', resourceVersion: '120' } })));
    const { tracker, remembered } = await fromCache('pod', 'tracker');
    assert.equal(seenValue(tracker)?.entries[ENTRY_KEY], '{"uid":"uid-z"}');
    assert.equal(remembered?.uid, 'uid-a');
  });

  test('for how long the pod has been terminating or finished, as the cache has seen it', async () => {
    const { cache, fromCache } = anObserver();
    assert.equal((await fromCache('pod')).terminatingOrFinishedForMs, undefined);
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { resourceVersion: '101' }, status: { phase: 'Failed' } })));
    assert.equal((await fromCache('pod')).terminatingOrFinishedForMs, 0);
  });

  test('of a pod that is not there says so, and nothing of its metadata', async () => {
    const { fromCache } = anObserver({ ...synced, pods: [] });
    const { pod, metadata, cacheKnowsInstance } = await fromCache('pod');
    assert.deepEqual([pod, metadata, cacheKnowsInstance], [{ kind: 'absent', from: 'cache' }, UNREAD, false]);
  });

  test('says why there is no tracker', async () => {
    const { fromCache } = anObserver({ ...synced, trackers: [] });
    const why = 'no CouchbaseCluster db/cb';
    assert.deepEqual((await fromCache('pod', 'tracker')).tracker, { kind: 'absent', from: 'cache', why });
    const unlabelled = aRawPod({ metadata: { labels: { app: 'couchbase' } } });
    const other = anObserver({ ...synced, pods: [unlabelled] });
    const noLabel = 'the pod has no label couchbase_cluster';
    assert.deepEqual((await other.fromCache('pod', 'tracker')).tracker, {
      kind: 'absent',
      from: 'cache',
      why: noLabel,
    });
  });

  test('looks for no tracker where tracking is off, and there is no reason to be told', async () => {
    const { fromCache, live, calls } = anObserver({ ...synced, trackers: [], tracking: 'off' });
    assert.deepEqual((await fromCache('pod', 'tracker')).tracker, { kind: 'absent', from: 'live' });
    await live('pod', 'tracker');
    assert.deepEqual(calls, [`GET ${POD_PATH}`]);
  });
});

describe('Observer.look at the Namespace', () => {
  const settings = { ...SETTINGS, readsNamespacePolicy: true };
  const namespaces = [aRawNamespace()];

  test('in the cache, if that has it', async () => {
    const { fromCache, calls } = anObserver({ ...synced, namespaces, settings });
    assert.equal(seenValue((await fromCache('pod', 'namespace')).namespace)?.name, 'db');
    assert.deepEqual(calls, []);
  });

  test('live, if it is asked for, if the cache lacks it, or if that has heard nothing for minutes', async () => {
    for (const [world, ages, isLive] of [
      [{ namespaces }, {}, true],
      [{ namespaces: [] }, {}, false],
      [{ namespaces }, { trackers: 180_001 }, false],
    ] as const) {
      const { fromCache, live, calls, api } = anObserver({ ...synced, ...world, settings }, ages);
      const said = { 'reschedule.hook/policy': 'hold' };
      const { metadata } = aRawNamespace();
      api.put(NAMESPACE_PATH, { metadata: { ...(metadata as object), annotations: said } });
      const { namespace } = await (isLive ? live : fromCache)('namespace');
      assert.deepEqual([seenValue(namespace)?.policy, namespace.kind !== 'unread' && namespace.from], ['hold', 'live']);
      assert.deepEqual(calls, [`GET ${NAMESPACE_PATH}`]);
    }
  });
});

describe('Observer.look in a cache that has heard nothing for minutes: it reads live', () => {
  for (const [podsAgeMs, isStale] of [
    [0, false],
    [180_000, false],
    [180_001, true],
    [Number.POSITIVE_INFINITY, true],
  ] as const) {
    test(`${isStale ? 'yes' : 'no'}, where the API server last told of pods ${podsAgeMs} ms ago`, async () => {
      const { fromCache, calls } = anObserver(synced, { pods: podsAgeMs });
      assert.deepEqual((await fromCache('pod')).pod, isStale ? live(aPod()) : cached(aPod()));
      assert.deepEqual(calls, isStale ? [`GET ${POD_PATH}`] : []);
    });
  }

  for (const [trackers, isStale] of [
    [180_000, false],
    [180_001, true],
  ] as const) {
    test(`${isStale ? 'yes' : 'no'}, where the API server last told of trackers ${trackers} ms ago`, async () => {
      const { fromCache, calls } = anObserver(synced, { trackers });
      assert.deepEqual((await fromCache('pod', 'tracker')).tracker, isStale ? live(aTracker()) : cached(aTracker()));
      assert.deepEqual(calls, isStale ? [`GET ${TRACKER_PATH}`] : []);
    });
  }

  test('no matter, where the pod has no tracker', async () => {
    const { fromCache, calls } = anObserver({ ...synced, trackers: [], tracking: 'off' }, { trackers: 180_001 });
    await fromCache('pod', 'tracker');
    assert.deepEqual(calls, []);
  });

  test('no matter, for a pod that the cache does not have: its metadata will say whether it is protected', async () => {
    const { fromCache, calls } = anObserver({ ...synced, pods: [] }, { pods: 180_001 });
    assert.deepEqual((await fromCache('pod')).pod, { kind: 'absent', from: 'cache' });
    assert.deepEqual(calls, []);
  });
});

describe('Observer.look live', () => {
  test('reads what it is asked for, and nothing else', async () => {
    const { live: look, calls } = anObserver();
    const { pod, metadata, node, tracker } = await look('pod', 'node', 'tracker');
    assert.deepEqual([pod, metadata, node, tracker], [live(aPod()), live(aPod()), live(aNode()), live(aTracker())]);
    assert.deepEqual(calls, [`GET ${POD_PATH}`, `GET ${NODE_PATH}`, `GET ${TRACKER_PATH}`]);
  });

  test('of metadata asks for them alone, and knows by them whether the hook protects the pod', async () => {
    for (const [app, isProtected] of [
      ['couchbase', true],
      ['web', false],
    ] as const) {
      const { live: look, api, calls } = anObserver({ ...synced, pods: [] });
      api.put(POD_PATH, aRawPod({ metadata: { labels: { app } } }));
      const { metadata, pod, profile } = await look('metadata');
      assert.equal(seenValue(metadata)?.uid, 'uid-a');
      assert.deepEqual([pod, profile !== undefined], [UNREAD, isProtected]);
      assert.deepEqual(calls, [`GET ${POD_PATH}`]);
      assert.match(api.requests[0]?.accept ?? '', /as=PartialObjectMetadata/);
    }
  });

  test('metadata of another instance than the one that the cache has: that one is unread', async () => {
    const { observer, fromCache, api } = anObserver();
    const seen = await fromCache('pod');
    const same = await observer.look(seen, { at: 'metadata', live: true }, signal);
    assert.deepEqual(same.pod, cached(aPod()));
    api.put(POD_PATH, aRawPod({ metadata: { uid: 'uid-b' } }));
    const other = await observer.look(seen, { at: 'metadata', live: true }, signal);
    assert.deepEqual([other.pod, other.cacheKnowsInstance], [UNREAD, false]);
  });

  test('takes the node from the read, never from the cache', async () => {
    const { live: look, api } = anObserver();
    api.put(NODE_PATH, aRawNode({ spec: { unschedulable: true } }));
    assert.equal(seenValue((await look('pod', 'node')).node)?.unschedulable, true);
    api.objects.delete(NODE_PATH);
    assert.deepEqual((await look('pod', 'node')).node, { kind: 'absent', from: 'live' });
  });

  test('of a pod that is gone makes one call, also when all is looked at again', async () => {
    const { observer, live: look, api, calls } = anObserver();
    api.objects.delete(POD_PATH);
    const seen = await look('pod');
    const gone = { kind: 'absent', from: 'live' };
    assert.deepEqual([seen.pod, seen.metadata, seen.cacheKnowsInstance], [gone, gone, false]);
    assert.deepEqual((await observer.lookAgain(seen, signal)).pod, gone);
    assert.deepEqual(calls, [`GET ${POD_PATH}`, `GET ${POD_PATH}`]);
  });

  test('says whether the cache has seen this very instance', async () => {
    const { live: look, api } = anObserver();
    api.put(POD_PATH, aRawPod({ metadata: { uid: 'uid-b' } }));
    assert.equal((await look('pod')).cacheKnowsInstance, false);
  });

  test('a pod that was read anew leaves nothing of what hung on the old one', async () => {
    const { observer, live: look } = anObserver();
    const seen = await observer.look(await look('pod', 'node', 'tracker'), { at: 'pod', live: true }, signal);
    assert.deepEqual([seen.node, seen.tracker], [UNREAD, UNREAD]);
  });

  test('lets the cache know of a tracker that was read', async () => {
    const { live: look, fromCache, api, cache, calls } = anObserver();
    api.annotate(TRACKER_PATH, { [ENTRY_KEY]: '{"uid":"uid-z"}' });
    assert.deepEqual(seenValue((await fromCache('pod', 'tracker')).tracker)?.entries, {});
    assert.deepEqual(seenValue((await look('pod', 'tracker')).tracker)?.entries, { [ENTRY_KEY]: '{"uid":"uid-z"}' });
    assert.deepEqual(calls, [`GET ${POD_PATH}`, `GET ${TRACKER_PATH}`]);
    assert.equal(cache.trackers.get(TRACKER)?.entries[ENTRY_KEY], '{"uid":"uid-z"}');
  });

  test('what the cache lacks for a pod that was read live is read live: it may be behind with that, too', async () => {
    const { observer, live: look, calls } = anObserver({ ...synced, trackers: [] });
    const seen = await look('pod');
    const withTracker = await observer.look(seen, { at: 'tracker', live: false }, signal);
    assert.deepEqual(withTracker.tracker, live(aTracker()));
    const withNode = await observer.look(seen, { at: 'node', live: false }, signal);
    assert.deepEqual(withNode.node, live(aNode()));
    assert.deepEqual(calls, [`GET ${POD_PATH}`, `GET ${TRACKER_PATH}`, `GET ${NODE_PATH}`]);
  });

  test('says why there is no tracker, and believes the live answer over the cache', async () => {
    const { live: look, api } = anObserver();
    api.objects.delete(TRACKER_PATH);
    const why = 'no CouchbaseCluster db/cb';
    assert.deepEqual((await look('pod', 'tracker')).tracker, { kind: 'absent', from: 'live', why });
  });

  test('reads a cluster-scoped tracker at its own path', async () => {
    const { live: look, api, calls } = anObserver({ ...synced, trackers: [], tracking: namespaceTracking });
    api.put('/api/v1/namespaces/db', { metadata: { name: 'db', uid: 'u', resourceVersion: '1' } });
    assert.equal(seenValue((await look('pod', 'tracker')).tracker)?.name, 'db');
    assert.equal(calls.at(-1), 'GET /api/v1/namespaces/db');
  });

  for (const path of [POD_PATH, NODE_PATH, TRACKER_PATH]) {
    test(`rejects where the read of ${path} fails`, async () => {
      const { live: look, api } = anObserver();
      api.before = (call) => {
        if (call === `GET ${path}`) throw refusal(500, { reason: 'InternalError' });
      };
      await assert.rejects(look('pod', 'node', 'tracker'), { code: 500 });
    });
  }
});

describe('Observer.look at a tracker, while the type of tracking is changed', () => {
  const home = { namespace: 'hooks', installation: 'reschedule-hook' };
  const tracking = createTracking({ type: 'couchbasecluster', also: ['namespace'] }, home);
  const entry = '{"uid":"uid-z"}';
  const aNamespace = { metadata: { name: 'db', uid: 'u', resourceVersion: '1', annotations: { [ENTRY_KEY]: entry } } };

  /** An observer whose cache has the Namespace, or whose API server has it alone. */
  function reading(isCached: boolean) {
    const world = anObserver({ ...synced, tracking });
    world.api.put('/api/v1/namespaces/db', aNamespace);
    if (isCached) world.cache.trackers.put(world.cache.project.tracker(aNamespace, tracking.resources[1]));
    return world;
  }

  test('sees the entry at the other place too, in the cache or live', async () => {
    const { fromCache, calls } = reading(true);
    const seen = await fromCache('pod', 'tracker');
    assert.deepEqual(seen.elsewhere, { value: entry, on: 'Namespace db' });
    assert.deepEqual(seen.tracker, cached(aTracker()));
    assert.deepEqual(calls, []);
    const other = reading(false);
    const found = await other.live('pod', 'tracker');
    assert.deepEqual(found.elsewhere, seen.elsewhere);
    assert.deepEqual(other.calls, [`GET ${POD_PATH}`, `GET ${TRACKER_PATH}`, 'GET /api/v1/namespaces/db']);
  });

  test('a look at the metadata keeps it with the tracker, a look at the pod drops both', async () => {
    const { observer, fromCache } = reading(true);
    const seen = await fromCache('pod', 'tracker');
    const again = await observer.look(seen, { at: 'metadata', live: true }, signal);
    assert.deepEqual(again.elsewhere, seen.elsewhere);
    const anew = await observer.look(seen, { at: 'pod', live: true }, signal);
    assert.deepEqual([anew.tracker, anew.elsewhere], [UNREAD, undefined]);
  });

  test('fails if one of the places cannot be read', async () => {
    const { live: look, api } = reading(false);
    api.before = (call) => {
      if (call === 'GET /api/v1/namespaces/db') throw refusal(500);
    };
    await assert.rejects(look('pod', 'tracker'), { code: 500 });
  });
});

for (const tracking of [CONFIGMAPS, namespaceTracking]) {
  test(`the cache still has the Namespace before: what it remembers counts no more (S8), tracking by ${tracking.type}`, async () => {
    const world = { pods: [aRawPod({ metadata: { annotations: { [RESCHEDULE]: 'true' } } })], nodes: [aRawNode()] };
    const trackers = tracking === CONFIGMAPS ? {} : { trackers: [aRawNamespace()] };
    const { cache, api, live } = anObserver({ ...world, ...trackers, namespaces: [aRawNamespace()], tracking });
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { uid: 'uid-b', resourceVersion: '120' } })));
    for (const [uid, earlier] of [
      ['uid-db', 'uid-a'],
      ['uid-again', undefined],
    ] as const) {
      api.put(NAMESPACE_PATH, aRawNamespace(uid));
      for (const subjects of [
        ['pod', 'tracker'],
        ['pod', 'tracker', 'metadata'],
      ] as const) {
        api.put(POD_PATH, aRawPod({ metadata: { uid: 'uid-b', resourceVersion: '120' } }));
        assert.equal((await live(...subjects)).remembered?.uid, earlier, `${uid} ${subjects}`);
      }
    }
  });
}

describe('Observer.lookAgain', () => {
  test('reads pod and tracker live, and forgets the node', async () => {
    const { observer, fromCache, calls } = anObserver();
    const seen = await observer.lookAgain(await fromCache('pod', 'node', 'tracker'), signal);
    assert.deepEqual([seen.pod, seen.node, seen.tracker], [live(aPod()), UNREAD, live(aTracker())]);
    assert.deepEqual(calls, [`GET ${POD_PATH}`, `GET ${TRACKER_PATH}`]);
  });

  test("reads no tracker for a pod that is not protected: its failure is not that pod's", async () => {
    for (const labels of [{ app: 'web' }, {}]) {
      const { observer, api, calls } = anObserver({ ...synced, trackers: [] });
      api.put(POD_PATH, aRawPod({ metadata: { labels: { ...labels, couchbase_cluster: 'cb' } } }));
      await observer.lookAgain(observer.begin(aRequest()), signal);
      assert.deepEqual(calls, [`GET ${POD_PATH}`]);
    }
  });
});

describe('Observer.cacheKnows', () => {
  const successor = aRawPod({ metadata: { uid: 'uid-b', resourceVersion: '120' } });

  /** An observer that has read the successor live, which its cache has not seen. */
  async function aheadOfItsCache() {
    const world = anObserver();
    world.api.put(POD_PATH, successor);
    return { ...world, seen: await world.live('pod') };
  }

  test('is true at once for the instance that is cached', async () => {
    const { observer, live: look } = anObserver();
    assert.equal(await observer.cacheKnows(await look('pod'), AbortSignal.abort()), true);
  });

  test('waits until the cache has this very instance, whatever else it hears', async () => {
    const { observer, cache, seen } = await aheadOfItsCache();
    let known: boolean | undefined;
    void observer.cacheKnows(seen, signal).then((answer) => {
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
    const { observer, cache, seen } = await aheadOfItsCache();
    const giveUp = new AbortController();
    const known = observer.cacheKnows(seen, giveUp.signal);
    giveUp.abort();
    assert.equal(await known, false);
    assert.equal(await observer.cacheKnows(seen, AbortSignal.abort()), false);
    cache.pods.put(cache.project.pod(successor));
    assert.equal(cache.pods.get(POD_KEY)?.uid, 'uid-b');
  });
});
