import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOverlooked } from './kubelets.ts';

const NOW = Date.parse('2026-11-01T12:00:00Z');
const LONG_AGO = '2026-11-01T11:59:00Z';
const JUST_NOW = '2026-11-01T11:59:50Z';

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
