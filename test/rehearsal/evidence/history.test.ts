import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type EvictionResponse, HistoryKeeper, isWaiting } from '../../../rehearsal/evidence/history.ts';
import { viewPod } from '../../../testkit/pods.ts';

const MARKED = 'Reschedule annotation added to pod';
const WAITING = 'Pod waiting to be rescheduled (marked 5s ago)';
const EPOCH = Date.parse('2026-01-01T00:00:00.000Z');

function setUp() {
  const clock = { at: 1_000 };
  const history = new HistoryKeeper({ namespace: 'db', monotonicNow: () => clock.at, now: () => EPOCH + clock.at });
  const answered = (pod: string, text: string, over: Partial<EvictionResponse> = {}) =>
    history.response({ pod, code: 429, text, from: clock.at, to: clock.at, sender: 'drainer', ...over });
  return { clock, history, answered };
}

const aPod = (uid: string, nodeName: string) => viewPod({ metadata: { name: 'cb-0', uid }, spec: { nodeName } });

describe('the history of a rehearsal', () => {
  it('knows when an instance was on its node', () => {
    const { clock, history } = setUp();
    history.pod('created', aPod('a', ''));
    clock.at = 1_100;
    history.pod('scheduled', aPod('a', 'node-1'));
    history.pod('ready', aPod('a', 'node-1'));
    assert.deepEqual(history.stays, [{ uid: 'a', name: 'cb-0', node: 'node-1', from: 1_100, to: Infinity }]);
    clock.at = 1_200;
    history.pod('gone', aPod('a', 'node-1'));
    history.pod('gone', aPod('never-scheduled', ''));
    assert.deepEqual(history.stays, [{ uid: 'a', name: 'cb-0', node: 'node-1', from: 1_100, to: 1_200 }]);
  });

  it('knows when a node was drained, each time', () => {
    const { clock, history } = setUp();
    const tell = (at: number, isDraining: boolean) => {
      clock.at = at;
      history.node('node-1', isDraining);
    };
    tell(1, false);
    tell(2, true);
    tell(3, true);
    tell(4, false);
    tell(5, false);
    tell(6, true);
    assert.deepEqual(history.drainings, [
      { node: 'node-1', from: 2, to: 4 },
      { node: 'node-1', from: 6, to: Infinity },
    ]);
  });

  it('knows from that log who asked, and what ended nothing', () => {
    const { history } = setUp();
    const line = { message: '', namespace: 'db', pod: 'cb-0', decision: 'allow', user: 'admin' };
    for (const reason of ['NotSelected', 'OwnEviction', 'DryRun', 'EndingInstanceNamed', 'Corpse']) {
      history.hookLine({ ...line, reason });
    }
    assert.deepEqual(
      history.responses.map(({ user, endsNothing = false }) => [user, endsNothing]),
      [false, false, true, true, true].map((endsNothing) => ['admin', endsNothing]),
    );
  });

  it('takes answers from the log of the hook, at the time when they were in hand', () => {
    const { history } = setUp();
    const line = { message: '', namespace: 'db', pod: 'cb-0', time: new Date(EPOCH + 990).toISOString() };
    history.hookLine({ ...line, decision: 'mark', durationMs: 40 });
    history.hookLine({ ...line, decision: 'deny', code: 404, answer: 'gone', durationMs: 5 });
    history.hookLine({ ...line, decision: 'allow' });
    history.hookLine({ ...line, decision: 'deny', namespace: 'default', code: 404 });
    history.hookLine({ ...line, message: 'no answer' });
    assert.deepEqual(history.responses, [
      { pod: 'cb-0', code: 429, text: MARKED, from: 950, to: 990, sender: 'drainer' },
      { pod: 'cb-0', code: 404, text: 'gone', from: 985, to: 990, sender: 'drainer' },
      { pod: 'cb-0', code: 201, text: '', from: 990, to: 990, sender: 'drainer' },
    ]);
    assert.equal(history.responses.some(isWaiting), false);
  });

  it('waits until a drainer has asked again for so many pods', async () => {
    const { clock, history, answered } = setUp();
    answered('a', WAITING);
    clock.at = 2_000;
    let isAsked = false;
    const wanted = { names: ['a', 'b', 'c'], count: 2, since: 2_000, timeoutMs: 10_000 };
    const asked = history.retried(wanted, AbortSignal.timeout(10_000)).then(() => {
      isAsked = true;
    });
    for (const pod of ['a', 'b', 'c']) answered(pod, MARKED);
    answered('a', WAITING, { sender: 'rehearsal' });
    answered('web', WAITING);
    answered('a', WAITING);
    answered('a', WAITING);
    await Promise.resolve();
    assert.equal(isAsked, false);
    // Told that it is gone, it does not ask once more.
    answered('b', 'gone', { code: 404 });
    await asked;
  });

  it('waits no longer than it is to', async () => {
    const { history } = setUp();
    const wanted = { names: ['a'], count: 1, since: 0, timeoutMs: 5 };
    await assert.rejects(history.retried(wanted, AbortSignal.timeout(10_000)), /asked again for 0 pods of 1/);
    const over = AbortSignal.abort(new Error('over'));
    await assert.rejects(history.retried({ ...wanted, timeoutMs: 10_000 }, over), /over/);
  });
});
