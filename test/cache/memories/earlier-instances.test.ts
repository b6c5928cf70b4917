import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { observeDrain } from '../../../src/cache/drain-observation.ts';
import { storeKey } from '../../../src/cache/keys.ts';
import { EARLIER_INSTANCES_MAX, EarlierInstances } from '../../../src/cache/memories/earlier-instances.ts';
import { isDrainOver } from '../../../src/policy/plans/withdrawal.ts';
import type { PolicySettings } from '../../../src/policy/profiles/profile.ts';
import { namespaceTracking } from '../../../src/policy/tracking/namespace.ts';
import { aPod, NOW, PROFILE, SETTINGS } from '../../support/builders.ts';
import { aCache, POD, POD_KEY, TRACKER_KEY } from '../../support/cache.ts';
import { aRawNamespace, CONFIGMAPS } from '../../support/configmaps.ts';
import { aRawCluster, aRawNode, aRawPod, markedBy, RESCHEDULE } from '../../support/raw.ts';

const aVersion = (uid: string, version: number, value?: string, nodeName: string | undefined = 'node-1') =>
  aRawPod({
    metadata: {
      uid,
      resourceVersion: `${version}`,
      ...(value === undefined ? {} : { annotations: { [RESCHEDULE]: value } }),
    },
    spec: { nodeName },
  });

const ON_NODE = { node: 'node-1', nodeUid: 'uid-node-1' };

/** The memory as it is wired: behind the cache's pods. */
function aMemory() {
  const cache = aCache({ pods: [], nodes: [aRawNode(), aRawNode({ metadata: { name: 'node-2' } })] });
  const pod = (...args: Parameters<typeof aVersion>) => cache.project.pod(aVersion(...args));
  return { cache, pod, earlierInstances: cache.earlierInstances };
}

describe('EarlierInstances', () => {
  test('remembers a marked pod that goes: which instance, where, and when it was seen to go', () => {
    const { cache, pod, earlierInstances } = aMemory();
    cache.pods.put(pod('uid-a', 1, 'true'));
    assert.equal(earlierInstances.get(POD_KEY), undefined);
    cache.pods.remove(pod('uid-a', 2, 'true'));
    assert.deepEqual(earlierInstances.get(POD_KEY), { uid: 'uid-a', at: NOW, draining: false, ...ON_NODE });
    assert.deepEqual(earlierInstances.pods(), [POD]);
  });

  test('knows of a marked pod which node it saw draining since the mark, also after an uncordon', () => {
    const { cache, pod, earlierInstances } = aMemory();
    const node = (unschedulable: boolean, resourceVersion: string) =>
      cache.nodes.put(cache.project.node(aRawNode({ metadata: { resourceVersion }, spec: { unschedulable } })));
    cache.pods.put(pod('uid-a', 1, 'true'));
    assert.equal(earlierInstances.drainedNode(POD_KEY), undefined);
    node(true, '60');
    node(false, '61');
    assert.equal(earlierInstances.drainedNode(POD_KEY), 'uid-node-1');
    cache.pods.put(pod('uid-a', 2));
    assert.equal(earlierInstances.drainedNode(POD_KEY), undefined);
  });

  test('remembers nothing of a pod that is not protected: a Job has the labels too', () => {
    const { cache, earlierInstances } = aMemory();
    const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'backup', controller: true }];
    const job = cache.project.pod(aRawPod({ metadata: { ownerReferences, annotations: { [RESCHEDULE]: 'true' } } }));
    cache.pods.put(job);
    cache.pods.remove(job);
    assert.deepEqual(earlierInstances.pods(), []);
  });

  test('a mark that somebody else made does not supersede the earlier instance', () => {
    const { cache, pod, earlierInstances } = aMemory();
    cache.pods.put(pod('uid-a', 1, 'true'));
    cache.pods.remove(pod('uid-a', 2, 'true'));
    const managedFields = [
      { manager: 'kubectl', fieldsV1: { 'f:metadata': { 'f:annotations': { [`f:${RESCHEDULE}`]: {} } } } },
    ];
    const metadata = { uid: 'uid-b', resourceVersion: '3', annotations: { [RESCHEDULE]: 'true' } };
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { ...metadata, managedFields } })));
    assert.equal(earlierInstances.get(POD_KEY)?.uid, 'uid-a');
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { ...metadata, resourceVersion: '4' } })));
    assert.equal(earlierInstances.get(POD_KEY), undefined);
  });

  test('remembers the node that drained, not the one that replaced it under its name (S8)', () => {
    const { cache, pod, earlierInstances } = aMemory();
    const node = (uid: string, version: number, unschedulable: boolean) =>
      cache.project.node(aRawNode({ metadata: { uid, resourceVersion: `${version}` }, spec: { unschedulable } }));
    cache.pods.put(pod('uid-a', 1, 'true'));
    cache.nodes.put(node('uid-node-1', 51, true));
    cache.nodes.put(node('uid-new', 52, false));
    cache.pods.remove(pod('uid-a', 2, 'true'));
    const { nodeUid, draining } = earlierInstances.get(POD_KEY) ?? {};
    assert.deepEqual([nodeUid, draining], ['uid-node-1', true]);
  });

  test('sees the mark that only the last state of the pod carries', () => {
    const { cache, pod, earlierInstances } = aMemory();
    cache.pods.put(pod('uid-a', 1));
    cache.pods.remove(pod('uid-a', 2, 'true'));
    assert.equal(earlierInstances.get(POD_KEY)?.uid, 'uid-a');
  });

  test('sees an end that only a list, or the successor, tells of', () => {
    for (const tell of ['list', 'list with successor', 'successor'] as const) {
      const { cache, pod, earlierInstances } = aMemory();
      cache.pods.put(pod('uid-a', 1, 'true'));
      if (tell === 'list') cache.pods.replace([]);
      else if (tell === 'successor') cache.pods.put(pod('uid-b', 9));
      else cache.pods.replace([pod('uid-b', 9)]);
      assert.equal(earlierInstances.get(POD_KEY)?.uid, 'uid-a', tell);
    }
  });

  test('keeps it when a successor comes that is not marked', () => {
    const { cache, pod, earlierInstances } = aMemory();
    cache.pods.put(pod('uid-a', 1, 'true'));
    cache.pods.remove(pod('uid-a', 2, 'true'));
    cache.pods.put(pod('uid-b', 3, undefined, 'node-2'));
    cache.pods.put(pod('uid-b', 4, 'false', 'node-2'));
    assert.equal(earlierInstances.get(POD_KEY)?.uid, 'uid-a');
  });

  test('remembers an unmarked pod that goes from a draining node: its operator was at work before any eviction', () => {
    const { cache, pod, earlierInstances } = aMemory();
    cache.pods.put(pod('uid-a', 1));
    cache.nodes.put(cache.project.node(aRawNode({ spec: { unschedulable: true } })));
    cache.pods.remove(pod('uid-a', 2));
    assert.deepEqual(earlierInstances.get(POD_KEY), { uid: 'uid-a', at: NOW, draining: true, ...ON_NODE });
  });

  test('remembers an unmarked pod whose node has gone', () => {
    const { cache, pod, earlierInstances } = aMemory();
    cache.pods.put(pod('uid-a', 1));
    cache.nodes.remove(cache.project.node(aRawNode()));
    cache.pods.remove(pod('uid-a', 2));
    assert.equal(earlierInstances.get(POD_KEY)?.draining, true);
  });

  for (const [first, changes] of [
    ['the cordon', ['cordon', 'mark']],
    ['the mark', ['mark', 'cordon']],
  ] as const) {
    test(`knows that a marked pod was to leave a node that was uncordoned before it went: ${first} came first`, () => {
      const { cache, pod, earlierInstances } = aMemory();
      cache.pods.put(pod('uid-a', 1));
      const cordon = (unschedulable: boolean, resourceVersion: string) =>
        cache.nodes.put(cache.project.node(aRawNode({ metadata: { resourceVersion }, spec: { unschedulable } })));
      for (const change of changes) {
        if (change === 'mark') cache.pods.put(pod('uid-a', 2, 'true'));
        else cordon(true, '100');
      }
      cordon(false, '101');
      cache.pods.remove(pod('uid-a', 3, 'true'));
      assert.equal(earlierInstances.get(POD_KEY)?.draining, true);
      // That was about that instance, and no other.
      cache.pods.put(pod('uid-b', 4, 'true'));
      cache.pods.remove(pod('uid-b', 5, 'true'));
      assert.deepEqual([earlierInstances.get(POD_KEY)?.uid, earlierInstances.get(POD_KEY)?.draining], ['uid-b', false]);
    });
  }

  test('knows it no longer where the mark was taken away meanwhile, and put there again when nobody drained', () => {
    const { cache, pod, earlierInstances } = aMemory();
    const node = (unschedulable: boolean, resourceVersion: string) =>
      cache.nodes.put(cache.project.node(aRawNode({ metadata: { resourceVersion }, spec: { unschedulable } })));
    node(true, '100');
    cache.pods.put(pod('uid-a', 1, 'true'));
    cache.pods.put(pod('uid-a', 2));
    node(false, '101');
    cache.pods.put(pod('uid-a', 3, 'true'));
    cache.pods.remove(pod('uid-a', 4, 'true'));
    assert.equal(earlierInstances.get(POD_KEY)?.draining, false);
  });

  test('forgets it when the successor is marked itself, and remembers that one when it goes', () => {
    const { cache, pod, earlierInstances } = aMemory();
    cache.pods.put(pod('uid-a', 1, 'true'));
    cache.pods.remove(pod('uid-a', 2, 'true'));
    cache.pods.put(pod('uid-b', 3, undefined, 'node-2'));
    cache.pods.put(pod('uid-b', 4, 'true', 'node-2'));
    assert.equal(earlierInstances.get(POD_KEY), undefined);
    cache.pods.remove(pod('uid-b', 5, 'true', 'node-2'));
    assert.equal(earlierInstances.get(POD_KEY)?.node, 'node-2');
  });

  test('has no node for a pod that never had one', () => {
    const { cache, earlierInstances } = aMemory();
    const object = aRawPod({ metadata: { annotations: { [RESCHEDULE]: 'true' } }, spec: { nodeName: undefined } });
    cache.pods.put(cache.project.pod(object));
    cache.pods.replace([]);
    assert.deepEqual(earlierInstances.get(POD_KEY), { uid: 'uid-a', at: NOW, draining: false });
  });

  for (const value of [undefined, 'false', 'True', '']) {
    test(`does not remember a pod whose annotation is ${value === undefined ? 'absent' : `"${value}"`}`, () => {
      const { cache, pod, earlierInstances } = aMemory();
      cache.pods.put(pod('uid-a', 1, value));
      cache.pods.remove(pod('uid-a', 2, value));
      assert.deepEqual(earlierInstances.pods(), []);
    });
  }

  test('forgets what it is told to', () => {
    const { cache, pod, earlierInstances } = aMemory();
    cache.pods.put(pod('uid-a', 1, 'true'));
    cache.pods.replace([]);
    earlierInstances.forget(POD_KEY);
    assert.equal(earlierInstances.get(POD_KEY), undefined);
  });

  test('a pod that lost its labels and got them back is itself, and no earlier one', () => {
    const { cache, pod, earlierInstances } = aMemory();
    cache.pods.put(pod('uid-a', 1, 'true'));
    cache.pods.remove(pod('uid-a', 2, 'true'));
    cache.pods.put(pod('uid-a', 3, 'true'));
    assert.equal(earlierInstances.get(POD_KEY), undefined);
  });
});

for (const tracking of [CONFIGMAPS, namespaceTracking]) {
  describe(`EarlierInstances with Namespaces in the cache, tracking by ${tracking.type}`, () => {
    /** A cache that has the Namespace of the pod, and how that is replaced. */
    function aMemoryOfNamespace() {
      const isTracker = tracking.resources.some(({ kind }) => kind === 'Namespace');
      const raw = (uid: string, resourceVersion: string) => {
        const namespace = aRawNamespace(uid);
        return { ...namespace, metadata: { ...(namespace.metadata as object), resourceVersion } };
      };
      const before = isTracker ? { trackers: [raw('uid-db', '40')] } : { namespaces: [raw('uid-db', '40')] };
      const cache = aCache({ pods: [], nodes: [aRawNode({ spec: { unschedulable: true } })], ...before, tracking });
      const put = (uid: string, version: string) =>
        isTracker
          ? cache.trackers.put(cache.project.tracker(raw(uid, version)))
          : cache.namespaces.put(cache.project.namespace(raw(uid, version)));
      const remove = () =>
        isTracker
          ? cache.trackers.drop(cache.project.tracker(raw('uid-db', '41')))
          : cache.namespaces.remove(cache.project.namespace(raw('uid-db', '41')));
      const pod = (...args: Parameters<typeof aVersion>) => cache.project.pod(aVersion(...args));
      return { cache, put, remove, pod, earlierInstances: cache.earlierInstances };
    }

    test('forgets what it knows of a Namespace that goes, and nothing of the others (S8)', () => {
      const { cache, remove, pod, earlierInstances } = aMemoryOfNamespace();
      const other = aPod({ namespace: 'other', name: 'cb-0000', uid: 'uid-other', mark: { matches: true } });
      for (const one of [pod('uid-a', 1, 'true'), other]) cache.pods.put(one);
      cache.pods.replace([]);
      assert.equal(earlierInstances.pods().length, 2);
      remove();
      assert.deepEqual(earlierInstances.pods(), [{ namespace: 'other', name: 'cb-0000' }]);
    });

    test('likewise if only its successor of another UID is seen', () => {
      const { cache, put, pod, earlierInstances } = aMemoryOfNamespace();
      cache.pods.put(pod('uid-a', 1, 'true'));
      cache.pods.remove(pod('uid-a', 2, 'true'));
      put('uid-db', '50');
      assert.equal(earlierInstances.get(POD_KEY)?.uid, 'uid-a', 'it is the same one');
      put('uid-again', '60');
      assert.equal(earlierInstances.get(POD_KEY), undefined);
    });

    test('does not remember a pod whose end is seen after that of its Namespace, but those of the next one', () => {
      const { cache, put, pod, earlierInstances } = aMemoryOfNamespace();
      cache.pods.put(pod('uid-a', 1, 'true'));
      put('uid-again', '60');
      cache.pods.put(pod('uid-a', 2, 'true'));
      cache.pods.remove(pod('uid-a', 3, 'true'));
      assert.equal(earlierInstances.get(POD_KEY), undefined);
      cache.pods.put(pod('uid-b', 4, 'true'));
      cache.pods.remove(pod('uid-b', 5, 'true'));
      assert.equal(earlierInstances.get(POD_KEY)?.uid, 'uid-b');
    });

    test('so do the returns to a node, which are counted by the Namespace', () => {
      const { cache, remove, pod } = aMemoryOfNamespace();
      const at = { nodeUid: 'uid-node-1', count: 1 };
      cache.markMemory.begin({ podKey: POD_KEY, pod: pod('uid-a', 1), at: NOW, marks: 1, return: at });
      assert.equal(cache.markMemory.returnsTo('db', 'uid-node-1')?.count, 1);
      remove();
      assert.equal(cache.markMemory.returnsTo('db', 'uid-node-1'), undefined);
    });
  });
}

test('a tracker that is gone refuses nothing any more: its successor has not been asked', () => {
  const cache = aCache({ pods: [], trackers: [aRawCluster()] });
  cache.refusals.refused(TRACKER_KEY, 'too long');
  assert.equal(cache.refusals.get(TRACKER_KEY)?.why, 'too long');
  cache.trackers.replace([]);
  assert.equal(cache.refusals.get(TRACKER_KEY), undefined);
});

describe('EarlierInstances: more than it may remember', () => {
  /** What is remembered after these pods went, each `namespace/name`, and with `*` if it was marked. */
  function after(names: readonly string[], max: number) {
    const dropped: string[] = [];
    const memory = new EarlierInstances({
      isMarked: ({ mark }) => mark?.matches === true,
      nodeOf: () => ({ uid: 'uid-node-1', isDraining: true }),
      now: () => NOW,
      onDropped: () => undefined,
      onForgotten: (pod) => void dropped.push(storeKey(pod)),
      max,
    });
    for (const text of names) {
      const [namespace = '', name = ''] = text.replace('*', '').split('/');
      const pod = aPod({ namespace, name, ...(text.endsWith('*') ? { mark: { matches: true } } : {}) });
      memory.observe({ kind: 'removed', key: storeKey(pod), before: pod });
    }
    assert.equal(memory.size, memory.pods().length);
    return { kept: memory.pods().map(storeKey), dropped };
  }

  test('drops the oldest of the namespace that has the most', () => {
    const { kept, dropped } = after(['db/a', 'x/1', 'x/2', 'x/3', 'x/4'], 3);
    assert.deepEqual(dropped, ['x/1', 'x/2']);
    assert.deepEqual(kept, ['db/a', 'x/3', 'x/4']);
  });

  test('drops the unmarked first: they have left by themselves, and nobody was told to wait for them', () => {
    assert.deepEqual(after(['x/1*', 'x/2', 'x/3*', 'x/4', 'x/5*'], 3).dropped, ['x/2', 'x/4']);
  });

  test('a name that comes again counts once', () => {
    assert.deepEqual(after(['x/1', 'x/2', 'x/1', 'x/2', 'x/1'], 2).dropped, []);
  });

  test('stays within its limit, however many pods come and go', () => {
    const cache = aCache({ pods: [], nodes: [aRawNode()] });
    for (let n = 0; n < EARLIER_INSTANCES_MAX + 500; n++) {
      const pod = aPod({ name: `cb-${n}`, mark: { matches: true } });
      cache.pods.put(pod);
      cache.pods.remove(pod);
    }
    assert.equal(cache.earlierInstances.pods().length, EARLIER_INSTANCES_MAX);
  });
});

describe('EarlierInstances: what a cache takes over', () => {
  const leaving = {
    ...PROFILE,
    name: 'other',
    withdraws: true,
    selectors: [[{ op: 'in', key: 'app', values: ['other'] }]],
  };
  const [both, one] = [[PROFILE, leaving], [PROFILE]].map((profiles) => ({ ...SETTINGS, profiles }) as PolicySettings);
  const node = (unschedulable: boolean, resourceVersion: string) =>
    aRawNode({ metadata: { resourceVersion }, spec: { unschedulable } });
  const raw = (uid: string, resourceVersion: string, mark = 'true') =>
    aRawPod({
      metadata: {
        uid,
        resourceVersion,
        labels: { app: 'other' },
        annotations: { [RESCHEDULE]: mark },
        managedFields: markedBy('reschedule-hook', '2026-01-01T00:00:00Z'),
      },
    });
  const cacheOf = (
    settings: PolicySettings | undefined,
    pods: ReturnType<typeof raw>[],
    drains = true,
    version = '60',
  ) => aCache({ pods, nodes: [node(drains, version)], ...(settings && { settings }) });

  /** The first has a marked pod on a draining node. */
  function first() {
    const cache = cacheOf(both, []);
    cache.pods.put(cache.project.pod(raw('one', '100')));
    assert.equal(cache.earlierInstances.drainedNode(POD_KEY), 'uid-node-1');
    return cache;
  }

  test('a node that was seen draining, of a pod that is still marked', () => {
    const next = cacheOf(both, [raw('one', '100')], false, '70');
    next.adopt(first());
    assert.equal(next.earlierInstances.drainedNode(POD_KEY), 'uid-node-1');
  });

  test('also where the profile now selects the pod by another label', () => {
    const byName = { ...leaving, selectors: [[{ op: 'exists', key: 'team' }]] } as typeof leaving;
    const labelled = { metadata: { labels: { app: 'other', team: 'x' } } };
    const pod = {
      ...raw('one', '100'),
      ...labelled,
      metadata: { ...(raw('one', '100').metadata as object), ...labelled.metadata },
    };
    const before = cacheOf(both, []);
    before.pods.put(before.project.pod(pod));
    const next = cacheOf({ ...SETTINGS, profiles: [byName] } as PolicySettings, [pod], false, '70');
    next.adopt(before);
    assert.equal(next.earlierInstances.drainedNode(POD_KEY), 'uid-node-1');
  });

  test('an instance that left while nobody looked left a node that was draining, though that is uncordoned now', () => {
    for (const pods of [[], [raw('two', '200', 'false')]]) {
      const next = cacheOf(both, pods, false, '70');
      next.adopt(first());
      assert.deepEqual(next.earlierInstances.get(POD_KEY)?.draining, true);
      assert.equal(next.earlierInstances.drainedNode(POD_KEY), undefined);
    }
  });

  test('not of one that is not marked any more, or of a profile that is gone', () => {
    const unmarked = cacheOf(both, [raw('one', '110', 'false')], false, '70');
    unmarked.adopt(first());
    assert.equal(unmarked.earlierInstances.drainedNode(POD_KEY), undefined);

    const without = cacheOf(one, []);
    without.adopt(first());
    assert.equal(without.earlierInstances.drainedNode(POD_KEY), undefined);
  });

  test('a profile that goes and comes back takes no mark back that is of an instance since then', () => {
    const without = cacheOf(one, []);
    without.adopt(first());
    const back = cacheOf(both, [raw('two', '200', 'false')], false, '70');
    back.adopt(without);
    back.pods.put(back.project.pod(raw('two', '210')));
    const [pod, settings] = [back.pods.get(POD_KEY), both];
    assert.ok(pod && settings);
    const seen = observeDrain(back, pod, settings);
    assert.ok(seen);
    assert.equal(isDrainOver(seen, settings), false);
  });
});
