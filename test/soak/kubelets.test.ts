import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FakeApi } from '../support/api.ts';
import { isOverlooked, KubeletReminder, OVERLOOKED_AFTER_MS } from './kubelets.ts';

const NOW = Date.parse('2026-11-01T12:00:00Z');
const LONG_AGO = '2026-11-01T11:57:50Z';
/** A KWOK that was started again waits that long for the lease of the one before. */
const JUST_NOW = '2026-11-01T11:58:20Z';

test('a kubelet has overlooked a pod that is bound and does not start, or is due to be gone and is there', () => {
  const pod = (creationTimestamp: string, nodeName?: string, phase = 'Pending', deletionTimestamp?: string) =>
    isOverlooked(
      {
        metadata: { name: 'a', creationTimestamp, ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) },
        spec: nodeName === undefined ? {} : { nodeName },
        status: { phase },
      },
      NOW,
    );
  assert.equal(pod(LONG_AGO, 'node-1'), true);
  assert.equal(pod(JUST_NOW, 'node-1'), false);
  assert.equal(pod(LONG_AGO), false);
  assert.equal(pod(LONG_AGO, 'node-1', 'Running'), false);
  assert.equal(pod(LONG_AGO, 'node-1', 'Running', LONG_AGO), true);
  assert.equal(pod(LONG_AGO, 'node-1', 'Running', JUST_NOW), false);
});

test('a kubelet is reminded once two minutes have passed, and each reminder is counted', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'], now: NOW });
  const pod = { metadata: { name: 'a', creationTimestamp: new Date(NOW).toISOString() }, spec: { nodeName: 'node-1' } };
  const pods = { items: [{ ...pod, status: { phase: 'Pending' } }] };
  const api = new FakeApi(() => pods);
  const kubelets = new KubeletReminder(api, 'here');
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10_000) t.mock.timers.tick(10_000);
    await setImmediate();
  };
  const patches = () => api.requests.filter(({ method }) => method === 'PATCH').length;
  await pass(OVERLOOKED_AFTER_MS);
  assert.deepEqual([kubelets.count, patches()], [0, 0]);
  await pass(10_000);
  assert.deepEqual([kubelets.count, patches()], [1, 1]);
  assert.deepEqual(kubelets.takeReminded(), ['the kubelet of a had to be reminded']);
  await kubelets.stop();
  assert.equal(kubelets.count, 1);
});
