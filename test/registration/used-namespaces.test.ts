import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { JsonObject } from '../../src/kube/client.ts';
import { LOG } from '../../src/log/messages.ts';
import { usedScope } from '../../src/registration/scope.ts';
import { UsedNamespaces } from '../../src/registration/used-namespaces.ts';
import { aReplica, FakeObjects, HOUR } from '../support/certificates.ts';
import { FakeClock, until } from '../support/time.ts';

const MINUTE = 60_000;

/** A replica that registers what is used, and the pods that its cache and the API server have. */
async function aUsing(t: TestContext, objects: FakeObjects, { hasSynced = true } = {}) {
  const clock = new FakeClock();
  const live = new Set<string>();
  const reads: string[] = [];
  const failing = new Set<string>();
  const sync = { isDone: hasSynced };
  const used = new UsedNamespaces({
    clock,
    hasSynced: () => sync.isDone,
    async hasPods(namespace) {
      reads.push(namespace);
      if (failing.has(namespace)) throw new Error('not now');
      return live.has(namespace);
    },
  });
  const replica = aReplica(objects, { clock, scope: usedScope('used', used, 'db') });
  t.after(() => replica.source.stop());
  used.onFirst = () => replica.wake();
  const put = (key: string) => {
    live.add(key.split('/')[0] ?? '');
    used.observe({ kind: 'added', key });
  };
  const remove = (key: string) => {
    live.delete(key.split('/')[0] ?? '');
    used.observe({ kind: 'removed', key });
  };
  /** Until its Pod has been ready for long enough. */
  const start = async () => {
    replica.start();
    await replica.rest();
    await replica.go(12_000);
  };
  return { replica, start, used, sync, live, reads, failing, put, remove };
}

/** The names that are registered. */
function named({ webhooks = [] }: FakeObjects): readonly string[] | undefined {
  const { matchExpressions } = (webhooks[0]?.namespaceSelector ?? {}) as JsonObject;
  const [list] = (matchExpressions ?? []) as { key: string; operator: string; values: string[] }[];
  return list?.values;
}

function aShell() {
  const objects = new FakeObjects();
  objects.webhooks = [];
  return objects;
}

describe('PROTECT_NAMESPACES=used', () => {
  test('registers the namespaces that have protected pods, and no other; kube-system and its own never', async (t) => {
    const objects = aShell();
    const { replica, start, put } = await aUsing(t, objects);
    for (const key of ['prod/cb-0000', 'prod/cb-0001', 'kube-system/x', 'db/y']) put(key);
    await start();
    assert.deepEqual(named(objects), ['prod']);
    put('stage/cb-0000');
    await until(() => named(objects)?.length === 2, 'the next one, while no time passes');
    assert.deepEqual(named(objects), ['prod', 'stage']);
    assert.deepEqual(replica.log.messages('warn'), []);
    assert.deepEqual(replica.source.registration()?.corrections, { webhooks: 0, bundle: 0, postponed: 0 });
    assert.equal(replica.source.registration()?.unprotectedMs, 0);
  });

  test('with no protected pod at all it registers a name that no namespace has', async (t) => {
    const objects = aShell();
    const { start } = await aUsing(t, objects);
    await start();
    assert.deepEqual(named(objects), ['NONE']);
  });

  test('a namespace goes an hour after its last pod, and after a live read', async (t) => {
    const objects = aShell();
    const { replica, start, put, remove, reads, live } = await aUsing(t, objects);
    for (const key of ['prod/cb-0000', 'stage/cb-0000']) put(key);
    await start();
    remove('stage/cb-0000');
    await replica.go(59 * MINUTE);
    assert.deepEqual([named(objects), reads], [['prod', 'stage'], []]);
    // The cache does not know of it.
    live.add('stage');
    await replica.go(3 * MINUTE);
    assert.deepEqual([named(objects), reads], [['prod', 'stage'], ['stage']]);
    live.delete('stage');
    await replica.go(HOUR + 2 * MINUTE);
    assert.deepEqual(named(objects), ['prod']);
    assert.deepEqual(replica.log.messages('warn'), []);
  });

  test('names that somebody puts there are read a few at a time, and hold up no other', async (t) => {
    const objects = aShell();
    const { replica, start, put, remove, failing, reads } = await aUsing(t, objects);
    for (const key of ['prod/cb-0000', 'stage/cb-0000']) put(key);
    await start();
    const [webhook] = structuredClone(objects.webhooks) ?? [];
    const madeUp = Array.from({ length: 60 }, (_, i) => `made-up-${i}`);
    const values = [...madeUp, 'prod', 'stage'];
    for (const one of madeUp) failing.add(one);
    const list = { key: 'kubernetes.io/metadata.name', operator: 'In', values };
    objects.putWebhooks([{ ...webhook, namespaceSelector: { matchExpressions: [list] } }]);
    remove('stage/cb-0000');
    await replica.rest();
    const rest = HOUR - MINUTE / 2;
    await replica.go(rest);
    await replica.go(MINUTE);
    assert.ok(reads.length >= 20 && reads.length <= 40, `${reads.length} reads in the first minute`);
    await replica.go(5 * MINUTE);
    assert.deepEqual(named(objects), [...madeUp, 'prod'].sort(), 'those that cannot be read hold up no other');
  });

  test('a replica that has not synced takes nothing away, and does not narrow what was all', async (t) => {
    const objects = new FakeObjects();
    const { replica, start, put, sync } = await aUsing(t, objects, { hasSynced: false });
    const before = structuredClone(objects.webhooks?.[0]?.namespaceSelector);
    put('prod/cb-0000');
    await start();
    await replica.go(HOUR + 2 * MINUTE);
    assert.deepEqual(objects.webhooks?.[0]?.namespaceSelector, before);
    sync.isDone = true;
    await replica.go(2 * MINUTE);
    assert.deepEqual(named(objects), ['prod']);
  });

  test('a replica whose Pod counts as ready before its first list registers what that has, some seconds after it', async (t) => {
    const objects = aShell();
    const { replica, put, sync } = await aUsing(t, objects, { hasSynced: false });
    put('prod/cb-0000');
    replica.start();
    await replica.rest();
    assert.equal(named(objects), undefined);
    // The last page of the list has nothing that wakes it.
    sync.isDone = true;
    await replica.go(10_000);
    assert.deepEqual(named(objects), ['prod']);
  });

  test('two replicas, one of which is behind: neither takes away what the other has seen', async (t) => {
    const objects = aShell();
    const one = await aUsing(t, objects);
    const other = await aUsing(t, objects);
    for (const { start } of [one, other]) await start();
    one.put('prod/cb-0000');
    other.put('stage/cb-0000');
    for (const { replica } of [one, other, one, other]) await replica.go(MINUTE);
    assert.deepEqual(named(objects), ['prod', 'stage']);
    const writes = objects.writes.length;
    for (const { replica } of [one, other]) await replica.go(10 * MINUTE);
    assert.equal(objects.writes.length, writes, 'they do not fight');
  });

  test('one who takes a used namespace away is undone, told of and counted', async (t) => {
    const objects = aShell();
    const { replica, start, put } = await aUsing(t, objects);
    for (const key of ['prod/cb-0000', 'stage/cb-0000']) put(key);
    await start();
    await replica.go(MINUTE);
    const [webhook] = structuredClone(objects.webhooks) ?? [];
    const list = { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['prod'] };
    objects.putWebhooks([{ ...webhook, namespaceSelector: { matchExpressions: [list] } }]);
    await until(() => named(objects)?.length === 2, 'right again');
    assert.deepEqual(replica.log.messages('warn'), [LOG.registrationCorrected]);
    assert.equal(replica.source.registration()?.corrections.webhooks, 1);
  });

  const only = (values: string[]) => ({ key: 'kubernetes.io/metadata.name', operator: 'In', values });
  for (const [what, matchExpressions] of [
    ['a condition beside the list', [only(['prod', 'stage']), { key: 'team', operator: 'Exists' }]],
    ['a shorter list beside it', [only(['prod', 'stage']), only(['prod'])]],
    ['another list in its place', [{ key: 'team', operator: 'Exists' }]],
  ] as const) {
    test(`${what} is undone, told of and counted, also if the first write fails`, async (t) => {
      const objects = aShell();
      const { replica, start, put } = await aUsing(t, objects);
      for (const key of ['prod/cb-0000', 'stage/cb-0000']) put(key);
      await start();
      await replica.go(MINUTE);
      const [webhook] = structuredClone(objects.webhooks) ?? [];
      objects.before = (call) => {
        if (call === 'write webhooks') throw new Error('not now');
      };
      objects.putWebhooks([{ ...webhook, namespaceSelector: { matchExpressions } }]);
      await replica.rest();
      await replica.go(5 * MINUTE);
      const counted = replica.source.registration()?.unprotectedMs ?? 0;
      assert.ok(counted > 4 * MINUTE, `${counted} ms`);
      objects.before = () => undefined;
      await replica.go(MINUTE);
      assert.deepEqual(objects.webhooks, [webhook]);
      assert.ok(replica.log.messages('warn').includes(LOG.registrationCorrected));
      assert.equal(replica.source.registration()?.corrections.webhooks, 1);
    });
  }

  test('a namespace that cannot be registered is without protection, and that is counted', async (t) => {
    const objects = aShell();
    const { replica, start, put } = await aUsing(t, objects);
    put('prod/cb-0000');
    await start();
    objects.before = (call) => {
      if (call === 'write webhooks') throw new Error('not now');
    };
    put('stage/cb-0000');
    await replica.rest();
    await replica.go(5 * MINUTE);
    const counted = replica.source.registration()?.unprotectedMs ?? 0;
    assert.ok(counted > 4 * MINUTE, `${counted} ms`);
  });

  test('a restart while a used namespace is missing: the time until it is there again is counted', async (t) => {
    const objects = aShell();
    const before = await aUsing(t, objects);
    before.put('prod/cb-0000');
    await before.start();
    await before.replica.source.stop();
    objects.listeners.splice(0);
    const { replica, put, start } = await aUsing(t, objects);
    for (const key of ['prod/cb-0000', 'stage/cb-0000']) put(key);
    await start();
    assert.deepEqual(named(objects), ['prod', 'stage']);
    const counted = replica.source.registration()?.unprotectedMs ?? 0;
    assert.ok(counted >= 10_000 && counted <= 12_000, `${counted} ms`);
  });

  test('a replica that may not write yet gives the others a second for a new namespace', async (t) => {
    const objects = aShell();
    const before = await aUsing(t, objects);
    before.put('prod/cb-0000');
    await before.start();
    const { replica, put } = await aUsing(t, objects);
    put('prod/cb-0000');
    replica.start();
    await replica.rest();
    put('stage/cb-0000');
    await replica.rest();
    await replica.go(900);
    before.put('stage/cb-0000');
    await until(() => named(objects)?.length === 2, 'the other one to write');
    await replica.rest();
    await replica.go(5_000);
    assert.equal(replica.source.registration()?.unprotectedMs, 0);
  });

  test('a write that failed, and was made all the same, does not count for the next namespace', async (t) => {
    const objects = aShell();
    const { replica, put, start } = await aUsing(t, objects);
    put('prod/cb-0000');
    await start();
    objects.before = (call) => {
      if (call === 'write webhooks') throw new Error('no response');
    };
    put('stage/cb-0000');
    await replica.rest();
    const [webhook] = structuredClone(objects.webhooks) ?? [];
    const list = { key: 'kubernetes.io/metadata.name', operator: 'In', values: ['prod', 'stage'] };
    objects.putWebhooks([{ ...webhook, namespaceSelector: { matchExpressions: [list] } }]);
    await replica.rest();
    const counted = replica.source.registration()?.unprotectedMs;
    objects.before = (call) => {
      if (call === 'write webhooks') void replica.clock.advance(200);
    };
    put('test/cb-0000');
    await until(() => named(objects)?.length === 3, 'the next one');
    await replica.rest();
    assert.equal(replica.source.registration()?.unprotectedMs, counted);
  });

  test('a look for pods that fails keeps that namespace, and nothing else', async (t) => {
    const objects = aShell();
    const { replica, start, put, remove, failing } = await aUsing(t, objects);
    for (const key of ['prod/cb-0000', 'stage/cb-0000', 'test/cb-0000']) put(key);
    await start();
    failing.add('stage');
    for (const key of ['stage/cb-0000', 'test/cb-0000']) remove(key);
    await replica.go(HOUR + 2 * MINUTE);
    assert.deepEqual(named(objects), ['prod', 'stage']);
    put('new/cb-0000');
    await until(() => named(objects)?.includes('new') === true, 'the next one');
    failing.clear();
    await replica.go(2 * MINUTE);
    assert.deepEqual(named(objects), ['new', 'prod']);
  });
});
