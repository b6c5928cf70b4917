import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EntryReconciler } from '../../src/controller/entries.ts';
import { createPodEvents } from '../../src/controller/pod-events.ts';
import { createEmitEvent } from '../../src/kube/events.ts';
import { createReads } from '../../src/kube/reads.ts';
import { createWrites } from '../../src/kube/writes.ts';
import { LOG } from '../../src/log/messages.ts';
import type { Resource } from '../../src/policy/model.ts';
import { FakeApi } from '../support/api.ts';
import { NOW } from '../support/builders.ts';
import { aCache, ENTRY_KEY, POD_PATH, settingsOf } from '../support/cache.ts';
import { aRawConfigMap, aRawNamespace, CONFIGMAP_PATH, CONFIGMAPS, NAMESPACE_PATH } from '../support/configmaps.ts';
import { ENTRY, EVENT, HOURS, MINUTES, present } from '../support/entries.ts';
import { aLog } from '../support/log.ts';
import { aRawNode } from '../support/raw.ts';
import { FakeClock } from '../support/time.ts';

const [resource] = CONFIGMAPS.resources as readonly [Resource];
const KEY = { resource, namespace: 'hooks', name: 'reschedule-hook.db' };
const DELETE = `DELETE ${CONFIGMAP_PATH}`;
const PATCH = `PATCH ${CONFIGMAP_PATH}`;
const OTHER_KEY = 'reschedule.hook/db.cb-0001';
const LONG = `${ENTRY.slice(0, -1)},"x":"${'x'.repeat(3_000)}"}`;
const { signal } = new AbortController();

interface World {
  readonly entries: Readonly<Record<string, string>>;
  readonly owner?: string;
  readonly namespaces?: readonly string[];
  readonly pod?: object | undefined;
}

/** The reconciler on a cache and an API server that have one ConfigMap. The pod has settled unless there is none. */
function aReconciler({ entries, owner = 'uid-db', namespaces = ['uid-db'], ...world }: World) {
  const pod = 'pod' in world ? world.pod : present({ uid: 'uid-b', node: 'node-2' });
  const map = aRawConfigMap(entries, { owner });
  const api = new FakeApi();
  api.put(CONFIGMAP_PATH, map);
  api.put(NAMESPACE_PATH, aRawNamespace());
  if (pod !== undefined) api.put(POD_PATH, { ...pod });
  const clock = new FakeClock();
  const log = aLog();
  const cache = aCache({
    tracking: CONFIGMAPS,
    pods: pod === undefined ? [] : [{ ...pod }],
    nodes: [aRawNode({ spec: { unschedulable: true } }), aRawNode({ metadata: { name: 'node-2' } })],
    trackers: [map],
    namespaces: namespaces.map(aRawNamespace),
  });
  const settings = settingsOf({ tracking: CONFIGMAPS });
  const reconciler = new EntryReconciler({
    cache,
    reads: createReads(api),
    writes: createWrites(api),
    emitEvent: createPodEvents(createEmitEvent(api, 'hook-1'), { now: () => NOW }, settings),
    settings,
    log,
    clock,
  });
  const look = () => reconciler.reconcile(KEY, signal);
  return {
    api,
    log,
    look,
    async lookAfter(ms: number) {
      await look();
      await clock.advance(ms);
      return look();
    },
    messages: () => log.lines.map(({ message }) => message),
  };
}

describe('pruning entries of a ConfigMap', () => {
  test('the last prune deletes it, if it is still the one that was read', async () => {
    const { lookAfter, api, messages } = aReconciler({ entries: { [ENTRY_KEY]: ENTRY } });
    await lookAfter(15 * MINUTES);
    // The Event is shown on the pod alone.
    assert.deepEqual(api.calls, [EVENT, DELETE]);
    const preconditions = { uid: 'uid-map', resourceVersion: '70' };
    assert.deepEqual(api.requests.at(-1)?.body, { apiVersion: 'v1', kind: 'DeleteOptions', preconditions });
    assert.deepEqual(messages(), [LOG.rescheduled]);
  });

  test('another replica wrote an entry meanwhile: nothing is deleted, and it looks again', async () => {
    const { look, lookAfter, api, messages } = aReconciler({ entries: { [ENTRY_KEY]: ENTRY } });
    await look();
    api.annotate(CONFIGMAP_PATH, {});
    assert.deepEqual(await lookAfter(15 * MINUTES), { requeueAfterMs: 10_000 });
    assert.deepEqual(api.calls, [EVENT, DELETE]);
    assert.equal(api.objects.has(CONFIGMAP_PATH), true);
    assert.deepEqual(messages(), []);
  });

  test('one of several is removed, if it has the value that was read', async () => {
    const { lookAfter, api } = aReconciler({ entries: { [ENTRY_KEY]: ENTRY, [OTHER_KEY]: ENTRY } });
    await lookAfter(15 * MINUTES);
    assert.deepEqual(api.calls, [EVENT, PATCH]);
    assert.deepEqual(Object.keys(api.objects.get(CONFIGMAP_PATH)?.data ?? {}), ['db.cb-0001']);
  });

  test('one that is too long to be kept is read whole first', async () => {
    const { lookAfter, api } = aReconciler({ entries: { [ENTRY_KEY]: LONG, [OTHER_KEY]: ENTRY } });
    await lookAfter(15 * MINUTES);
    assert.deepEqual(api.calls.at(-1), PATCH);
    assert.deepEqual(Object.keys(api.objects.get(CONFIGMAP_PATH)?.data ?? {}), ['db.cb-0001']);
  });

  test('all of pods that are gone go together with it', async () => {
    const { lookAfter, api } = aReconciler({
      entries: { [ENTRY_KEY]: ENTRY, [OTHER_KEY]: ENTRY },
      pod: undefined,
    });
    await lookAfter(1 * HOURS);
    assert.deepEqual(api.calls.at(-1), DELETE);
  });

  test('an empty one is deleted: two replicas have each pruned one of the last two', async () => {
    const { look, api, messages } = aReconciler({ entries: {} });
    await look();
    assert.deepEqual(api.calls, [DELETE]);
    assert.deepEqual(messages(), []);
  });
});

describe('the ConfigMap of an earlier namespace (S8)', () => {
  test('is deleted, and no pod of the present one is reported as moved', async () => {
    for (const owner of ['uid-old', '']) {
      const { lookAfter, api, messages } = aReconciler({ entries: { [ENTRY_KEY]: ENTRY }, owner });
      await lookAfter(15 * MINUTES);
      assert.deepEqual(api.calls.filter((call) => call !== `GET ${NAMESPACE_PATH}`).slice(0, 1), [DELETE]);
      assert.equal(api.calls.includes(EVENT), false);
      assert.equal(messages()[0], LOG.leftoverDeleted);
    }
  });

  test('is not deleted because the cache does not know its namespace yet', async () => {
    const { look, api } = aReconciler({ entries: { [ENTRY_KEY]: ENTRY }, namespaces: [] });
    assert.deepEqual(await look(), { requeueAfterMs: 10_000 });
    assert.deepEqual(api.calls, [`GET ${NAMESPACE_PATH}`]);
  });
});
