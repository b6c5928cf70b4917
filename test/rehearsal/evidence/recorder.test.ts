import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RehearsalRecord } from '../../../rehearsal/evidence/record.ts';
import { Recorder } from '../../../rehearsal/evidence/recorder.ts';
import { LOG } from '../../../src/log/messages.ts';
import { viewPod } from '../../../testkit/pods.ts';

const ENDING = {
  scenario: { name: 's', title: 't', about: 'a' },
  startedAt: '2026-01-01T00:00:00.000Z',
  versions: {},
  checks: [{ what: 'all is well', holds: true, problems: [] }],
  figures: [{ what: 'pods moved', value: '1' }],
};

function aPod(name: string, uid: string, { node = '', ready = false, terminating = false, cluster = 'cb' } = {}) {
  return viewPod({
    metadata: {
      namespace: 'db',
      name,
      uid,
      ...(cluster === '' ? {} : { labels: { couchbase_cluster: cluster } }),
      ...(terminating ? { deletionTimestamp: 'now' } : {}),
    },
    spec: { nodeName: node },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });
}

function setUp() {
  const clock = { at: 1_000 };
  const recorder = new Recorder({
    monotonicNow: () => clock.at,
    clusterOf: ({ labels }) => labels.couchbase_cluster,
  });
  const refused = (at: number, over: object = {}) => {
    clock.at = at;
    recorder.hookLine({
      message: LOG.waiting,
      level: 'debug',
      pod: 'cb-0',
      namespace: 'db',
      decision: 'deny',
      code: 429,
      answer: 'Pod waiting to be rescheduled',
      durationMs: at,
      ...over,
    });
  };
  return { clock, recorder, refused };
}

/** One pod that is moved in place, from node-1 at 2 s to node-2. */
function moved(): RehearsalRecord {
  const { clock, recorder, refused } = setUp();
  const at = (ms: number, tell: () => void) => {
    clock.at = ms;
    tell();
  };
  recorder.expect('cb', 1);
  recorder.node('node-10', false);
  recorder.node('node-2', false);
  recorder.node('node-1', false);
  recorder.hookLine({ message: LOG.started });
  recorder.happened({ who: 'cluster', what: 'too early' });
  recorder.pod('created', aPod('cb-0', 'old'));
  recorder.pod('ready', aPod('cb-0', 'old', { node: 'node-1', ready: true }));
  at(2_000, () => recorder.start());
  const ended = recorder.drain('node-1', 'kubectl drain');
  recorder.node('node-1', true);
  recorder.node('node-1', true);
  at(2_100, () =>
    recorder.hookLine({
      message: LOG.marked,
      pod: 'cb-0',
      namespace: 'db',
      decision: 'mark',
      uid: 'old',
      node: 'node-1',
    }),
  );
  refused(2_200);
  refused(2_300);
  at(2_400, () => recorder.happened({ who: 'operator', what: 'deleted', pod: 'cb-0', uid: 'old' }));
  recorder.pod('gone', aPod('cb-0', 'old', { node: 'node-1', ready: true }));
  at(2_500, () => recorder.pod('created', aPod('cb-0', 'new')));
  recorder.happened({ who: 'operator', what: 'created', pod: 'cb-0', uid: 'new' });
  refused(2_600, { answer: 'Pod waiting to be scheduled' });
  at(2_700, () => recorder.pod('ready', aPod('cb-0', 'new', { node: 'node-2', ready: true })));
  refused(2_800, { message: LOG.released, code: 404 });
  at(2_900, () => ended('exit code 0'));
  at(3_000, () => recorder.node('node-1', false));
  recorder.hookLine({ message: LOG.rescheduled, pod: 'cb-0', namespace: 'db', uid: 'new', reason: 'rescheduled' });
  return recorder.record(ENDING);
}

describe('Recorder', () => {
  it('keeps each instance with its times and marks; what was before the start has negative times', () => {
    assert.deepEqual(moved().pods, [
      {
        namespace: 'db',
        name: 'cb-0',
        uid: 'old',
        node: 'node-1',
        cluster: 'cb',
        createdMs: -1_000,
        readyMs: -1_000,
        goneMs: 400,
        // An answer that names the pod only is about the instance that was marked, also after that is gone.
        marks: { marked: [100], refused: [200, 300, 600], deleted: [400], released: [800] },
      },
      {
        namespace: 'db',
        name: 'cb-0',
        uid: 'new',
        node: 'node-2',
        cluster: 'cb',
        createdMs: 500,
        readyMs: 700,
        marks: { created: [500], pruned: [1_000] },
      },
    ]);
  });

  it('keeps drains, and when each node was cordoned', () => {
    const { drains, nodes, durationMs, holds } = moved();
    assert.deepEqual(drains, [
      { node: 'node-1', drainer: 'kubectl drain', beganMs: 0, endedMs: 900, result: 'exit code 0' },
    ]);
    assert.deepEqual(nodes, [
      { name: 'node-1', cordons: [{ fromMs: 0, toMs: 1_000 }] },
      { name: 'node-2', cordons: [] },
      { name: 'node-10', cordons: [] },
    ]);
    assert.equal(durationMs, 1_000);
    assert.equal(holds, true);
  });

  it('keeps how many members were ready of those that are wanted', () => {
    assert.deepEqual(moved().availability, [
      {
        cluster: 'cb',
        points: [
          { afterMs: 0, ready: 1, wanted: 1 },
          { afterMs: 400, ready: 0, wanted: 1 },
          { afterMs: 700, ready: 1, wanted: 1 },
        ],
      },
    ]);
  });

  it('keeps the log from the start on, and what is only said again once, with its times', () => {
    const { log } = moved();
    assert.deepEqual(
      log.map(({ who, what, repeatedMs }) => [who, what, repeatedMs]),
      [
        ['hook', LOG.marked, undefined],
        ['hook', LOG.waiting, [300]],
        ['operator', 'deleted', undefined],
        ['operator', 'created', undefined],
        ['hook', LOG.waiting, undefined],
        ['hook', LOG.released, undefined],
        ['hook', LOG.rescheduled, undefined],
      ],
    );
    assert.deepEqual(log[1], {
      afterMs: 200,
      who: 'hook',
      what: LOG.waiting,
      level: 'debug',
      pod: 'cb-0',
      detail: 'decision=deny code=429 answer=Pod waiting to be rescheduled',
      repeatedMs: [300],
    });
  });

  it('finds the pod in a line of kubectl', () => {
    const { recorder } = setUp();
    recorder.start();
    const lines = [
      'evicting pod db/cb-0001',
      'error when evicting pods/"cb-0001" -n "db" (will retry after 5s): no',
      'pod/web-5d evicted',
      'node/node-1 drained',
    ];
    for (const what of lines) recorder.happened({ who: 'kubectl', what });
    const pods = recorder.record(ENDING).log.map(({ pod }) => pod);
    assert.deepEqual(pods, ['cb-0001', 'cb-0001', 'web-5d', undefined]);
  });

  it('takes a pod that is terminating or no longer ready out of the availability, and knows who is unprotected', () => {
    const { clock, recorder } = setUp();
    recorder.start();
    for (const uid of ['a', 'b']) recorder.pod('ready', aPod(uid, uid, { ready: true }));
    recorder.pod('ready', aPod('web', 'web', { ready: true, cluster: '' }));
    clock.at += 5;
    recorder.pod('unready', aPod('a', 'a'));
    clock.at += 5;
    recorder.pod('terminating', aPod('b', 'b', { ready: true, terminating: true }));
    const { availability, pods } = recorder.record(ENDING);
    assert.deepEqual(
      availability.map(({ cluster, points }) => [cluster, points.map(({ ready }) => ready)]),
      [['cb', [2, 1, 0]]],
    );
    assert.equal(pods.find(({ name }) => name === 'web')?.cluster, undefined);
  });

  it('does not hold where a check does not, or where nothing was checked', () => {
    const { recorder } = setUp();
    const failed = { what: 'x', holds: false, problems: ['y'] };
    assert.equal(recorder.record({ ...ENDING, checks: [...ENDING.checks, failed] }).holds, false);
    assert.equal(recorder.record({ ...ENDING, checks: [] }).holds, false);
  });

  it('makes a record that JSON carries unchanged', () => {
    const record = moved();
    assert.deepEqual(JSON.parse(JSON.stringify(record)), record);
  });
});
