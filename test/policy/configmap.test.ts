import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entryKey } from '../../src/policy/entry.ts';
import { readEntry } from '../../src/policy/entry-lifecycle.ts';
import type { Resource } from '../../src/policy/model.ts';
import { OBJECT_NAME } from '../../src/policy/names.ts';
import { configMapTracking, newConfigMap, storedKey } from '../../src/policy/tracking/configmap.ts';
import { couchbaseCluster } from '../../src/policy/tracking/couchbasecluster.ts';
import { createTracking } from '../../src/policy/tracking/index.ts';
import { OWN_ENTRIES_MAX } from '../../src/policy/tracking/kept-entries.ts';
import { aPod, aTracker } from '../support/builders.ts';
import { aRawConfigMap, CONFIGMAPS } from '../support/configmaps.ts';

const [CONFIGMAP] = CONFIGMAPS.resources as readonly [Resource];
const KEY = entryKey('db', 'cb-0000');
const UID = '00000000-0000-4000-8000-000000000000';
const VALUE = `{"uid":"${UID}","node":"n","at":"2026-01-01T11:00:00.000Z"}`;

describe('entries in ConfigMaps', () => {
  test('the ConfigMap of a pod is in the namespace of the hook, and must belong to the namespace of the pod', () => {
    const place = {
      kind: 'at',
      resource: CONFIGMAP,
      namespace: 'hooks',
      name: 'reschedule-hook.db',
      ofNamespace: 'db',
    };
    assert.deepEqual(CONFIGMAPS.locate(aPod()), place);
    assert.deepEqual(CONFIGMAP.own?.label, { key: 'reschedule.hook/installation', value: 'reschedule-hook' });
  });

  test('two installations share neither a name nor a label, however long or alike their names are', () => {
    const long = 'a'.repeat(250);
    const seen = new Set<string>();
    for (const [installation, namespace] of [
      ['hook', 'a'],
      ['hook.a', 'b'],
      ['hook', 'a-b'],
      [`${long}.b`, 'a'],
      [`${long}.c`, 'a'],
      [long, 'n'.repeat(63)],
    ] as const) {
      const tracking = configMapTracking({ namespace: 'hooks', installation });
      const place = tracking.locate(aPod({ namespace }));
      const { value = '' } = tracking.resources[0]?.own?.label ?? {};
      assert.ok(place.kind === 'at' && OBJECT_NAME.test(place.name) && place.name.endsWith(`.${namespace}`));
      assert.match(value, /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/);
      seen.add(`${place.name} ${value}`).add(place.name);
    }
    assert.equal(seen.size, 12);
  });

  test('a key is that of the annotation without its prefix, and as short: no key of a ConfigMap has a slash', () => {
    for (const [namespace, pod] of [
      ['db', 'cb-0000'],
      ['n'.repeat(63), 'p'.repeat(253)],
    ] as const) {
      const key = storedKey({ resource: CONFIGMAP }, entryKey(namespace, pod));
      assert.match(key, /^[-._a-zA-Z0-9]{1,63}$/);
      assert.ok(`${namespace}.${pod}`.startsWith(key.replace(/_.*/, '')));
    }
    assert.equal(storedKey(aTracker(), KEY), KEY);
  });

  test('what is created is read back as it was meant', () => {
    const meant = CONFIGMAPS.project(aRawConfigMap({ [KEY]: VALUE }));
    const created = newConfigMap(meant) as { metadata: object };
    const read = CONFIGMAPS.project({
      ...created,
      metadata: { ...created.metadata, uid: 'uid-map', resourceVersion: '70' },
    });
    assert.deepEqual(read, meant);
    assert.deepEqual(read.owner, { namespace: 'db', uid: 'uid-db' });
    assert.deepEqual(read.entries, { [KEY]: VALUE });
    assert.equal(read.reusesNames, true);
  });

  test('an entry counts only about pods of the namespace that owns the ConfigMap', () => {
    const tracker = CONFIGMAPS.project(aRawConfigMap());
    assert.deepEqual(readEntry(tracker, KEY, VALUE)?.about, { namespace: 'db', name: 'cb-0000' });
    assert.equal(readEntry(tracker, entryKey('hooks', 'cb-0000'), VALUE), undefined);
  });

  test('without an owner it is of no namespace', () => {
    assert.deepEqual(CONFIGMAPS.project(aRawConfigMap({}, { owner: '' })).owner, { namespace: '', uid: '' });
  });

  test('all entries that fit into 1 MiB are kept', () => {
    const shortest = storedKey({ resource: CONFIGMAP }, entryKey('d', 'c')) + VALUE;
    assert.ok(OWN_ENTRIES_MAX * shortest.length > 2 ** 20 - shortest.length);
    const many = Object.fromEntries(
      Array.from({ length: OWN_ENTRIES_MAX + 1 }, (_, i) => [entryKey('db', `p-${i}`), VALUE]),
    );
    const tracker = CONFIGMAPS.project(aRawConfigMap(many));
    assert.deepEqual([Object.keys(tracker.entries).length, tracker.leftOut], [OWN_ENTRIES_MAX, 1]);
  });
});

describe('while the type is changed', () => {
  const home = { namespace: 'hooks', installation: 'reschedule-hook' };
  const both = createTracking({ type: 'configmap', also: ['couchbasecluster', 'configmap'] }, home);

  test('entries are written to the one, and read at the other', () => {
    const place = both.locate(aPod());
    assert.equal(place.kind === 'at' && place.resource.kind, 'ConfigMap');
    assert.deepEqual(
      both.alsoAt(aPod()).map(({ name }) => name),
      ['cb'],
    );
    assert.deepEqual(both.alsoAt(aPod({ labels: {} })), []);
    assert.deepEqual(both.labelKeys, couchbaseCluster.labelKeys);
  });

  test('each object is read by its own kind', () => {
    const [first, second] = both.resources;
    assert.deepEqual([first?.kind, second?.kind], ['ConfigMap', 'CouchbaseCluster']);
    const object = { metadata: { name: 'x', annotations: { [KEY]: VALUE } }, data: { 'db.cb-0001': VALUE } };
    assert.deepEqual(Object.keys(both.project(object, first).entries), [entryKey('db', 'cb-0001')]);
    assert.deepEqual(Object.keys(both.project(object, second).entries), [KEY]);
  });

  test('the type itself is nowhere else, and what is off reads nothing', () => {
    assert.equal(createTracking({ type: 'namespace', also: ['namespace'] }, home).resources.length, 1);
    assert.deepEqual(createTracking({ type: 'off', also: ['namespace'] }, home).resources, []);
  });
});
