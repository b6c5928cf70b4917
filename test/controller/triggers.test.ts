import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { projectReporter } from '../../src/cache/hindrances/hindrances.ts';
import { type ObjectKey, storeKey } from '../../src/cache/keys.ts';
import { wakeOnChanges } from '../../src/controller/triggers.ts';
import { createTracking } from '../../src/policy/tracking/index.ts';
import { namespaceTracking } from '../../src/policy/tracking/namespace.ts';
import { PROFILE, SETTINGS, settingsWith } from '../support/builders.ts';
import { aCache, type CacheWorld, ENTRY_KEY, settingsOf } from '../support/cache.ts';
import { aRawConfigMap, aRawNamespace, CONFIGMAPS } from '../support/configmaps.ts';
import { present } from '../support/entries.ts';
import { aRawCluster, aRawNode, aRawPod, RESCHEDULE } from '../support/raw.ts';
import { FakeClock, settle } from '../support/time.ts';

/** What is woken from now on, by a cache that is wired. */
function aWiredCache(world: CacheWorld = {}, stalled: readonly ObjectKey[] = []) {
  const nodes = [aRawNode(), aRawNode({ metadata: { name: 'node-2' } })];
  const cache = aCache({ pods: [], nodes, trackers: [], ...world });
  const woken: string[] = [];
  let adds = 0;
  const queue = (kind: string) => ({
    add(key: ObjectKey) {
      adds++;
      woken.push(`${kind} ${storeKey(key)}`);
    },
  });
  const clock = new FakeClock();
  const queues = {
    entries: queue('tracker'),
    earlierInstances: queue('departed'),
    markEvents: queue('requested'),
    stalledPods: queue('stall'),
    withdrawals: queue('withdrawal'),
    evictions: queue('eviction'),
  };
  const { stop } = wakeOnChanges(cache, settingsOf(world), queues, { clock, stalledPods: () => stalled });
  return {
    cache,
    clock,
    stop,
    adds: () => adds,
    woken: () => [...new Set(woken.splice(0))].sort(),
    pod: (...args: Parameters<typeof present>) => cache.pods.put(cache.project.pod(present(...args))),
  };
}

describe('wakeOnChanges', () => {
  test('a pod wakes its tracking resource, when it comes, changes and goes', () => {
    const { cache, woken, pod } = aWiredCache();
    pod({ version: 1 });
    assert.deepEqual(woken(), ['tracker db/cb']);
    pod({ version: 2, node: 'node-2' });
    assert.deepEqual(woken(), ['tracker db/cb']);
    cache.pods.replace([]);
    assert.deepEqual(woken(), ['tracker db/cb']);
  });

  test('a mark, and what becomes of its node, wake who takes it back, if its profile does so', async () => {
    const nodes = (cache: ReturnType<typeof aWiredCache>['cache'], resourceVersion: string) =>
      cache.nodes.put(cache.project.node(aRawNode({ metadata: { resourceVersion }, spec: { unschedulable: true } })));
    for (const withdraws of [true, false]) {
      const { cache, woken, pod } = aWiredCache({ settings: settingsWith({ withdraws }) });
      const isWoken = () => woken().includes('withdrawal db/cb-0000');
      pod({ version: 1 });
      assert.equal(isWoken(), false, 'not marked');
      pod({ version: 2, mark: 'true' });
      assert.equal(isWoken(), withdraws);
      nodes(cache, '60');
      await settle();
      assert.equal(isWoken(), withdraws);
      pod({ version: 3 });
      assert.equal(isWoken(), withdraws, 'what is remembered of it goes');
    }
  });

  test('a pod wakes its namespace where that is the tracking resource', () => {
    const { woken, pod } = aWiredCache({ tracking: namespaceTracking });
    pod({});
    assert.deepEqual(woken(), ['tracker db']);
  });

  test('a pod that changes its profile wakes the tracking resources of both, since its entry may be on the first', () => {
    const byLabel = { ...PROFILE, selectors: [[{ op: 'exists', key: 'tier' }]] as const, tracking: namespaceTracking };
    const { cache, woken } = aWiredCache({ settings: { ...SETTINGS, profiles: [byLabel, PROFILE] } });
    const put = (resourceVersion: string, labels: Record<string, string>) => {
      const all = { app: 'couchbase', couchbase_cluster: 'cb', ...labels };
      cache.pods.put(cache.project.pod(aRawPod({ metadata: { resourceVersion, labels: all } })));
    };
    put('1', { tier: 'data' });
    assert.deepEqual(woken(), ['tracker db']);
    put('2', {});
    assert.deepEqual(woken(), ['tracker db', 'tracker db/cb']);
    cache.pods.replace([]);
    assert.deepEqual(woken(), ['tracker db/cb']);
  });

  test('a pod wakes each place where its entries are read', () => {
    const home = { namespace: 'hooks', installation: 'reschedule-hook' };
    const tracking = createTracking({ type: 'configmap', also: ['couchbasecluster', 'namespace'] }, home);
    const { woken, pod } = aWiredCache({ tracking });
    pod({});
    assert.deepEqual(woken(), ['tracker db', 'tracker db/cb', 'tracker hooks/reschedule-hook.db']);
  });

  test('a namespace wakes its ConfigMap, and no other, when it comes and when it goes', () => {
    const { cache, woken } = aWiredCache({ tracking: CONFIGMAPS, trackers: [aRawConfigMap()], namespaces: [] });
    const other = { metadata: { name: 'other', uid: 'u', resourceVersion: '1' } };
    cache.namespaces.put(cache.project.namespace(other));
    assert.deepEqual(woken(), []);
    cache.namespaces.put(cache.project.namespace(aRawNamespace()));
    assert.deepEqual(woken(), ['tracker hooks/reschedule-hook.db']);
    cache.namespaces.replace([]);
    assert.deepEqual(woken(), ['tracker hooks/reschedule-hook.db']);
  });

  test('a pod may stall because of an entry in a ConfigMap, if that is of the present namespace', () => {
    for (const [owner, expected] of [
      ['uid-db', ['stall db/cb-0000']],
      ['uid-old', []],
    ] as const) {
      const map = aRawConfigMap({ [ENTRY_KEY]: '{}' }, { owner });
      const { woken, pod } = aWiredCache({ tracking: CONFIGMAPS, trackers: [map], namespaces: [aRawNamespace()] });
      pod({});
      assert.deepEqual(
        woken().filter((one) => one.startsWith('stall')),
        expected,
      );
    }
  });

  test('a pod without a tracking resource wakes none, nor where tracking is off', () => {
    const unlabelled = aWiredCache();
    const { cache } = unlabelled;
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { labels: { app: 'couchbase' } } })));
    const off = aWiredCache({ tracking: 'off' });
    off.pod({});
    assert.deepEqual([unlabelled.woken(), off.woken()], [[], []]);
  });

  test('a mark, its end, and the end of a marked pod wake who tells of it', () => {
    const { cache, woken, pod } = aWiredCache({ tracking: 'off' });
    pod({ version: 1 });
    assert.deepEqual(woken(), []);
    pod({ version: 2, mark: 'true' });
    assert.deepEqual(woken(), ['requested db/cb-0000', 'stall db/cb-0000']);
    pod({ version: 3, mark: 'false' });
    assert.deepEqual(woken(), ['requested db/cb-0000', 'stall db/cb-0000']);
    pod({ version: 4, mark: 'true' });
    woken();
    cache.pods.replace([]);
    assert.deepEqual(woken(), ['departed db/cb-0000', 'requested db/cb-0000', 'stall db/cb-0000']);
  });

  test('a successor of a marked pod wakes the memory of it', () => {
    const { woken, pod } = aWiredCache({ tracking: 'off' });
    pod({ version: 1, mark: 'true' });
    woken();
    pod({ version: 2, uid: 'uid-b', node: 'node-2' });
    assert.deepEqual(woken(), ['departed db/cb-0000', 'requested db/cb-0000', 'stall db/cb-0000']);
    pod({ version: 3, uid: 'uid-b', node: 'node-3' });
    assert.deepEqual(woken(), ['departed db/cb-0000', 'stall db/cb-0000']);
  });

  test('a tracking resource wakes itself', () => {
    const { cache, woken } = aWiredCache();
    cache.trackers.put(cache.project.tracker(aRawCluster()));
    assert.deepEqual(woken(), ['tracker db/cb']);
    cache.trackers.replace([]);
    assert.deepEqual(woken(), ['tracker db/cb']);
  });

  const cordon = (unschedulable: boolean, name = 'node-1') =>
    aRawNode({ metadata: { name, resourceVersion: `${++version}` }, spec: { unschedulable } });
  let version = 50;

  test('a node wakes the entries and the memories of its pods; a heartbeat wakes nobody', () => {
    const tracked = aRawCluster({ metadata: { annotations: { [ENTRY_KEY]: '{}' } } });
    const { cache, woken, pod } = aWiredCache({ trackers: [tracked], nodes: [aRawNode()] });
    pod({ mark: 'true' });
    pod({ uid: 'uid-b', version: 200 });
    woken();
    cache.nodes.put(cache.project.node(cordon(false)));
    assert.deepEqual(woken(), []);
    cache.nodes.put(cache.project.node(cordon(true)));
    assert.deepEqual(woken(), ['departed db/cb-0000', 'tracker db/cb']);
  });

  test('a node wakes neither a tracking resource whose pods are elsewhere, nor a memory of a pod that has no successor', () => {
    const bare = aRawCluster({ metadata: { name: 'bare' } });
    const tracked = aRawCluster({ metadata: { annotations: { [ENTRY_KEY]: '{}' } } });
    const { cache, woken, pod } = aWiredCache({ trackers: [bare, tracked] });
    pod({ node: 'node-2', mark: 'true' });
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { name: 'gone', annotations: { [RESCHEDULE]: 'true' } } })));
    cache.pods.remove(
      cache.project.pod(aRawPod({ metadata: { name: 'gone', annotations: { [RESCHEDULE]: 'true' } } })),
    );
    woken();
    cache.nodes.put(cache.project.node(cordon(true)));
    assert.deepEqual(woken(), []);
  });

  test('a node with many pods wakes them in several turns', async () => {
    const { cache, clock, woken } = aWiredCache({ tracking: namespaceTracking });
    const pods = Array.from({ length: 1_200 }, (_, n) => aRawPod({ metadata: { name: `cb-${n}` } }));
    cache.pods.replace(pods.map(cache.project.pod));
    const entries = { metadata: { name: 'db', uid: 'u', resourceVersion: '1', annotations: { [ENTRY_KEY]: '{}' } } };
    cache.trackers.replace([cache.project.tracker(entries)]);
    woken();
    cache.nodes.put(cache.project.node(cordon(true)));
    await settle();
    assert.equal(clock.turns, 2);
    assert.deepEqual(woken(), ['tracker db']);
  });

  const many = Array.from({ length: 1_200 }, (_, n) => ({ namespace: 'db', name: `cb-${n}` }));
  const source = {
    kind: 'Db',
    group: 'db.example',
    plural: 'dbs',
    label: 'db',
    reports: [{ path: ['spec', 'paused'], is: 'true', word: 'Paused' }],
  };

  test('whoever changes what hinders an operator again and again wakes the stalled pods once, and again after a rest', async () => {
    const settings = settingsWith({ hindrances: [source] });
    const { cache, clock, adds, stop } = aWiredCache({ settings }, many);
    const [watched] = cache.hindrances.watched;
    watched?.store.replace([]);
    for (let n = 0; n < 1_000; n++) {
      const metadata = { namespace: 'db', name: 'db', uid: 'u', resourceVersion: `${n}` };
      watched?.store.put(projectReporter({ metadata, spec: { paused: n % 2 === 0 } }, source));
    }
    await settle();
    assert.deepEqual([adds(), clock.timers], [many.length, 1]);
    await clock.advance(5_000);
    assert.deepEqual([adds(), clock.timers], [2 * many.length, 0]);
    stop();
  });

  test('a node that changes again and again wakes its pods once for all that it did meanwhile', async () => {
    const { cache, clock, adds } = aWiredCache({ tracking: namespaceTracking }, many);
    cache.pods.replace(many.map((metadata) => cache.project.pod(aRawPod({ metadata }))));
    const before = adds();
    for (let n = 0; n < 100; n++) cache.nodes.put(cache.project.node(cordon(n % 2 === 0)));
    await settle(100);
    // Each pod wakes its tracking resource. The second round is for what came while the first one ran.
    assert.deepEqual([adds() - before, clock.timers], [2 * many.length + many.length, 1]);
  });

  test('a node that has changed before is not looked at again with the next one', async () => {
    const { cache, adds } = aWiredCache({ tracking: namespaceTracking });
    const pod = (n: number) =>
      aRawPod({ metadata: { name: `cb-${n}` }, spec: { nodeName: n === 0 ? 'node-1' : 'node-2' } });
    cache.pods.replace([0, 1, 2, 3].map((n) => cache.project.pod(pod(n))));
    const added = async (name: string) => {
      const before = adds();
      cache.nodes.put(cache.project.node(cordon(true, name)));
      await settle();
      return adds() - before;
    };
    assert.deepEqual([await added('node-2'), await added('node-1')], [3, 1]);
  });

  test('once stopped it leaves no timer', async () => {
    const { cache, clock, stop } = aWiredCache({}, many);
    for (const unschedulable of [true, false]) {
      cache.nodes.put(cache.project.node(cordon(unschedulable)));
      await settle();
    }
    assert.equal(clock.timers, 1);
    stop();
    assert.equal(clock.timers, 0);
  });
});
