import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeEntry, ENTRY_PREFIX, encodeEntry, entryKey, entryPod } from '../../src/policy/entry.ts';

const AT = Date.parse('2026-01-01T12:00:00.000Z');

/** Names as the API server admits them: a label for the namespace, a subdomain for the pod. */
const namespaces = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const pods = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,100}[a-z0-9])?$/);

describe('entryKey', () => {
  test('is what the reference writes where that fits', () => {
    assert.equal(entryKey('db', 'cb-0000'), 'reschedule.hook/db.cb-0000');
  });

  test('63 characters fit, 64 are cut', () => {
    assert.equal(entryKey('n', 'p'.repeat(61)), `reschedule.hook/n.${'p'.repeat(61)}`);
    const cut = entryKey('n', 'p'.repeat(62));
    assert.match(cut, /^reschedule\.hook\/n\.p{44}_[0-9a-f]{16}$/);
  });

  test('is always a valid annotation key', () => {
    fc.assert(
      fc.property(namespaces, pods, (namespace, pod) => {
        const name = entryKey(namespace, pod).slice(ENTRY_PREFIX.length);
        assert.ok(name.length <= 63);
        assert.match(name, /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/);
      }),
    );
  });

  test('differs for pods that differ, also where it is cut', () => {
    const long = 'a'.repeat(60);
    const keys = new Set<string>();
    for (let i = 0; i < 10_000; i++) keys.add(entryKey(long, `cb-${i}`));
    assert.equal(keys.size, 10_000);
    assert.notEqual(entryKey('a', 'b.c'), entryKey('a.b', 'c-'));
  });
});

describe('entry codec', () => {
  test('reads what it wrote, and tells the pod from key and value', () => {
    fc.assert(
      fc.property(namespaces, pods, fc.uuid(), fc.boolean(), (namespace, pod, uid, draining) => {
        const value = encodeEntry({ uid, node: 'node-1', at: AT, draining, namespace, pod });
        const told = draining ? {} : { draining };
        assert.deepEqual(decodeEntry(value), { uid, node: 'node-1', at: AT, ...told });
        assert.deepEqual(entryPod(entryKey(namespace, pod), value), { namespace, name: pod });
      }),
    );
  });

  test('is compact JSON, as documented', () => {
    const value = encodeEntry({ uid: 'u', node: 'n1', at: AT, namespace: 'db', pod: 'cb-0' });
    assert.equal(value, '{"uid":"u","node":"n1","at":"2026-01-01T12:00:00.000Z"}');
    const calm = encodeEntry({ uid: 'u', node: 'n1', at: AT, draining: false, namespace: 'db', pod: 'cb-0' });
    assert.equal(calm, '{"uid":"u","node":"n1","at":"2026-01-01T12:00:00.000Z","draining":false}');
  });

  for (const value of [
    'true',
    '',
    'null',
    '[]',
    '{"uid":""}',
    '{"uid":7}',
    '{',
    '"x"',
    '{"at":"yesterday"}',
    '{"node":1}',
  ]) {
    test(`reads ${JSON.stringify(value)} as an unknown earlier instance`, () => {
      assert.deepEqual(decodeEntry(value), {});
    });
  }

  test('leaves out the defaults of what it counts', () => {
    const base = { uid: 'u', node: 'n1', at: AT, namespace: 'db', pod: 'cb-0' };
    const short = encodeEntry({ ...base, firstAt: AT, returns: 0, marks: 1 });
    assert.equal(short, '{"uid":"u","node":"n1","at":"2026-01-01T12:00:00.000Z"}');
    const counted = { nodeUid: 'nu', firstAt: AT - 1, returns: 1, marks: 3, unmarkedBy: 'gitops' };
    assert.deepEqual(decodeEntry(encodeEntry({ ...base, ...counted })), { uid: 'u', node: 'n1', at: AT, ...counted });
  });

  test('a name in it is a name, or nothing: whoever may edit the tracker can write anything', () => {
    const long = 'x'.repeat(3_000);
    for (const value of [
      { uid: long, node: long, nodeUid: long, unmarkedBy: long },
      { uid: 'a b', node: 'Node 1', nodeUid: '\u001b', unmarkedBy: 'run this: rm' },
      { returns: -1, marks: 1.5 },
      { returns: '9', marks: null },
    ]) {
      assert.deepEqual(decodeEntry(JSON.stringify(value)), {}, JSON.stringify(value).slice(0, 60));
    }
  });

  test('never throws, and never makes up a UID', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (value) => {
        const entry = decodeEntry(value);
        assert.ok(entry.uid === undefined || value.includes('uid'));
      }),
    );
  });
});

describe('entryPod', () => {
  const cases: readonly (readonly [string, string, unknown])[] = [
    ['reschedule.hook/db.cb-0000', 'true', { namespace: 'db', name: 'cb-0000' }],
    ['reschedule.hook/db.a.b', 'true', { namespace: 'db', name: 'a.b' }],
    ['reschedule.hook/note', 'true', undefined],
    ['reschedule.hook/.x', 'true', undefined],
    ['reschedule.hook/x.', 'true', undefined],
    ['example.com/db.cb-0000', 'true', undefined],
    ['reschedule.hook/db.cb-0000', '{"pod":"db.other"}', undefined],
  ];
  for (const [key, value, expected] of cases) {
    test(`${key} with ${value}`, () => assert.deepEqual(entryPod(key, value), expected));
  }

  test('of a value that was made up to name what no path can be made of: left alone', () => {
    for (const [namespace, pod] of [
      ['n'.repeat(63), '..'],
      ['n'.repeat(63), 'p'.repeat(254)],
      ['n'.repeat(50), `${'p'.repeat(20)}/../x`],
      ['n'.repeat(64), 'cb-0000'],
    ] as const) {
      assert.equal(entryPod(entryKey(namespace, pod), JSON.stringify({ pod: `${namespace}.${pod}` })), undefined);
    }
  });

  test('of a cut key whose value is damaged: a name that no pod can have, so that it is pruned as gone', () => {
    assert.match(entryPod(entryKey('db', 'p'.repeat(80)), 'true')?.name ?? '', /^p+_[0-9a-f]{16}$/);
  });
});
