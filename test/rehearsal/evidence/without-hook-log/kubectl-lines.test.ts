import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Recorder } from '../../../../rehearsal/evidence/recorder.ts';
import { KubectlLines } from '../../../../rehearsal/evidence/without-hook-log/kubectl-lines.ts';
import { viewPod } from '../../../../testkit/pods.ts';

const DENIED = 'admission webhook "hook.x.svc" denied the request:';
const refused = (name: string, why: string) =>
  `error when evicting pods/"${name}" -n "db" (will retry after 5s): ${why}`;
const ENDING = {
  scenario: { name: 's', title: 't', about: 'a' },
  startedAt: '2026-01-01T00:00:00.000Z',
  versions: {},
  checks: [],
  figures: [],
};

/** What is drawn of two pods after these lines, one a second. */
function after(lines: readonly string[], { isDrained = true } = {}) {
  const clock = { at: 0 };
  const recorder = new Recorder({ monotonicNow: () => clock.at, clusterOf: () => 'cb' });
  recorder.start();
  for (const name of ['cb-0', 'cb-1']) {
    recorder.pod('created', viewPod({ metadata: { namespace: 'db', name, uid: name } }));
  }
  const said = new KubectlLines(recorder, { response: () => undefined });
  for (const line of lines) {
    clock.at += 1_000;
    said.line(line);
  }
  clock.at += 1_000;
  if (isDrained) said.drained();
  const { pods } = recorder.record(ENDING);
  return { refusals: said.refusals, marks: Object.fromEntries(pods.map(({ name, marks }) => [name, marks])) };
}

const WAITING = [
  'node/node-1 cordoned',
  'evicting pod db/cb-0',
  refused('cb-0', `${DENIED} Reschedule annotation added to pod`),
  'evicting pod db/cb-0',
  refused('cb-0', `${DENIED} Pod waiting to be rescheduled (marked 5 s ago)`),
  'evicting pod db/cb-0',
];

describe('the lines of a kubectl', () => {
  it('tell of refusals, and of the last question as the one that was answered otherwise', () => {
    assert.deepEqual(after([...WAITING, 'node/node-1 drained']), {
      refusals: 2,
      // The first refusal is the mark, which is seen at the pod.
      marks: { 'cb-0': { refused: [5_000], released: [6_000] }, 'cb-1': {} },
    });
  });

  it('tell of no release while the drain goes on, or where it failed', () => {
    assert.deepEqual(after(WAITING, { isDrained: false }).marks, { 'cb-0': { refused: [5_000] }, 'cb-1': {} });
  });

  it('tell of none that was evicted, was never refused, or was refused last', () => {
    const last = refused('cb-1', `${DENIED} Pod waiting to be scheduled`);
    const lines = [...WAITING, 'pod/cb-0 evicted', 'evicting pod db/web-1', 'evicting pod db/cb-1', last];
    assert.deepEqual(after(lines).marks, { 'cb-0': { refused: [5_000] }, 'cb-1': { refused: [10_000] } });
  });

  it('count no refusal but that of a webhook', () => {
    const budget = "Cannot evict pod as it would violate the pod's disruption budget.";
    const { refusals, marks } = after(['evicting pod db/cb-0', refused('cb-0', budget), 'evicting pod db/cb-0']);
    assert.deepEqual([refusals, marks['cb-0']], [0, {}]);
  });

  it('may come in the order of two streams', () => {
    const [asks = '', no = ''] = ['evicting pod db/cb-0', refused('cb-0', `${DENIED} Pod waiting to be rescheduled`)];
    assert.deepEqual(after([no, asks, asks]).marks['cb-0'], { refused: [1_000], released: [3_000] });
  });
});
