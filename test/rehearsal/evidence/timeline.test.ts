import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changesOf } from '../../../rehearsal/evidence/pod-watch.ts';
import { Timeline } from '../../../rehearsal/evidence/timeline.ts';
import { viewPod } from '../../../testkit/pods.ts';

describe('Timeline', () => {
  it('writes one aligned line for what happens, timed from its start', () => {
    let at = 5_000;
    const lines: string[] = [];
    const timeline = new Timeline({ monotonicNow: () => at, write: (line) => lines.push(line) });
    at = 10_000;
    timeline.start();
    at = 22_340;
    timeline.add({ who: 'operator', what: 'deleted', pod: 'cb-0001', node: 'node-1', uid: '0123456789', detail: 'x' });
    timeline.add({ who: 'kubectl', what: 'node/node-1 drained' });
    assert.deepEqual(lines, [
      'time     who      what                         pod                  node     uid',
      '  12.3s  operator deleted                      cb-0001              node-1   01234567 x',
      '  12.3s  kubectl  node/node-1 drained',
    ]);
    assert.equal(timeline.entries[0]?.afterMs, 12_340);
  });
});

describe('changes of a pod', () => {
  const ready = { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } };
  const fresh = viewPod({ metadata: { name: 'a', uid: 'u' } });
  const placed = viewPod({ metadata: { name: 'a', uid: 'u' }, spec: { nodeName: 'n' }, ...ready });
  const ending = viewPod({
    metadata: { name: 'a', uid: 'u', deletionTimestamp: 'now' },
    spec: { nodeName: 'n' },
    ...ready,
  });

  it('are told once each', () => {
    assert.deepEqual(changesOf(undefined, fresh), ['created']);
    assert.deepEqual(changesOf(fresh, placed), ['scheduled', 'ready']);
    assert.deepEqual(changesOf(placed, placed), []);
    assert.deepEqual(changesOf(placed, ending), ['terminating']);
    assert.deepEqual(changesOf(undefined, ending), ['created', 'scheduled', 'ready', 'terminating']);
  });
});
