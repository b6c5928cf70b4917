import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MarkEventReconciler } from '../../../src/controller/marks/mark-events.ts';
import { createPodEvents } from '../../../src/controller/pod-events.ts';
import { createEmitEvent } from '../../../src/kube/events.ts';
import { FakeApi, refusal } from '../../support/api.ts';
import { NOW, PROFILE, SETTINGS } from '../../support/builders.ts';
import { aCache, POD } from '../../support/cache.ts';
import { EVENT, MINUTES, SECOND } from '../../support/entries.ts';
import { aRawCluster, aRawPod, markedBy, RESCHEDULE } from '../../support/raw.ts';

const { signal } = new AbortController();
let version = 100;

interface Marked {
  readonly uid?: string;
  readonly by?: string;
  readonly ageMs?: number;
  readonly value?: string;
  readonly nodeName?: string;
}

function markedPod({ uid = 'uid-a', by = 'reschedule-hook', ageMs = SECOND, value = 'true', nodeName }: Marked = {}) {
  return aRawPod({
    metadata: {
      uid,
      resourceVersion: `${version++}`,
      annotations: { [RESCHEDULE]: value },
      managedFields: markedBy(by, new Date(NOW - ageMs).toISOString()),
    },
    spec: nodeName === undefined ? {} : { nodeName },
  });
}

function anAnnouncer(pod?: Marked, api = new FakeApi(), isSynced = true, settings = SETTINGS) {
  const pods = pod === undefined ? [] : [markedPod(pod)];
  const cache = aCache(isSynced ? { pods, trackers: [aRawCluster()] } : {});
  if (!isSynced) cache.pods.replace(pods.map(cache.project.pod));
  const now = () => NOW;
  const announcer = new MarkEventReconciler({
    cache,
    emitEvent: createPodEvents(createEmitEvent(api, 'hook-1'), { now }, settings),
    settings,
    clock: { now },
  });
  return {
    api,
    cache,
    look: () => announcer.reconcile(POD, signal),
    remove: () => cache.pods.replace([]),
    keys: () => [...announcer.keys()],
    tell: (next: Marked) => cache.pods.put(cache.project.pod(markedPod(next))),
  };
}

interface Written {
  readonly metadata: { readonly name: string };
  readonly message: string;
  readonly involvedObject: { readonly kind: string };
}

const written = ({ requests }: FakeApi) => requests.map(({ body }) => body as Written);

describe('MarkEventReconciler', () => {
  test('tells of a mark that the hook made, once, on the pod and on its tracking resource', async () => {
    const { look, api, tell } = anAnnouncer({});
    assert.deepEqual(await look(), {});
    tell({});
    assert.deepEqual(await look(), {});
    const why =
      'is to leave node node-1: its eviction was refused and the operator of CouchbaseCluster cb was asked to move it';
    assert.deepEqual(
      written(api).map(({ message, involvedObject }) => [involvedObject.kind, message]),
      [
        ['Pod', `The pod ${why}`],
        ['CouchbaseCluster', `Pod cb-0000 ${why}`],
      ],
    );
  });

  test('names the profile where there are several', async () => {
    const settings = { ...SETTINGS, profiles: [PROFILE, { ...PROFILE, name: 'other' }] };
    const { look, api } = anAnnouncer({}, new FakeApi(), true, settings);
    await look();
    assert.deepEqual(
      written(api).map(({ message }) => message.endsWith(' was asked to move it (profile couchbase)')),
      [true, true],
    );
  });

  test('names no node where the pod has none', async () => {
    const { look, api } = anAnnouncer({ nodeName: '' });
    await look();
    assert.match(written(api)[0]?.message ?? '', /^The pod is to be moved: /);
  });

  for (const [what, pod] of [
    ['somebody else made', { by: 'kubectl-annotate' }],
    ['is old, as after a restart', { ageMs: 5 * MINUTES }],
    ['has another value', { value: 'false' }],
  ] as const) {
    test(`says nothing of a mark that ${what}`, async () => {
      const { look, api } = anAnnouncer(pod);
      assert.deepEqual(await look(), {});
      assert.deepEqual(api.calls, []);
    });
  }

  test('says nothing of a pod that is not there', async () => {
    const { look, api } = anAnnouncer();
    assert.deepEqual(await look(), {});
    assert.deepEqual(api.calls, []);
  });

  test('waits for the cache, which may not know the tracking resource yet', async () => {
    const { look, api } = anAnnouncer({}, new FakeApi(), false);
    assert.deepEqual(await look(), { requeueAfterMs: 500 });
    assert.deepEqual(api.calls, []);
  });

  test('tells of the next instance of the name too, under another name', async () => {
    const { look, api, tell } = anAnnouncer({});
    await look();
    tell({ uid: 'uid-b' });
    await look();
    assert.equal(new Set(written(api).map(({ metadata }) => metadata.name)).size, 4);
  });

  test('an Event that could not be written is written later; what another replica wrote is no failure', async () => {
    const { look, api } = anAnnouncer({});
    api.before = () => {
      throw refusal(503);
    };
    await assert.rejects(look(), { code: 503 });
    api.before = () => {
      throw refusal(409, { reason: 'AlreadyExists' });
    };
    assert.deepEqual(await look(), {});
    assert.deepEqual(api.calls, [EVENT, EVENT, EVENT]);
  });

  test('tells of a move that was asked for on another object, and looks again to forget that', async () => {
    const { mark: _, ...asks } = PROFILE;
    const request = {
      kind: 'Sql',
      group: 'x',
      plural: 'sqls',
      label: 'l',
      onlyIf: [],
      form: { key: 'k', value: '{uid}' },
    };
    const settings = { ...SETTINGS, profiles: [{ ...asks, request }] };
    const { look, cache, api, keys, remove } = anAnnouncer({ by: 'x' }, new FakeApi(), true, settings);
    assert.deepEqual(await look(), {}, 'nobody has asked');
    const pod = cache.pods.get('db/cb-0000');
    assert.ok(pod);
    cache.markMemory.begin({ podKey: 'db/cb-0000', pod, at: NOW, marks: 1 });
    assert.deepEqual([await look(), await look()], [{ requeueAfterMs: 5 * MINUTES }, { requeueAfterMs: 5 * MINUTES }]);
    assert.equal(written(api).filter(({ involvedObject }) => involvedObject.kind === 'Pod').length, 1);
    remove();
    assert.deepEqual([await look(), keys()], [{}, []]);
  });

  test('its keys are the pods there are, and those that it remembers, until it has looked at them once more', async () => {
    const { look, remove, keys } = anAnnouncer({});
    assert.deepEqual(keys(), [POD], 'one that it has never seen');
    await look();
    remove();
    assert.deepEqual(keys(), [POD]);
    await look();
    assert.deepEqual(keys(), []);
  });
});
