import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { storeKey } from '../../../src/cache/keys.ts';
import { EvictionReconciler } from '../../../src/controller/marks/evictions.ts';
import { createReads } from '../../../src/kube/reads.ts';
import { createWrites } from '../../../src/kube/writes.ts';
import { LOG } from '../../../src/log/messages.ts';
import { FakeApi, refusal } from '../../support/api.ts';
import { NOW, settingsWith } from '../../support/builders.ts';
import { aCache, NODE_PATH, POD, POD_KEY, POD_PATH } from '../../support/cache.ts';
import { aLog } from '../../support/log.ts';
import { aRawNode, aRawPod, markedBy, RESCHEDULE } from '../../support/raw.ts';

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
  const reconciler = new EvictionReconciler({
    cache,
    reads: createReads(api),
    writes: createWrites(api),
    settings,
    log,
    clock: { now: () => NOW },
    onEvict: (profile, result) => void evicted.push(`${profile} ${result}`),
  });
  return { api, cache, log, evicted, reconciler, look: () => reconciler.reconcile(POD, signal) };
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

  test('evicts what somebody else marked only if an eviction was asked for', async () => {
    const byOperator = aRawReported(undefined, {
      managedFields: markedBy('slurm-operator', new Date(NOW).toISOString()),
    });
    const { look, cache, api } = anEvictor(byOperator);
    cache.pods.put(cache.project.pod(byOperator));
    assert.deepEqual(await look(), {});
    cache.markMemory.asked(POD_KEY, 'uid-b');
    assert.deepEqual(await look(), {});
    cache.markMemory.asked(POD_KEY, 'uid-a');
    assert.deepEqual(await look(), { requeueAfterMs: 5_000 });
    assert.deepEqual(api.calls, [...READS, EVICT]);
  });

  test('a refusal is logged once for each cause, counted, and tried again', async () => {
    const { look, api, log, evicted } = anEvictor();
    let why = "Cannot evict pod as it would violate the pod's disruption budget.";
    api.before = (call) => {
      if (call === EVICT) throw refusal(429, { reason: 'TooManyRequests', message: why });
    };
    for (let i = 0; i < 3; i++) assert.deepEqual(await look(), { requeueAfterMs: 5_000 });
    why = 'something else';
    await look();
    assert.deepEqual(log.messages('warn'), [LOG.evictionRefused, LOG.evictionRefused]);
    assert.equal(evicted.filter((one) => one === 'couchbase refused').length, 4);
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
