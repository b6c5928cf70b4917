import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ENTRIES_MAX } from '../../src/policy/tracking/kept-entries.ts';
import { refusal } from '../support/api.ts';
import { ENTRY_KEY, POD_PATH, TRACKER_PATH } from '../support/cache.ts';
import { anEntryReconciler, ENTRY, HOURS, MINUTES, PRUNE, present } from '../support/entries.ts';

const READ_TRACKER = `GET ${TRACKER_PATH}`;
const made = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`reschedule.hook/db.made-${n}`, 'true']));

describe('a tracking resource with 12,500 made-up entries', () => {
  test('takes several turns, counts what it keeps, and says how many it leaves out', async () => {
    const { look, clock, reconciler } = anEntryReconciler({ annotations: made(12_500) });
    await look();
    assert.equal(clock.turns, Math.ceil(ENTRIES_MAX / 200) - 1, 'at most 200 entries in a row');
    assert.equal(reconciler.byState().get('gone'), ENTRIES_MAX);
    assert.equal(reconciler.leftOut(), 12_500 - ENTRIES_MAX);
  });

  test('rests for a second, whatever wakes it: each change of one of its pods does', async () => {
    const { look, clock, reconciler, tell } = anEntryReconciler({
      annotations: { ...made(2_000), [ENTRY_KEY]: ENTRY },
    });
    await look();
    tell({ mark: 'true' });
    await clock.advance(400);
    assert.deepEqual(await look(), { requeueAfterMs: 600 });
    assert.equal(reconciler.byState().get('waiting'), 0);
    await clock.advance(600);
    await look();
    assert.equal(reconciler.byState().get('waiting'), 1);
  });

  test('does not keep others waiting when all fall due: 100 of them with one write, and then its next turn', async () => {
    const { look, clock, calls, pruned } = anEntryReconciler({ annotations: made(250) });
    await look();
    await clock.advance(HOURS);
    for (const [left, result] of [
      [150, { requeueAfterMs: 0 }],
      [50, { requeueAfterMs: 0 }],
      [0, {}],
    ] as const) {
      assert.deepEqual(await look(), result);
      assert.equal(calls().filter((call) => call === PRUNE).length, 1);
      assert.equal(pruned.length, 250 - left);
      await clock.advance(1_000);
    }
  });

  test('prunes one by one after a write that was refused, so that none blocks the others', async () => {
    const { look, clock, calls, api, pruned } = anEntryReconciler({ annotations: made(3) });
    await look();
    await clock.advance(HOURS);
    api.annotate(TRACKER_PATH, { 'reschedule.hook/db.made-1': 'changed' });
    assert.deepEqual(await look(), { requeueAfterMs: 10_000 });
    assert.deepEqual([calls().filter((call) => call === PRUNE).length, pruned.length], [1, 0]);
    assert.deepEqual(await look(), { requeueAfterMs: 10_000 });
    assert.deepEqual([calls().filter((call) => call === PRUNE).length, pruned.length], [3, 2]);
    assert.deepEqual(api.annotations(TRACKER_PATH), { 'reschedule.hook/db.made-1': 'changed' });
  });

  test('prunes the others if the pod of one cannot be read', async () => {
    const { look, clock, api, pruned } = anEntryReconciler({ annotations: made(3) });
    await look();
    await clock.advance(HOURS);
    api.before = (call) => {
      if (call.endsWith('/pods/made-1')) throw refusal(403);
    };
    await assert.rejects(look(), { code: 403 });
    assert.deepEqual(
      [pruned, Object.keys(api.annotations(TRACKER_PATH))],
      [['gone', 'gone'], ['reschedule.hook/db.made-1']],
    );
  });
});

describe('entries of many installations that somebody made up', () => {
  const foreign = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, n) => [`reschedule.hook/db.other-${n}`, JSON.stringify({ hook: `hook-${n}` })]),
    );
  const isAsk = (call: string) => call.includes('/validatingwebhookconfigurations/');

  async function allDue(annotations: Record<string, string>) {
    const world = anEntryReconciler({ annotations });
    await world.look();
    await world.clock.advance(HOURS);
    return world;
  }

  test('cost no more than 100 calls and a write at a time, and go', async () => {
    const { look, clock, calls, pruned } = await allDue(foreign(2_500));
    for (let turn = 1; turn <= 50; turn++) {
      assert.deepEqual(await look(), turn === 50 ? {} : { requeueAfterMs: 0 });
      assert.equal(pruned.length, 50 * turn);
      const made = calls();
      assert.deepEqual([made.filter(isAsk).length, made.length], [50, 101]);
      await clock.advance(1_000);
    }
  });

  test('have no turn after 100 others that are pruned', async () => {
    const { look, calls, pruned } = await allDue({ ...made(120), ...foreign(60) });
    assert.deepEqual(await look(), { requeueAfterMs: 0 });
    assert.deepEqual([calls().filter(isAsk).length, pruned.length], [0, 100]);
  });

  for (const [what, answer, left] of [
    ['exist', { metadata: { name: 'x', labels: { 'app.kubernetes.io/name': 'reschedule-hook' } } }, 10 * MINUTES],
    ['cannot be read', refusal(500), 10_000],
  ] as const)
    test(`that ${what}: each is asked about in its turn, and rests; they do not take the turns of others`, async () => {
      const { look, clock, calls, api, pruned } = await allDue({ ...foreign(120), ...made(60) });
      api.before = (call) => {
        if (!isAsk(call)) return;
        if (answer instanceof Error) throw answer;
        api.put(call.replace('GET ', ''), answer);
      };
      const asked: number[] = [];
      for (let turn = 0; turn < 4; turn++) {
        await look().catch((error) => assert.equal(error, answer));
        asked.push(calls().filter(isAsk).length);
        await clock.advance(1_000);
      }
      assert.deepEqual([asked, pruned.length], [[50, 50, 20, 0], 60]);
      await clock.advance(left);
      await look().catch((error) => assert.equal(error, answer));
      assert.equal(calls().filter(isAsk).length, 50);
    });
});

test('a scrape counts nothing: the counts change with a reconcile', async () => {
  const { look, tell, reconciler } = anEntryReconciler({ pod: present({ mark: 'true' }) });
  const before = reconciler.byState();
  await look();
  assert.equal(reconciler.byState(), before, 'the very same map');
  assert.deepEqual([before.get('waiting'), before.get('unsettled')], [1, 0]);
  tell({ uid: 'uid-b', version: 200 });
  assert.equal(before.get('waiting'), 1);
  await look();
  assert.deepEqual([before.get('waiting'), before.get('unsettled')], [0, 1]);
});

test('an entry about a pod that wakes another tracking resource is looked at every minute', async () => {
  const labels = { app: 'couchbase', couchbase_cluster: 'other' };
  const pod = present({ mark: 'true' });
  const { look } = anEntryReconciler({ pod: { ...pod, metadata: { ...(pod.metadata as object), labels } } });
  assert.deepEqual(await look(), { requeueAfterMs: 60_000 });
});

describe('an entry that is too long', () => {
  const long = ENTRY.replace('node-1', 'x'.repeat(100_000));

  async function aLongEntry() {
    const world = anEntryReconciler({ annotations: { [ENTRY_KEY]: long } });
    await world.look();
    await world.clock.advance(HOURS);
    return world;
  }

  test('is pruned after a live read of its whole value, and guarded by it', async () => {
    const { look, calls, api, cache } = await aLongEntry();
    assert.ok(JSON.stringify([...cache.trackers.values()]).length < 1_000, 'it is not kept');
    assert.deepEqual(await look(), {});
    assert.deepEqual(calls(), [`GET ${POD_PATH}`, READ_TRACKER, PRUNE]);
    const body = api.requests.at(-1)?.body as { value: string }[] | undefined;
    assert.equal(body?.[0]?.value, long);
    assert.deepEqual(api.annotations(TRACKER_PATH), {});
  });

  test('stays if it has changed meanwhile', async () => {
    const { look, calls, api } = await aLongEntry();
    api.annotate(TRACKER_PATH, { [ENTRY_KEY]: `${long} ` });
    assert.deepEqual(await look(), { requeueAfterMs: 10_000 });
    assert.deepEqual(calls(), [`GET ${POD_PATH}`, READ_TRACKER]);
    assert.equal(api.annotations(TRACKER_PATH)[ENTRY_KEY], `${long} `);
  });
});
