import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeEntry, encodeEntry, entryKey } from '../../src/policy/entry.ts';
import { ENTRIES_MAX, isStandIn, keepEntries, keepValue, VALUE_MAX } from '../../src/policy/tracking/kept-entries.ts';

const made = (count: number, value = '') =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`reschedule.hook/a.made-${n}`, value]));
const written = (name: string) => ({
  [entryKey('db', name)]: encodeEntry({ uid: 'uid-a', node: 'node-1', at: 0, namespace: 'db', pod: name }),
});

describe('keepEntries', () => {
  test('keeps the annotations of the hook, as they are', () => {
    const entries = { ...written('cb-0000'), 'reschedule.hook/db.cb-0001': 'true' };
    assert.deepEqual(keepEntries({ ...entries, 'couchbase.com/note': 'x' }), { entries, leftOut: 0 });
  });

  test('what people say of evictions is no entry', () => {
    assert.deepEqual(keepEntries({ 'reschedule.hook/policy': 'hold' }), { entries: {}, leftOut: 0 });
  });

  test('leaves out what is beyond the limit, and says how many', () => {
    const { entries, leftOut } = keepEntries(made(12_500));
    assert.deepEqual([Object.keys(entries).length, leftOut], [ENTRIES_MAX, 12_500 - ENTRIES_MAX]);
  });

  test('keeps those that the hook wrote before those that are made up', () => {
    const { entries } = keepEntries({ ...made(12_500), ...written('cb-0000'), ...made(0) });
    assert.equal(Object.hasOwn(entries, entryKey('db', 'cb-0000')), true);
  });

  test('keeps every entry that the hook can write into 256 KiB', () => {
    const [uid, node, namespace, pod] = ['00000000-0000-0000-0000-000000000000', 'n', 'a', 'b'];
    const shortest = entryKey(namespace, pod) + encodeEntry({ uid, node, at: 0, namespace, pod });
    assert.ok((256 * 1024) / shortest.length < ENTRIES_MAX, `${shortest.length} characters`);
  });

  test('keeps a value of any length that the hook writes', () => {
    const [namespace, pod, node] = ['n'.repeat(63), 'p'.repeat(253), 'x'.repeat(253)];
    const value = encodeEntry({ uid: 'u'.repeat(36), node, at: 0, draining: false, namespace, pod });
    assert.ok(value.length * 2 < VALUE_MAX, `${value.length}`);
    assert.equal(keepValue(value), value);
  });

  test('keeps a short text in the place of a longer value: an unknown instance, which changes with the value', () => {
    const kept = keepValue(`{"uid":"${'x'.repeat(250_000)}"}`);
    assert.ok(kept.length < 100 && isStandIn(kept), kept);
    assert.deepEqual(decodeEntry(kept), {});
    assert.notEqual(keepValue(`{"uid":"${'y'.repeat(250_000)}"}`), kept);
  });
});
