import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { storeKey } from '../../../src/cache/keys.ts';
import { WithdrawalReconciler } from '../../../src/controller/marks/withdrawals.ts';
import { createPodEvents } from '../../../src/controller/pod-events.ts';
import { createEmitEvent } from '../../../src/kube/events.ts';
import { createReads } from '../../../src/kube/reads.ts';
import { createWrites } from '../../../src/kube/writes.ts';
import { LOG } from '../../../src/log/messages.ts';
import { CALM_MS } from '../../../src/policy/plans/withdrawal.ts';
import { FakeApi, refusal } from '../../support/api.ts';
import { NOW, SETTINGS, settingsWith } from '../../support/builders.ts';
import { aCache, ENTRY_KEY, NODE_PATH, POD, POD_KEY, POD_PATH } from '../../support/cache.ts';
import { EVENT } from '../../support/entries.ts';
import { aLog } from '../../support/log.ts';
import { aRawCluster, aRawNode, aRawPod, markedBy, RESCHEDULE } from '../../support/raw.ts';
import { FakeClock } from '../../support/time.ts';

const { signal } = new AbortController();
const settings = settingsWith({ withdraws: true });
const ENTRY = JSON.stringify({ uid: 'uid-a', node: 'node-1', nodeUid: 'uid-node-1', at: new Date(NOW).toISOString() });
const READS = [`GET ${POD_PATH}`, `GET ${NODE_PATH}`];
const UNMARK = `PATCH ${POD_PATH}`;
const cordoned = (isCordoned: boolean, resourceVersion = '51') =>
  aRawNode({ metadata: { resourceVersion }, spec: { unschedulable: isCordoned } });
const markedPod = ({
  by = 'reschedule-hook',
  ...metadata
}: {
  readonly by?: string;
  readonly [field: string]: unknown;
} = {}) =>
  aRawPod({
    metadata: {
      annotations: { [RESCHEDULE]: 'true', kept: 'x' },
      managedFields: markedBy(by, new Date(NOW).toISOString()),
      ...metadata,
    },
  });

/** A pod that the hook marked, on a node that nobody drains any more; cache and API server agree. */
function aWithdrawer({ isSynced = true, api = new FakeApi(), by = 'reschedule-hook' } = {}) {
  const clock = new FakeClock();
  const log = aLog();
  const trackers = [aRawCluster({ metadata: { annotations: { [ENTRY_KEY]: ENTRY } } })];
  const cache = aCache(
    isSynced ? { pods: [markedPod({ by })], nodes: [cordoned(false)], trackers, settings } : { settings },
  );
  if (!api.objects.has(POD_PATH)) api.put(POD_PATH, markedPod({ by }));
  if (!api.objects.has(NODE_PATH)) api.put(NODE_PATH, cordoned(false));
  const withdrawn: string[] = [];
  const reconciler = new WithdrawalReconciler({
    cache,
    reads: createReads(api),
    writes: createWrites(api),
    emitEvent: createPodEvents(createEmitEvent(api, 'hook-1'), { now: () => NOW }, SETTINGS),
    settings,
    log,
    clock,
    onWithdraw: (profile) => void withdrawn.push(profile),
  });
  return {
    api,
    cache,
    clock,
    log,
    withdrawn,
    keys: () => [...reconciler.keys()].map(storeKey),
    look: () => reconciler.reconcile(POD, signal),
    /** Looks twice, so that the node has been calm for long enough. */
    async lookWhenCalm() {
      await reconciler.reconcile(POD, signal);
      await clock.advance(CALM_MS);
      return reconciler.reconcile(POD, signal);
    },
    node: (isCordoned: boolean, version: string) => cache.nodes.put(cache.project.node(cordoned(isCordoned, version))),
    isMarked: () => RESCHEDULE in api.annotations(POD_PATH),
  };
}

describe('WithdrawalReconciler', () => {
  test('takes the mark back once the node has been calm for a while: live reads, one guarded write, Event, log, metric', async () => {
    const { look, lookWhenCalm, api, log, withdrawn, isMarked, cache } = aWithdrawer();
    assert.deepEqual(await look(), { requeueAfterMs: CALM_MS });
    assert.deepEqual(api.calls, []);
    assert.deepEqual(await lookWhenCalm(), {});
    assert.deepEqual(api.calls, [...READS, UNMARK, EVENT, EVENT]);
    const path = `/metadata/annotations/${RESCHEDULE.replace('/', '~1')}`;
    assert.deepEqual(api.requests[2]?.body, [
      { op: 'test', path: '/metadata/uid', value: 'uid-a' },
      { op: 'test', path, value: 'true' },
      { op: 'remove', path },
    ]);
    assert.deepEqual(api.annotations(POD_PATH), { kept: 'x' });
    assert.equal(isMarked(), false);
    assert.equal(cache.pods.get(POD_KEY)?.mark, undefined);
    assert.deepEqual(withdrawn, ['couchbase']);
    assert.deepEqual(log.messages('info'), [LOG.withdrawn]);
    const { reason, message } = (api.requests[3]?.body ?? {}) as Record<string, unknown>;
    assert.equal(reason, 'RescheduleWithdrawn');
    assert.equal(
      message,
      'The pod is to stay on node node-1: nobody drains that any more, and the operator of CouchbaseCluster cb had not begun to move it',
    );
    assert.deepEqual(await look(), {}, 'and that was it');
  });

  test('a mark that was taken back was not taken away: the next one is the first', async () => {
    const { lookWhenCalm, cache } = aWithdrawer();
    await lookWhenCalm();
    assert.equal(cache.markMemory.get(POD_KEY, 'uid-a'), undefined);
  });

  test('nor for a replica that only sees it go', () => {
    const { cache } = aWithdrawer();
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { resourceVersion: '200' } })));
    assert.equal(cache.markMemory.get(POD_KEY, 'uid-a'), undefined);
  });

  test('one that goes while the node is draining was taken away', () => {
    const { cache, node } = aWithdrawer();
    node(true, '60');
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { resourceVersion: '200' } })));
    assert.equal(cache.markMemory.get(POD_KEY, 'uid-a')?.isLost, true);
  });

  test('a cordon in between starts the wait over', async () => {
    const { look, clock, node, api } = aWithdrawer();
    await look();
    await clock.advance(CALM_MS - 1);
    node(true, '60');
    assert.deepEqual(await look(), {});
    node(false, '61');
    assert.deepEqual(await look(), { requeueAfterMs: CALM_MS });
    assert.deepEqual(api.calls, []);
  });

  test('the cache is behind: the node is cordoned again, and nothing is written', async () => {
    const { lookWhenCalm, api, isMarked } = aWithdrawer();
    api.put(NODE_PATH, cordoned(true, '60'));
    assert.deepEqual(await lookWhenCalm(), { requeueAfterMs: 10_000 });
    assert.deepEqual(api.calls, READS);
    assert.equal(isMarked(), true);
  });

  for (const [what, metadata] of [
    ['another instance', { uid: 'uid-b' }],
    ['terminating', { deletionTimestamp: new Date(NOW).toISOString() }],
    ['not marked any more', { annotations: {} }],
    ['marked by somebody else', { managedFields: markedBy('kubectl-annotate', new Date(NOW).toISOString()) }],
    ['of no such profile', { labels: { app: 'other' } }],
  ] as const) {
    test(`the cache is behind: the pod is ${what}, and nothing is written`, async () => {
      const { lookWhenCalm, api, log } = aWithdrawer();
      api.put(POD_PATH, markedPod(metadata));
      assert.deepEqual(await lookWhenCalm(), { requeueAfterMs: 10_000 });
      assert.deepEqual(api.calls, READS);
      assert.deepEqual(log.messages('info'), []);
    });
  }

  test('the pod or its node is gone: nothing is written', async () => {
    for (const path of [POD_PATH, NODE_PATH]) {
      const { lookWhenCalm, api } = aWithdrawer();
      api.objects.delete(path);
      assert.deepEqual(await lookWhenCalm(), { requeueAfterMs: 10_000 });
      assert.equal(api.calls.includes(UNMARK), false);
    }
  });

  test('somebody changes the pod between read and write: the patch fails, and the mark stays', async () => {
    for (const change of [{ uid: 'uid-b' }, { annotations: { [RESCHEDULE]: 'false' } }]) {
      const { lookWhenCalm, api, log } = aWithdrawer();
      api.before = (call) => {
        if (call === UNMARK) api.put(POD_PATH, markedPod(change));
      };
      assert.deepEqual(await lookWhenCalm(), { requeueAfterMs: 10_000 });
      assert.ok(RESCHEDULE in api.annotations(POD_PATH));
      assert.deepEqual(log.messages('info'), []);
    }
  });

  test('of two replicas one takes it back, and says so', async () => {
    const first = aWithdrawer();
    const second = aWithdrawer({ api: first.api });
    await Promise.all([first.lookWhenCalm(), second.lookWhenCalm()]);
    assert.equal([...first.withdrawn, ...second.withdrawn].length, 1);
    assert.equal(first.isMarked(), false);
  });

  test('a write that fails is tried again, and an Event that fails is none', async () => {
    const { lookWhenCalm, look, api, log } = aWithdrawer();
    api.before = (call) => {
      if (call === UNMARK || call === EVENT) throw refusal(503);
    };
    await assert.rejects(lookWhenCalm(), { code: 503 });
    api.before = (call) => {
      if (call === EVENT) throw refusal(503);
    };
    assert.deepEqual(await look(), {});
    assert.deepEqual(log.messages('warn'), [LOG.eventFailed]);
  });

  test("leaves somebody else's mark alone", async () => {
    const { lookWhenCalm, api } = aWithdrawer({ by: 'kubectl-annotate' });
    assert.deepEqual(await lookWhenCalm(), {});
    assert.deepEqual(api.calls, []);
  });

  test('waits for the cache', async () => {
    const { look, api } = aWithdrawer({ isSynced: false });
    assert.deepEqual(await look(), { requeueAfterMs: 500 });
    assert.deepEqual(api.calls, []);
  });

  test('its keys are the pods there are, and those that it remembers', async () => {
    const { look, keys, cache } = aWithdrawer();
    await look();
    cache.pods.replace([]);
    assert.deepEqual(keys(), [POD_KEY]);
    await look();
    assert.deepEqual(keys(), []);
  });
});
