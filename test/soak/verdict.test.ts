import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReplicaSample, Round, SoakRecord } from './record.ts';
import { findingsOf, JUDGED_FROM_MS } from './verdict.ts';

const LEVEL: ReplicaSample = { rssMb: 150, heapMb: 40, fds: 30, handles: 15, timers: 20, lagP99Ms: 10, cacheAgeS: 5 };
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
  const renewed = { renewals: 20, renewEveryMs: 180_000, authorities: 3 };
  const base = {
    durationMs: 3_600_000,
    samples,
    rounds: [ROUND],
    entriesLeft: 0,
    problems: [],
    spells: [],
    ...renewed,
  };
  return { ...base, ...over };
}

const bad = (record: SoakRecord) => findingsOf(record).flatMap(({ what, isGood }) => (isGood ? [] : what));

describe('the verdict of a soak', () => {
  test('level, with a warm-up and with noise: good', () => {
    assert.deepEqual(bad(aRecord(() => ({}))), []);
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: share < 0.2 ? 80 + 350 * share : 150 }))), []);
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: 150 + 30 * Math.sin(100 * share) }))), []);
  });

  test('what grows in the second half is named', () => {
    const growth = (what: string) => [`growth of ${what} in the second half`];
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: 150 + 20 * share }))), growth('resident memory'));
    assert.deepEqual(bad(aRecord((share) => ({ heapMb: 40 + 6 * share }))), growth('heap used'));
    assert.deepEqual(bad(aRecord((share) => ({ fds: 30 + 6 * share }))), growth('open files and sockets'));
    assert.deepEqual(bad(aRecord((share) => ({ handles: 15 + 6 * share }))), growth('active handles'));
  });

  test('timers are judged when the second half begins after the hour for which names are remembered', () => {
    const growing = (share: number) => ({ timers: 20 + 40 * share });
    assert.deepEqual(bad(aRecord(growing)), []);
    const samples = aRecord(growing).samples.map(({ atMs, ...one }) => ({ ...one, atMs: 2 * atMs }));
    const long = { durationMs: 7_200_000, samples, renewals: 40 };
    assert.deepEqual(bad(aRecord(growing, long)), ['growth of timers in the second half']);
  });

  test('growth below the floor is none, and what shrinks does not grow', () => {
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: 150 + 6 * share, heapMb: 40 + 3 * share }))), []);
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: 250 - 100 * share, fds: 90 - 60 * share }))), []);
  });

  test('an error that is large hides no growth of a tenth', () => {
    const noisy = (level: number) => (share: number) => ({ rssMb: level + 40 * share + 90 * Math.sin(1e4 * share) });
    assert.equal(bad(aRecord(noisy(150))).length, 1);
    assert.deepEqual(bad(aRecord(noisy(5_000))), []);
  });

  test('without samples of the steady replica nothing is good about its growth', () => {
    assert.equal(bad(aRecord(() => ({}), { samples: [] })).length, 4, 'of timers nothing is judged');
  });

  test('in a short run growth is not judged', () => {
    const durationMs = JUDGED_FROM_MS - 1;
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: 150 + 400 * share }), { durationMs })), []);
  });

  test('certificates that are not renewed', () => {
    const [what] = bad(aRecord(() => ({}), { renewals: 9 }));
    assert.equal(what, 'certificates renewed by the steady replica');
  });

  test('a kind of object that became many more', () => {
    const weight = (count: number) => ({ count, bytes: 100 * count });
    const kinds = [
      { name: 'Leaked', before: weight(1_500), after: weight(2_600) },
      { name: 'Many', before: weight(90_000), after: weight(99_000) },
      { name: 'Few', before: weight(10), after: weight(900) },
    ];
    const heap = { before: weight(91_510), after: weight(102_500), kinds };
    const hour = aRecord(() => ({}), { heap });
    const samples = hour.samples.map((sample) => ({ ...sample, atMs: 2.5 * sample.atMs }));
    const long = { ...hour, durationMs: 2.5 * hour.durationMs, renewals: 50, samples };
    const [finding, ...others] = findingsOf(long).filter(({ isGood }) => !isGood);
    assert.deepEqual(others, []);
    assert.equal(finding?.value, 'Leaked');
    // What is remembered for an hour grows for an hour.
    assert.deepEqual(bad(hour), []);
  });

  test('problems, moves, entries and no drain at all', () => {
    assert.deepEqual(bad(aRecord(() => ({}), { problems: ['x'] })), ['problems']);
    const rounds = [{ ...ROUND, mostMoves: 2, problems: ['moved twice'] }];
    assert.deepEqual(bad(aRecord(() => ({}), { rounds })), ['problems', 'most moves of a pod in one drain']);
    assert.deepEqual(bad(aRecord(() => ({}), { entriesLeft: 1 })), ['entries left']);
    assert.deepEqual(bad(aRecord(() => ({}), { rounds: [] })), ['rounds ended', 'most moves of a pod in one drain']);
  });
});
