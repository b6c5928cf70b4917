import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { storeKey } from '../../../src/cache/keys.ts';
import { AwaitedPods } from '../../../src/controller/marks/awaited.ts';
import { EvictionReconciler } from '../../../src/controller/marks/evictions.ts';
import { createReads } from '../../../src/kube/reads.ts';
import { createWrites } from '../../../src/kube/writes.ts';
import { LOG } from '../../../src/log/messages.ts';
import { FakeApi, refusal } from '../../support/api.ts';
import { NOW, settingsWith } from '../../support/builders.ts';
import { aCache, NODE_PATH, POD, POD_KEY, POD_PATH } from '../../support/cache.ts';
import { aLog } from '../../support/log.ts';
import { aRawNode, aRawPod, markedBy, RESCHEDULE } from '../../support/raw.ts';
import { FakeClock } from '../../support/time.ts';

const { signal } = new AbortController();
const FINISHED = 'example.com/finished';
const settings = settingsWith({ report: { annotation: FINISHED } });
const cordoned = aRawNode({ spec: { unschedulable: true } });
const EVICT = `POST ${POD_PATH}/eviction`;
const READS = [`GET ${POD_PATH}`, `GET ${NODE_PATH}`];

const aRawReported = (annotations: Record<string, string> = { [RESCHEDULE]: 'true', [FINISHED]: 'now' }, more = {}) =>
  aRawPod({
    metadata: { annotations, managedFields: markedBy('reschedule-hook', new Date(NOW).toISOString()), ...more },
  });

/** The cache has a marked and reported pod on a cordoned node; what the API server has may be newer. */
function anEvictor(live = aRawReported()) {
  const api = new FakeApi();
  api.put(POD_PATH, live);
  api.put(NODE_PATH, cordoned);
  const log = aLog();
  const cache = aCache({ pods: [aRawReported()], nodes: [cordoned], trackers: [], settings });
  const evicted: string[] = [];
  const clock = new FakeClock();
  const awaited = new AwaitedPods(clock);
  const reconciler = new EvictionReconciler({
    cache,
    reads: createReads(api),
    writes: createWrites(api),
    settings,
    log,
    awaited,
    onEvict: (profile, result) => void evicted.push(`${profile} ${result}`),
  });
  return { api, cache, log, evicted, clock, awaited, reconciler, look: () => reconciler.reconcile(POD, signal) };
}

describe('EvictionReconciler', () => {
  test('evicts the version of the pod that it has read: log, metric', async () => {
    const { look, api, log, evicted } = anEvictor();
    assert.deepEqual(await look(), { requeueAfterMs: 5_000 });
    assert.deepEqual(api.calls, [...READS, EVICT]);
    assert.deepEqual((api.requests.at(-1)?.body as { readonly deleteOptions: unknown } | undefined)?.deleteOptions, {
      preconditions: { uid: 'uid-a', resourceVersion: '100' },
    });
    assert.deepEqual(log.messages('info'), [LOG.evicted]);
    assert.deepEqual(evicted, ['couchbase evicted']);
  });

  for (const [what, live] of [
    ['whose report was withdrawn', aRawReported({ [RESCHEDULE]: 'true' })],
    ['whose mark was taken away', aRawReported({ [FINISHED]: 'now' })],
    ['that is another instance', aRawReported(undefined, { uid: 'uid-b' })],
    ['that is ending', aRawReported(undefined, { deletionTimestamp: new Date(NOW).toISOString() })],
  ] as const) {
    test(`evicts no pod ${what} meanwhile, and looks again`, async () => {
      const { look, api, evicted } = anEvictor(live);
      assert.deepEqual(await look(), { requeueAfterMs: 5_000 });
      assert.deepEqual([api.calls.includes(EVICT), evicted], [false, []]);
    });
  }

  test('a refusal is logged once for each cause, counted, and tried again', async () => {
    const { look, api, log, evicted } = anEvictor();
    let why = "Cannot evict pod as it would violate the pod's disruption budget.";
    api.before = (call) => {
      if (call === EVICT) throw refusal(429, { reason: 'TooManyRequests', message: why });
    };
    for (let i = 0; i < 3; i++) assert.deepEqual(await look(), { requeueAfterMs: 5_000 });
    why = 'something else';
    await look();
    for (const age of ['5s', '55s', '1m', '1m5s', '3h12m', '2d', 'a94fe0d1-bb27-4c0f', '7f3e1c52-0d4b-4a7e']) {
      why = `denied the request: marked ${age} ago`;
      await look();
    }
    assert.deepEqual(log.messages('warn'), Array(3).fill(LOG.evictionRefused));
    assert.equal(evicted.filter((one) => one === 'couchbase refused').length, 12);
  });

  for (const code of [404, 409]) {
    test(`${code}: the pod has changed meanwhile, and the cache will see it`, async () => {
      const { look, api, log, evicted } = anEvictor();
      api.before = (call) => {
        if (call === EVICT) throw refusal(code);
      };
      assert.deepEqual(await look(), { requeueAfterMs: 5_000 });
      assert.deepEqual([log.messages('warn'), evicted], [[], []]);
    });
  }

  test('a pod that its operator has marked, because of the cordon, goes only once a drainer waits for it', async () => {
    const managedFields = markedBy('operator', new Date(NOW).toISOString());
    const live = aRawReported(undefined, { managedFields });
    const { look, api, cache, clock, awaited } = anEvictor(live);
    const instance = { ...POD, uid: 'uid-a' };
    cache.pods.put(cache.project.pod(aRawReported(undefined, { managedFields, resourceVersion: '101' })));
    assert.deepEqual([await look(), api.calls], [{}, []]);
    assert.equal(awaited.note(instance), true);
    assert.equal(awaited.note(instance), false, 'it asks again');
    await look();
    assert.equal(api.calls.at(-1), EVICT);
    await clock.advance(5_000);
    assert.equal(awaited.note(instance), true);
    await clock.advance(10 * 60_000);
    assert.deepEqual(await look(), {}, 'nobody has asked for long');
  });

  test('any other failure is left to the controller', async () => {
    const { look, api } = anEvictor();
    api.before = (call) => {
      if (call === EVICT) throw refusal(403);
    };
    await assert.rejects(look());
  });

  test('asks nobody about a pod that is not to go, and forgets it', async () => {
    const { look, api, cache, reconciler } = anEvictor();
    cache.pods.put(cache.project.pod(aRawReported({}, { resourceVersion: '101' })));
    assert.deepEqual(await look(), {});
    assert.deepEqual(api.calls, []);
    assert.deepEqual([...reconciler.keys()].map(storeKey), [POD_KEY]);
  });
});
