import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReplicaSample, Round, SoakRecord } from './record.ts';
import { findingsOf, JUDGED_FROM_MS, slope } from './verdict.ts';

const LEVEL: ReplicaSample = { rssMb: 150, heapMb: 40, fds: 30, handles: 15, lagP99Ms: 10, cacheAgeS: 5 };
const ROUND: Round = {
  fault: 'none',
  startedMs: 0,
  drainedMs: 4_000,
  pods: 2,
  mostMoves: 1,
  answers: { 404: 2, 429: 10 },
  oddities: [],
  problems: [],
};

/** An hour, a sample a minute. `at` changes the level; `share` is how much of the hour has passed. */
function aRecord(at: (share: number) => Partial<ReplicaSample>, over: Partial<SoakRecord> = {}): SoakRecord {
  const samples = Array.from({ length: 61 }, (_, minute) => ({
    atMs: minute * 60_000,
    replicas: { steady: { ...LEVEL, ...at(minute / 60) } },
  }));
  return { durationMs: 3_600_000, samples, rounds: [ROUND], entriesLeft: 0, problems: [], ...over };
}

const bad = (record: SoakRecord) => findingsOf(record).flatMap(({ what, isGood }) => (isGood ? [] : what));

describe('the slope of many points', () => {
  test('is exact on a line, and not moved by a few spikes', () => {
    const line = Array.from({ length: 1_000 }, (_, x) => ({ x, y: 3 * x + 1 }));
    assert.equal(slope(line), 3);
    const spiky = line.map(({ x, y }) => ({ x, y: x % 10 === 0 ? y + 1e6 : y }));
    assert.ok(Math.abs(slope(spiky) - 3) < 0.01);
  });

  test('is NaN where there is none', () => assert.ok(Number.isNaN(slope([{ x: 1, y: 1 }]))));
});

describe('the verdict of a soak', () => {
  test('level, with a warm-up and with noise: good', () => {
    assert.deepEqual(bad(aRecord(() => ({}))), []);
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: share < 0.2 ? 80 + 350 * share : 150 }))), []);
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: 150 + 30 * Math.sin(100 * share) }))), []);
  });

  test('what grows after the warm-up is named', () => {
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: 150 + 40 * share }))), ['growth of resident memory']);
    assert.deepEqual(bad(aRecord((share) => ({ heapMb: 40 + 20 * share }))), ['growth of heap used']);
    assert.deepEqual(bad(aRecord((share) => ({ fds: 30 + 20 * share }))), ['growth of open files and sockets']);
    assert.deepEqual(bad(aRecord((share) => ({ handles: 15 + 20 * share }))), ['growth of active handles']);
  });

  test('without samples of the steady replica nothing is good about its growth', () => {
    assert.equal(bad(aRecord(() => ({}), { samples: [] })).length, 4);
  });

  test('in a short run growth is not judged', () => {
    const durationMs = JUDGED_FROM_MS - 1;
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: 150 + 400 * share }), { durationMs })), []);
  });

  test('problems, moves, entries and no drain at all', () => {
    assert.deepEqual(bad(aRecord(() => ({}), { problems: ['x'] })), ['problems']);
    const rounds = [{ ...ROUND, mostMoves: 2, problems: ['moved twice'] }];
    assert.deepEqual(bad(aRecord(() => ({}), { rounds })), ['problems', 'most moves of a pod in one drain']);
    assert.deepEqual(bad(aRecord(() => ({}), { entriesLeft: 1 })), ['entries left']);
    assert.deepEqual(bad(aRecord(() => ({}), { rounds: [] })), ['drains ended', 'most moves of a pod in one drain']);
  });
});
