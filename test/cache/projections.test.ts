import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  lastWriterOf,
  projectNamespace,
  projectNode,
  projectPod,
  projectPodMetadata,
} from '../../src/cache/projections.ts';
import { configMapTracking } from '../../src/policy/tracking/configmap.ts';
import { couchbaseCluster } from '../../src/policy/tracking/couchbasecluster.ts';
import { namespaceTracking } from '../../src/policy/tracking/namespace.ts';
import { aNamespace, aNode, aPod, aTracker, PROFILE } from '../support/builders.ts';
import { aRawCluster, aRawNode, aRawPod, markedBy, RESCHEDULE } from '../support/raw.ts';

const FIELDS = { profiles: [PROFILE], labelKeys: ['app', 'couchbase_cluster'], annotationKeys: [] };
const pod = (...parts: Parameters<typeof aRawPod>) => projectPod(aRawPod(...parts), FIELDS);
const at = (text: string) => Date.parse(text);
const marked = { annotations: { [RESCHEDULE]: 'true' } };

test('what is handed out cannot be modified', () => {
  const kept = pod({ metadata: { labels: { app: 'couchbase', couchbase_node: 'x' } } });
  assert.deepEqual(kept.labels, { app: 'couchbase' }, 'and has no label that nobody looks at');
  const open = kept as { uid: string; labels: Record<string, string> };
  assert.throws(() => {
    open.uid = 'other';
  }, TypeError);
  assert.throws(() => {
    open.labels.app = 'other';
  }, TypeError);
  assert.ok(Object.isFrozen(projectNode(aRawNode(), []).taints));
});

describe('projectPod', () => {
  test('keeps what the policy needs, and nothing else', () => assert.deepEqual(pod(), aPod()));

  test('has no node before the pod is scheduled', () => {
    assert.equal('node' in pod({ spec: { nodeName: undefined } }), false);
    assert.equal('node' in pod({ spec: { nodeName: '' } }), false);
  });

  for (const [what, status, ready] of [
    ['the condition Ready', { conditions: [{ type: 'Ready', status: 'True' }] }, true],
    ['Ready that is False', { conditions: [{ type: 'Ready', status: 'False' }] }, false],
    ['Ready that is Unknown', { conditions: [{ type: 'Ready', status: 'Unknown' }] }, false],
    ['another condition', { conditions: [{ type: 'ContainersReady', status: 'True' }] }, false],
    ['no conditions', { conditions: null }, false],
  ] as const) {
    test(`with ${what} is ${ready ? '' : 'not '}ready`, () => assert.equal(pod({ status }).ready, ready));
  }

  test('takes for its owner the controller, not any owner', () => {
    const backup = { apiVersion: 'batch/v1', kind: 'Job', name: 'backup' };
    assert.equal('owner' in pod({ metadata: { ownerReferences: [backup] } }), false);
    const ownerReferences = [
      { kind: 'Other', name: 'x' },
      { ...backup, controller: true },
    ];
    assert.deepEqual(pod({ metadata: { ownerReferences } }).owner, backup);
    assert.equal('owner' in pod({ metadata: { ownerReferences: null } }), false);
  });

  test('tells of a mark who made it and when, from the managed fields', () => {
    const managedFields = markedBy('kubectl-annotate', '2026-01-01T11:00:00Z');
    const expected = { matches: true, at: at('2026-01-01T11:00:00Z'), by: 'kubectl-annotate', isForeign: true };
    assert.deepEqual(pod({ metadata: { ...marked, managedFields } }).mark, expected);
  });

  test('keeps of a mark whether its value matches, also of an empty one, and of one whose maker is not known', () => {
    for (const value of ['true', 'false', '', 'True']) {
      const { mark } = pod({ metadata: { annotations: { [RESCHEDULE]: value } } });
      assert.deepEqual(mark, { matches: value === 'true' });
    }
    for (const managedFields of [null, [], [{ manager: 'x' }], [{ manager: 'x', fieldsV1: null }]]) {
      assert.deepEqual(pod({ metadata: { ...marked, managedFields } }).mark, { matches: true });
    }
    const other = markedBy('someone', 'no time at all');
    assert.deepEqual(pod({ metadata: { ...marked, managedFields: other } }).mark, {
      matches: true,
      by: 'someone',
      isForeign: true,
    });
  });

  test('keeps no more than a few KB of a pod, whatever a tenant writes into it', () => {
    const long = 'x'.repeat(256 * 1024);
    const ownerReferences = [{ apiVersion: long, kind: long, name: long, controller: true }];
    const labels = { app: long, couchbase_cluster: long, other: long };
    const managedFields = markedBy(long, '2026-01-01T11:00:00Z');
    const annotations = { [RESCHEDULE]: long, other: long };
    const fat = pod({
      metadata: { uid: long, labels, ownerReferences, managedFields, annotations },
      spec: { nodeName: long },
    });
    const texts = [...Object.values(fat.labels), ...Object.values(fat.owner ?? {}), fat.uid, fat.node, fat.mark?.by];
    assert.deepEqual(new Set(texts.map((text) => text?.length)), new Set([317]));
    assert.ok(JSON.stringify(fat).length < 4096, `${JSON.stringify(fat).length} bytes`);
  });

  test('has no mark without the annotation, whatever the managed fields say', () => {
    const managedFields = markedBy('kubectl', '2026-01-01T11:00:00Z');
    assert.equal('mark' in pod({ metadata: { managedFields } }), false);
    assert.equal('mark' in pod({ metadata: { annotations: null } }), false);
    assert.equal('mark' in pod({ metadata: { annotations: { 'other/reschedule': 'true' } } }), false);
  });

  test('keeps of a mark of the hook whether somebody else applies it, too', () => {
    const time = '2026-01-01T11:00:00Z';
    const both = [...markedBy('reschedule-hook', time), ...markedBy('gitops', time)];
    const { mark } = pod({ metadata: { ...marked, managedFields: both } });
    assert.deepEqual([mark?.by, mark?.isForeign, mark?.isShared], ['reschedule-hook', undefined, true]);
    const others = [...markedBy('kubectl', time), ...markedBy('gitops', time)];
    const foreign = pod({ metadata: { ...marked, managedFields: others } }).mark;
    assert.deepEqual([foreign?.isForeign, foreign?.isShared], [true, undefined]);
  });

  test('a mark of the hook is not foreign', () => {
    const { mark } = pod({
      metadata: { ...marked, managedFields: markedBy('reschedule-hook', '2026-01-01T11:00:00Z') },
    });
    assert.deepEqual([mark?.by, mark && 'isForeign' in mark], ['reschedule-hook', false]);
  });

  const scheduled = (status: string, message?: string) => ({
    conditions: [{ type: 'PodScheduled', status, lastTransitionTime: '2026-01-01T11:00:00Z', message }],
  });
  test('keeps when the scheduler bound the pod', () => {
    assert.equal(pod({ status: scheduled('True') }).boundAt, at('2026-01-01T11:00:00Z'));
    assert.equal('boundAt' in pod({ status: scheduled('False') }), false);
  });

  test('keeps what the scheduler says of a pod without a node, cut and in printable characters', () => {
    const says = (message?: string) => pod({ spec: { nodeName: undefined }, status: scheduled('False', message) });
    const since = at('2026-01-01T11:00:00Z');
    assert.deepEqual(says('0/3 nodes are available').unschedulable, { message: '0/3 nodes are available', since });
    assert.deepEqual(says().unschedulable, { message: '', since });
    assert.equal(says('a\u001b[2J\nb').unschedulable?.message, 'a [2J b');
    assert.equal(says('x'.repeat(9_000)).unschedulable?.message.length, 300);
    assert.equal('unschedulable' in pod({ status: scheduled('False', 'x') }), false);
    assert.equal('unschedulable' in pod({ spec: { nodeName: '' }, status: scheduled('True') }), false);
  });

  test('knows a pod that the descheduler evicts in the background by its annotation, whatever the value', () => {
    const annotations = { 'descheduler.alpha.kubernetes.io/request-evict-only': '' };
    assert.equal(projectPod(aRawPod({ metadata: { annotations } }), FIELDS).isEvictedInBackground, true);
    assert.equal('isEvictedInBackground' in pod(), false);
  });

  test('knows a mirror pod by its annotation, also from the metadata alone', () => {
    const object = aRawPod({ metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } });
    assert.equal(projectPod(object, FIELDS).isMirror, true);
    assert.equal(projectPodMetadata(object, FIELDS).isMirror, true);
    assert.equal('isMirror' in pod(), false);
  });

  test('keeps the deletion deadline and its grace, also one of zero', () => {
    const metadata = { deletionTimestamp: '2026-01-01T12:00:30Z', deletionGracePeriodSeconds: 0 };
    const { deletionDeadline, deletionGraceSeconds } = pod({ metadata });
    assert.equal(deletionDeadline, at('2026-01-01T12:00:30Z'));
    assert.equal(deletionGraceSeconds, 0);
  });

  const ended = (finishedAt?: string) => ({ state: { terminated: { finishedAt } } });
  const changed = (lastTransitionTime: string) => ({ type: 'Ready', status: 'False', lastTransitionTime });
  for (const [what, status, expected] of [
    [
      'the end of its last container',
      { containerStatuses: [ended('2026-01-01T11:00:00Z'), ended('2026-01-01T11:30:00Z'), ended()] },
      '2026-01-01T11:30:00Z',
    ],
    [
      'its last change of condition',
      { containerStatuses: null, conditions: [changed('2026-01-01T10:00:00Z'), changed('2026-01-01T10:30:00Z')] },
      '2026-01-01T10:30:00Z',
    ],
    ['its start', { conditions: [], startTime: '2026-01-01T09:00:00Z' }, '2026-01-01T09:00:00Z'],
    ['its creation', { conditions: null }, '2026-01-01T08:00:00Z'],
  ] as const) {
    test(`a finished pod ended at ${what}`, () => {
      for (const phase of ['Succeeded', 'Failed']) {
        const metadata = { creationTimestamp: '2026-01-01T08:00:00Z' };
        assert.equal(pod({ metadata, status: { ...status, phase } }).finishedAt, at(expected));
      }
    });
  }

  test('a pod that runs has not ended, even if a container has', () => {
    const containerStatuses = [ended('2026-01-01T11:00:00Z')];
    assert.equal('finishedAt' in pod({ status: { phase: 'Running', containerStatuses } }), false);
    assert.equal('finishedAt' in pod({ status: { phase: undefined } }), false);
  });
});

describe('lastWriterOf', () => {
  const writer = (...managedFields: object[]) => lastWriterOf(aRawPod({ metadata: { managedFields } }));
  const by = (manager: string, time?: string, subresource?: string) => ({ manager, time, subresource });

  test('is who changed the pod last, apart from its status', () => {
    const kubelet = by('kubelet', '2026-01-01T13:00:00Z', 'status');
    assert.equal(writer(by('a', '2026-01-01T11:00:00Z'), by('b', '2026-01-01T12:00:00Z'), kubelet), 'b');
    assert.equal(writer(by('b', '2026-01-01T12:00:00Z'), by('a', '2026-01-01T11:00:00Z')), 'b');
    assert.equal(writer(by('b', '2026-01-01T12:00:00Z'), by('reschedule-hook', '2026-01-01T12:00:00Z')), 'b');
  });

  test('is nobody if nobody is recorded, or under a name that no message may quote', () => {
    assert.equal(writer(), undefined);
    assert.equal(writer(by('kubelet', '2026-01-01T13:00:00Z', 'status')), undefined);
    assert.equal(writer(by('two words')), undefined);
    assert.equal(writer(by('x'.repeat(200))), undefined);
  });
});

describe('projectNode', () => {
  test('keeps what tells a draining node', () => {
    assert.deepEqual(projectNode(aRawNode(), []), aNode());
    const timeAdded = '2026-01-01T11:00:00Z';
    const taints = [
      { key: 'karpenter.sh/disrupted', effect: 'NoSchedule', timeAdded },
      { effect: 'NoExecute', timeAdded },
      { key: 'b' },
      { key: 'c', value: '1', effect: 'NoExecute' },
      { key: 'd', value: '', effect: 'NoExecute' },
      { key: 'd', effect: 'NoSchedule', timeAdded: '2026-01-01T10:00:00Z' },
    ];
    const object = aRawNode({
      metadata: { deletionTimestamp: '2026-01-01T12:00:00Z' },
      spec: { unschedulable: true, taints },
    });
    const expected = {
      unschedulable: true,
      taints: ['karpenter.sh/disrupted:NoSchedule', 'b', 'c=1:NoExecute', 'd:NoExecute', 'd:NoSchedule'],
      deleting: true,
      taintedAt: { 'karpenter.sh/disrupted:NoSchedule': at(timeAdded), 'd:NoSchedule': at('2026-01-01T10:00:00Z') },
    };
    assert.deepEqual(projectNode(object, ['Draining']), aNode(expected));
  });

  test('takes null and false for not draining', () => {
    assert.deepEqual(projectNode(aRawNode({ spec: { unschedulable: false, taints: null } }), []), aNode());
  });
});

describe('the conditions of a node', () => {
  const draining = (status: string, more = {}) => ({ type: 'DrainInProgress', status, ...more });
  const projected = (conditions: readonly object[] | null, wanted = ['DrainInProgress', 'a.b/Leaving']) =>
    projectNode(aRawNode({ status: { conditions } }), wanted);

  test('are kept while they are True, if the settings list them, with the time of their last transition', () => {
    const lastTransitionTime = '2026-01-01T11:00:00Z';
    const ready = { type: 'Ready', status: 'True', lastTransitionTime };
    const expected = aNode({ drainConditions: { DrainInProgress: at(lastTransitionTime) } });
    assert.deepEqual(projected([ready, draining('True', { lastTransitionTime })]), expected);
    const unsaid = aNode({ drainConditions: { DrainInProgress: null, 'a.b/Leaving': null } });
    assert.deepEqual(projected([{ type: 'a.b/Leaving', status: 'True' }, draining('True')]), unsaid);
    assert.ok(Object.isFrozen(projected([draining('True')]).drainConditions));
  });

  test('stand in the order of the settings, so that the node reports one cause', () => {
    const [one, other] = [draining('True'), { type: 'a.b/Leaving', status: 'True' }];
    for (const conditions of [
      [one, other],
      [other, one],
    ])
      assert.deepEqual(Object.keys(projected(conditions).drainConditions ?? {}), ['DrainInProgress', 'a.b/Leaving']);
  });

  test('leave nothing behind if they are not True, or not listed', () => {
    for (const status of ['False', 'Unknown', 'true', '']) assert.deepEqual(projected([draining(status)]), aNode());
    assert.deepEqual(projected([draining('True')], []), aNode());
    assert.deepEqual(projected(null), aNode());
  });

  test('are the same after a heartbeat', () => {
    const beat = (lastHeartbeatTime: string) => projected([draining('True', { lastHeartbeatTime })]);
    assert.deepEqual(beat('2026-01-01T11:00:00Z'), beat('2026-01-01T11:05:00Z'));
  });
});

describe('Tracking.project', () => {
  test('keeps the annotations that are entries, raw', () => {
    const annotations = { 'reschedule.hook/db.a': 'true', 'reschedule.hookx/db.b': '1', other: 'x' };
    const tracker = couchbaseCluster.project(aRawCluster({ metadata: { annotations } }));
    assert.deepEqual(tracker, aTracker({ entries: { 'reschedule.hook/db.a': 'true' } }));
  });

  test('without annotations has no entries', () => {
    const object = aRawCluster({ metadata: { annotations: null } });
    assert.deepEqual(couchbaseCluster.project(object).entries, {});
  });

  test('keeps little of what people say of evictions, and nothing for objects of the hook', () => {
    const kept = { policy: 'hold', policyValue: `${'x'.repeat(20)}...` } as const;
    const said = { annotations: { 'reschedule.hook/policy': 'x'.repeat(250_000) } };
    assert.deepEqual(couchbaseCluster.project(aRawCluster({ metadata: said })), aTracker(kept));
    const own = configMapTracking({ namespace: 'hooks', installation: 'hook' });
    assert.equal(own.project({ metadata: { annotations: { 'reschedule.hook/policy': 'ignore' } } }).policy, undefined);
    const object = { metadata: { name: 'db', uid: 'uid-db', resourceVersion: '10', ...said } };
    assert.deepEqual(projectNamespace(object), aNamespace(kept));
    assert.deepEqual(projectPod(aRawPod({ metadata: said }), FIELDS), aPod(kept));
  });

  test('of a cluster-scoped kind has no namespace', () => {
    const object = { metadata: { name: 'db', uid: 'u', resourceVersion: '3' } };
    const tracker = namespaceTracking.project(object);
    const [resource] = namespaceTracking.resources;
    const expected = { resource, name: 'db', uid: 'u', resourceVersion: '3', reusesNames: true, entries: {} };
    assert.deepEqual(tracker, expected);
  });
});

test('no object makes a projection throw, whatever fields it lacks', () => {
  const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
  const text = some(fc.constantFrom('', 'x', RESCHEDULE, '2026-01-01T12:00:00Z', 'Ready', 'Failed'));
  const strings = some(fc.option(fc.dictionary(fc.constantFrom('a', RESCHEDULE, 'reschedule.hook/a.b'), fc.string())));
  const list = (shape: Record<string, fc.Arbitrary<unknown>>) =>
    some(fc.option(fc.array(fc.record(shape), { maxLength: 3 })));
  const metadata = fc.record({
    name: text,
    deletionTimestamp: text,
    labels: strings,
    annotations: strings,
    ownerReferences: list({ kind: text, controller: some(fc.boolean()) }),
    managedFields: list({ time: text, fieldsV1: some(fc.option(fc.object({ maxDepth: 2 }))) }),
  });
  const status = fc.record({
    phase: text,
    conditions: list({ type: text, status: text, lastTransitionTime: text }),
    containerStatuses: list({ state: some(fc.record({ terminated: some(fc.record({ finishedAt: text })) })) }),
  });
  const spec = fc.record({
    nodeName: text,
    taints: list({ key: text, value: text, effect: text }),
    upgrade: some(fc.anything()),
  });
  const objects = fc.record({ metadata: some(metadata), status: some(status), spec: some(spec) });
  fc.assert(
    fc.property(objects, (object) => {
      projectPod(object, FIELDS);
      projectNode(object, ['Draining']);
      couchbaseCluster.project(object);
    }),
  );
});
