import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReplicaSample, Round, SoakRecord } from './record.ts';
import { plannedMs, type Spell } from './spells.ts';
import { type Finding, findingsOf, JUDGED_FROM_MS, lineOf } from './verdict.ts';

const LEVEL: ReplicaSample = {
  rssMb: 150,
  heapMb: 40,
  externalMb: 6,
  fds: 30,
  handles: 15,
  timers: 20,
  remembered: 0,
  lagP99Ms: 10,
  cacheAgeS: 5,
};
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

const SPELLS_OF_AN_HOUR: readonly Spell[] = [
  { name: 'wrong clocks', fromMs: 300_000, toMs: 960_000 },
  { name: 'no bookmarks', fromMs: 900_000, toMs: 1_500_000 },
];

const NOTHING_GREW = { before: { count: 9, bytes: 40_000_000 }, after: { count: 9, bytes: 40_400_000 }, kinds: [] };

/** An hour, a sample a minute. `at` changes the level; `share` is how much of the hour has passed. */
function aRecord(at: (share: number) => Partial<ReplicaSample>, over: Partial<SoakRecord> = {}): SoakRecord {
  const samples = Array.from({ length: 61 }, (_, minute) => ({
    atMs: minute * 60_000,
    entries: 4,
    replicas: { steady: { ...LEVEL, ...at(minute / 60) } },
  }));
  const renewed = { renewals: 20, renewEveryMs: 180_000, authorities: 3 };
  const base = {
    durationMs: 3_600_000,
    samples,
    rounds: [ROUND],
    entriesLeft: 0,
    problems: [],
    spells: SPELLS_OF_AN_HOUR,
    reminders: 0,
    heap: NOTHING_GREW,
    ...renewed,
  };
  return { ...base, ...over };
}

const SPELLS_OF_TWO_HOURS = [...SPELLS_OF_AN_HOUR, ...SPELLS_OF_AN_HOUR];

const growth = (what: string) => [`growth of ${what} in the second half`];
const bad = (record: SoakRecord) => findingsOf(record).flatMap(({ what, isGood }) => (isGood ? [] : what));

describe('the verdict of a soak', () => {
  test('a run that has not come to its end is not good, and what was not counted is not none', () => {
    const { entriesLeft: _, ...uncounted } = aRecord(() => ({}));
    const record = { ...uncounted, unfinished: 'interrupted' } as const;
    assert.deepEqual(bad(record), ['the run', 'entries left of names that are there']);
    assert.match(lineOf(findingsOf(record)[0] as Finding), /^BAD {3}the run: interrupted /);
  });

  test('entries that are never pruned', () => {
    const { samples, ...rest } = aRecord(() => ({}));
    const withEntries = (entries: (minute: number) => number) => ({
      ...rest,
      samples: samples.map((sample, minute) => ({ ...sample, entries: entries(minute) })),
    });
    assert.deepEqual(bad(withEntries((minute) => 3 + (minute % 5))), []);
    assert.deepEqual(bad(withEntries((minute) => 3 + minute)), growth('entries, those of names that are gone too'));
  });

  test('level, with a warm-up and with noise: good', () => {
    assert.deepEqual(bad(aRecord(() => ({}))), []);
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: share < 0.2 ? 80 + 350 * share : 150 }))), []);
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: 150 + 30 * Math.sin(100 * share) }))), []);
  });

  test('what grows in the second half is named', () => {
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: 150 + 20 * share }))), growth('resident memory'));
    assert.deepEqual(bad(aRecord((share) => ({ heapMb: 40 + 6 * share }))), growth('heap used'));
    assert.deepEqual(bad(aRecord((share) => ({ externalMb: 6 + 6 * share }))), growth('memory outside of the heap'));
    assert.deepEqual(bad(aRecord((share) => ({ fds: 30 + 6 * share }))), growth('open files and sockets'));
    assert.deepEqual(bad(aRecord((share) => ({ handles: 15 + 6 * share }))), growth('active handles'));
  });

  test('timers of names that are remembered do not count: where rounds are faster, there are more of them', () => {
    const faster = (share: number) => ({ timers: 20 + 400 * share, remembered: 400 * share });
    assert.deepEqual(bad(aRecord(faster)), []);
    const leaking = (share: number) => ({ timers: 20 + 440 * share, remembered: 400 * share });
    const what = ['growth of timers beside those of remembered names in the second half'];
    assert.deepEqual(bad(aRecord(leaking)), what);
    // An older record.
    const { samples, ...rest } = aRecord((share) => ({ timers: 20 + 40 * share }));
    const without = samples.map(({ replicas, ...sample }) => {
      const { remembered: _, ...steady } = replicas.steady ?? LEVEL;
      return { ...sample, replicas: { steady } };
    });
    assert.deepEqual(bad({ ...rest, samples: without }), what);
  });

  test('what grows from the first heap snapshot on is of V8, which follows each object then', () => {
    const snapshotAtMs = 0.8 * 3_600_000;
    assert.deepEqual(
      bad(aRecord((share) => ({ rssMb: share < 0.81 ? 150 : 300 + 200 * share }), { snapshotAtMs })),
      [],
    );
    const before = aRecord((share) => ({ rssMb: 150 + 20 * share }), { snapshotAtMs });
    assert.deepEqual(bad(before), ['growth of resident memory in the second half']);
  });

  test('memory is judged by what is left after each collection', () => {
    const often = (heapMb: (n: number) => number) => {
      const samples = Array.from({ length: 721 }, (_, n) => ({
        atMs: n * 5_000,
        entries: 4,
        replicas: { steady: { ...LEVEL, heapMb: heapMb(n) } },
      }));
      return bad(aRecord(() => ({}), { samples }));
    };
    // Collected each half minute, and the more garbage in between the later it is.
    const garbage = (n: number) => ((n % 6) * n) / 200;
    assert.deepEqual(
      often((n) => 40 + garbage(n)),
      [],
    );
    assert.deepEqual(
      often((n) => 40 + garbage(n) + n / 150),
      ['growth of heap used in the second half'],
    );
  });

  test('growth below the floor is none, and what shrinks does not grow', () => {
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: 150 + 6 * share, heapMb: 40 + 3 * share }))), []);
    const few = findingsOf(aRecord((share) => ({ handles: 5 + 3 * share })));
    const handles = few.find(({ what }) => /handles/.test(what));
    assert.ok(handles?.isGood, 'more than a tenth, and below the floor');
    assert.equal(
      handles.wanted,
      'within its error and at most a tenth of the level, or at most 2, as the run is short',
    );
    assert.deepEqual(bad(aRecord((share) => ({ rssMb: 250 - 100 * share, fds: 90 - 60 * share }))), []);
  });

  test('a run of which the second half begins after that hour is judged by the error alone', () => {
    const inTwoHours = (at: Parameters<typeof aRecord>[0]) => {
      const { samples } = aRecord(at);
      const longer = samples.map((sample) => ({ ...sample, atMs: 2 * sample.atMs }));
      return aRecord(at, { durationMs: 7_200_000, samples: longer, renewals: 40, spells: SPELLS_OF_TWO_HOURS });
    };
    const noise = (share: number) => Math.sin(1e4 * share);
    const grows = inTwoHours((share) => ({ rssMb: 150 + 3 * share, heapMb: 40 + 0.5 * noise(share) }));
    assert.deepEqual(bad(grows), growth('resident memory'));
    const rss = findingsOf(grows).find(({ what }) => /resident/.test(what));
    assert.equal(rss?.wanted, 'within its error and at most a tenth of the level, or at most 0.5 MB');
    assert.deepEqual(bad(inTwoHours((share) => ({ rssMb: 150 - 3 * share + noise(share) }))), []);
    const step = (share: number) => (share < 0.7 ? 0 : 1);
    assert.deepEqual(bad(inTwoHours((share) => ({ fds: 33 + step(share), rssMb: 150 + step(share) / 10 }))), []);
    assert.deepEqual(bad(inTwoHours((share) => ({ timers: 430 + 6 * noise(share), remembered: 437 }))), []);
  });

  test('an error that is large hides no growth of a tenth', () => {
    const noisy = (level: number) => (share: number) => ({ rssMb: level + 40 * share + 90 * Math.sin(1e4 * share) });
    assert.equal(bad(aRecord(noisy(150))).length, 1);
    assert.deepEqual(bad(aRecord(noisy(5_000))), []);
  });

  test('without samples of the steady replica nothing is good about its growth', () => {
    assert.equal(bad(aRecord(() => ({}), { samples: [] })).length, 7);
  });

  test('metrics that are silent or missing in the second half are not flat', () => {
    const { samples } = aRecord(() => ({}));
    assert.equal(bad(aRecord(() => ({}), { samples: samples.slice(0, 46) })).length, 7);
    const missing = aRecord((share) => (share < 0.5 ? {} : { handles: Number.NaN, timers: Number.NaN }), {
      durationMs: 7_200_000,
      renewals: 40,
    });
    const longer = missing.samples.map((sample) => ({ ...sample, atMs: 2 * sample.atMs }));
    const names = ['active handles', 'timers beside those of remembered names'];
    assert.deepEqual(
      bad({ ...missing, samples: longer, spells: SPELLS_OF_TWO_HOURS }),
      names.map((name) => `growth of ${name} in the second half`),
    );
  });

  test('growth is also told by the day', () => {
    const [rss] = findingsOf(aRecord((share) => ({ rssMb: 150 + 6 * share }))).filter(({ what }) =>
      /resident/.test(what),
    );
    const [, growth, level, day] =
      /^(\S+) ± \S+ MB in 30.0 minutes at a level of (\S+) MB; (\S+) ±/.exec(rss?.value ?? '')?.map(Number) ?? [];
    assert.ok(Math.abs((growth ?? 0) - 3) < 0.3, rss?.value);
    assert.ok(Math.abs((level ?? 0) - 154.5) < 0.3, rss?.value);
    assert.ok(Math.abs((day ?? 0) - 144) < 15, rss?.value);
  });

  test('spells that were planned and not cast are missed', () => {
    assert.deepEqual(bad(aRecord(() => ({}), { spells: [] })), ['wrong clocks', 'no bookmarks']);
    const half = SPELLS_OF_AN_HOUR.map((spell) => ({
      ...spell,
      toMs: spell.toMs - plannedMs(spell.name, 3_600_000) / 2,
    }));
    assert.deepEqual(bad(aRecord(() => ({}), { spells: half })), []);
    const late = { spells: [], durationMs: 29 * 60_000 };
    assert.deepEqual(bad({ ...aRecord(() => ({})), ...late }), []);
  });

  test('reminders of kubelets are told, and are neither good nor bad', () => {
    const lines = findingsOf(aRecord(() => ({}), { reminders: 12 })).map(lineOf);
    assert.deepEqual(
      lines.filter((line) => /kubelets/.test(line)),
      ['info  kubelets reminded of a pod, of which hooks hear, too: 12 (for information)'],
    );
    assert.deepEqual(bad(aRecord(() => ({}), { reminders: 12 })), []);
  });

  test('in a short run growth is not judged, and not called good', () => {
    const durationMs = JUDGED_FROM_MS - 1;
    const short = aRecord((share) => ({ rssMb: 150 + 400 * share }), { durationMs });
    assert.deepEqual(bad(short), []);
    const growths = findingsOf(short).filter(({ what }) => /^(growth|alive|kinds)/.test(what));
    assert.equal(growths.length, 9);
    for (const one of growths) assert.match(lineOf(one), /^info .*\(not judged in so short a run\)$/);
  });

  test('heaps that were not compared, in a run that should have', () => {
    const { heap: _, ...without } = aRecord(() => ({}));
    assert.deepEqual(bad(without), ['heaps']);
    assert.deepEqual(bad({ ...without, durationMs: 1_800_000 }), []);
  });

  test('authorities that are not replaced', () => {
    assert.deepEqual(bad(aRecord(() => ({}), { authorities: 0 })), ['authorities replaced']);
  });

  test('more that is alive, though no kind became half as many again', () => {
    const kinds = [{ name: 'Leaked', before: { count: 9, bytes: 1e7 }, after: { count: 12, bytes: 1.3e7 } }];
    const heap = { before: { count: 9, bytes: 4e7 }, after: { count: 12, bytes: 4.3e7 }, kinds };
    const record = aRecord(() => ({}), { heap, snapshotAtMs: 3_600_000 });
    assert.deepEqual(bad(record), ['alive in the heap, from the first snapshot to the second']);
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
    const heap = { before: weight(91_510), after: weight(92_500), kinds };
    const hour = aRecord(() => ({}), { heap, snapshotAtMs: 0.8 * 3_600_000 });
    const samples = hour.samples.map((sample) => ({ ...sample, atMs: 2 * sample.atMs }));
    const long = {
      ...hour,
      durationMs: 2 * hour.durationMs,
      renewals: 100,
      samples,
      spells: SPELLS_OF_TWO_HOURS,
      snapshotAtMs: 1.6 * 3_600_000,
    };
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
    assert.deepEqual(bad(aRecord(() => ({}), { entriesLeft: 1 })), ['entries left of names that are there']);
    assert.deepEqual(bad(aRecord(() => ({}), { rounds: [] })), ['rounds ended', 'most moves of a pod in one drain']);
  });
});
