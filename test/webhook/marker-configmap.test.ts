import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LOG } from '../../src/log/messages.ts';
import type { TrackedAt } from '../../src/policy/tracking/tracking.ts';
import { aMarker, anAdmitter } from '../support/admission.ts';
import { refusal } from '../support/api.ts';
import { aPod, MINUTE } from '../support/builders.ts';
import { ENTRY_KEY, NODE_PATH, POD_PATH } from '../support/cache.ts';
import {
  aRawConfigMap,
  aRawNamespace,
  CONFIGMAP_COLLECTION,
  CONFIGMAP_PATH,
  CONFIGMAPS,
  NAMESPACE_PATH,
} from '../support/configmaps.ts';
import { aRawPod, RESCHEDULE } from '../support/raw.ts';

const CREATE = `POST ${CONFIGMAP_COLLECTION}`;
const WRITE = `PATCH ${CONFIGMAP_PATH}`;
const DELETE = `DELETE ${CONFIGMAP_PATH}`;
const MARK = `PATCH ${POD_PATH}`;
const LOOK_AGAIN = [`GET ${POD_PATH}`, `GET ${CONFIGMAP_PATH}`, `GET ${NAMESPACE_PATH}`, `GET ${NODE_PATH}`];
const PLACE = CONFIGMAPS.locate(aPod()) as TrackedAt;
const OTHER = { 'reschedule.hook/db.cb-0001': '{"uid":"uid-y"}' };
const ANNOTATED = { annotation: { key: RESCHEDULE, value: 'true' }, note: {} };

/** Evictions of one pod, on a cache and an API server that have the namespace and these ConfigMaps. */
function aDrain({
  map,
  cached = map,
  monotonicNow = () => 0,
}: {
  map?: object;
  cached?: object | null;
  monotonicNow?: () => number;
} = {}) {
  const trackers = cached === undefined || cached === null ? [] : [{ ...cached }];
  const world = anAdmitter({ tracking: CONFIGMAPS, trackers, namespaces: [aRawNamespace()], monotonicNow });
  world.api.put(NAMESPACE_PATH, aRawNamespace());
  if (map !== undefined) world.api.put(CONFIGMAP_PATH, { ...map });
  const data = () => Object.keys((world.api.objects.get(CONFIGMAP_PATH)?.data ?? {}) as object).sort();
  return { ...world, data, evict: async () => (await world.admit({ uid: 'uid-a' })).reason };
}

describe('a mark with its entry in a ConfigMap', () => {
  test('the first one creates it, as of its namespace, and then the pod is marked', async () => {
    const { evict, api } = aDrain();
    assert.equal(await evict(), 'Marked');
    assert.deepEqual(api.calls, [CREATE, MARK]);
    const { metadata, data } = api.objects.get(CONFIGMAP_PATH) as unknown as Record<string, Record<string, unknown>>;
    assert.deepEqual(Object.keys(data ?? {}), ['db.cb-0000']);
    const owner = { apiVersion: 'v1', kind: 'Namespace', name: 'db', uid: 'uid-db' };
    assert.deepEqual(metadata?.ownerReferences, [owner]);
  });

  test('the next one adds to it, if it is as it was seen', async () => {
    const { evict, api, data, cache } = aDrain({ map: aRawConfigMap(OTHER) });
    assert.equal(await evict(), 'Marked');
    assert.deepEqual(api.calls, [WRITE, MARK]);
    assert.deepEqual(data(), ['db.cb-0000', 'db.cb-0001']);
    assert.ok(cache.trackers.get(PLACE)?.entries[ENTRY_KEY]);
  });

  test('another replica created it meanwhile: it looks again, and adds to that', async () => {
    const { evict, api, data } = aDrain({ map: aRawConfigMap(OTHER), cached: null });
    assert.equal(await evict(), 'Marked');
    assert.deepEqual(api.calls, [CREATE, ...LOOK_AGAIN, WRITE, MARK]);
    assert.deepEqual(data(), ['db.cb-0000', 'db.cb-0001']);
  });

  test('a pod of the same drain created it since the look: it adds to that at once, if it is of the same namespace', async () => {
    for (const [owner, outcome, calls] of [
      ['uid-db', 'marked', [WRITE, MARK]],
      ['uid-old', 'changed', []],
    ] as const) {
      const { marker, api } = aMarker({ tracking: CONFIGMAPS, trackers: [aRawConfigMap(OTHER, { owner })] });
      api.put(CONFIGMAP_PATH, aRawConfigMap(OTHER, { owner }));
      const entryOn = { ...CONFIGMAPS.project(aRawConfigMap()), uid: '', resourceVersion: '', entries: {} };
      const decision = { kind: 'mark', reason: 'Marked', message: '', pod: aPod(), ...ANNOTATED, entryOn } as const;
      assert.equal(await marker.mark(decision, new AbortController().signal), outcome);
      assert.deepEqual(api.calls, calls);
    }
  });

  test('another replica has deleted it with its last entry: it looks again, and creates the next one', async () => {
    const { evict, api, data } = aDrain({ cached: aRawConfigMap(OTHER) });
    assert.equal(await evict(), 'Marked');
    assert.deepEqual(api.calls, [WRITE, ...LOOK_AGAIN, CREATE, MARK]);
    assert.deepEqual(data(), ['db.cb-0000']);
  });

  test('that of an earlier namespace goes first, and nothing in it counts (S8)', async () => {
    const old = aRawConfigMap({ [ENTRY_KEY]: '{"uid":"uid-z"}', ...OTHER }, { owner: 'uid-old' });
    const { evict, api, data } = aDrain({ map: old });
    assert.equal(await evict(), 'Marked');
    const [, , ...rest] = api.calls;
    assert.deepEqual(rest, [DELETE, ...LOOK_AGAIN, CREATE, MARK]);
    assert.deepEqual(data(), ['db.cb-0000']);
  });

  test('full, or over a quota, twice: the pod is marked without an entry', async () => {
    for (const [call, code, message, map] of [
      [WRITE, 422, 'ConfigMap is invalid: []: Too long: may not be more than 1048576 bytes', aRawConfigMap(OTHER)],
      [
        CREATE,
        403,
        'configmaps "reschedule-hook.db" is forbidden: exceeded quota: few, used: count/configmaps=1',
        undefined,
      ],
    ] as const) {
      let passedMs = 0;
      const { evict, api, log } = aDrain({ ...(map && { map }), monotonicNow: () => passedMs });
      api.before = (made) => {
        if (made === call) throw refusal(code, { message });
      };
      assert.equal(await evict(), 'Doubt');
      passedMs += 5_000;
      assert.equal(await evict(), 'Marked');
      assert.equal(log.lines.filter((line) => line.message === LOG.untracked).length, 1);
      passedMs += 10 * MINUTE;
    }
  });

  test('a missing right is doubt, and no pod is marked without its entry', async () => {
    const { evict, api } = aDrain();
    api.before = (call) => {
      if (call === CREATE)
        throw refusal(403, { message: 'User "x" cannot create resource "configmaps" in API group ""' });
    };
    assert.equal(await evict(), 'Doubt');
    assert.equal(api.calls.includes(MARK), false);
  });

  test('a moved pod is found by its entry there', async () => {
    const successor = aRawPod({ metadata: { uid: 'uid-b', resourceVersion: '120' }, spec: { nodeName: 'node-2' } });
    const map = aRawConfigMap({ [ENTRY_KEY]: '{"uid":"uid-a","node":"node-1"}' });
    const world = anAdmitter({
      tracking: CONFIGMAPS,
      trackers: [map],
      namespaces: [aRawNamespace()],
      pods: [successor],
    });
    world.api.put(POD_PATH, successor);
    world.api.put('/api/v1/nodes/node-2', { metadata: { name: 'node-2', uid: 'uid-node-2', resourceVersion: '1' } });
    assert.equal((await world.admit()).reason, 'Rescheduled');
  });
});
