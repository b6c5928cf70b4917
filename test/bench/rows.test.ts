import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MODIFICATIONS, podCounts, REAL_CHANGES } from '../../bench/phases/cache.ts';
import { entryCounts } from '../../bench/phases/controller.ts';
import { planOf } from '../../bench/phases/rounds.ts';
import { cacheRows, growthRow, realCacheRows } from '../../bench/support/cache-rows.ts';
import { pruneRows } from '../../bench/support/controller-rows.ts';
import { evictionRows, rowsOfCase } from '../../bench/support/eviction-rows.ts';
import { type Figure, tableOf } from '../../bench/support/figures.ts';
import type { CacheResult, CaseResult, LoadResult, Round } from '../../bench/support/results.ts';
import { EACH, entryFor, FRESH, NAMESPACE } from '../../bench/support/world.ts';
import { decodeEntry, entryPod } from '../../src/policy/entry.ts';

const load = (perSecond: number): LoadResult => ({
  answers: perSecond,
  perSecond,
  p50Ms: 1000 / perSecond,
  p99Ms: 5000 / perSecond,
  maxMs: 9000 / perSecond,
  wrong: 0,
  busy: 0.9,
});

function aCase(changes: Partial<CaseResult> & { round?: Partial<Round> } = {}): CaseResult {
  const { round, ...others } = changes;
  return {
    name: 'released',
    rounds: [{ hook: load(1000), echo: load(2000), hookCpuUs: 40, echoCpuUs: 20, ...round }],
    calls: { reads: 2000, writes: 0 },
    hook: { answers: 1000, wrong: 0 },
    reference: { answers: 0, wrong: 0 },
    ...others,
  };
}

function aCache(pods: number, rssMb: readonly number[] = [140, 160, 170]): CacheResult {
  const synced = { syncMs: 1000, longestBlockMs: 20, rssBeforeMb: 90, rssMb: 130, pods };
  const followed = rssMb.map((rss) => ({ seconds: 1, cpuSeconds: 0.6, longestBlockMs: 30, rssMb: rss }));
  return { pods, synced, followed, peakMb: 175, quiet: 0, standInBusy: 0.3 };
}

const targets = (rows: readonly Figure[]) =>
  rows.flatMap(({ area, what, target }) => (target ? [`${area}: ${what}: ${target.text}`] : []));
const found = (rows: readonly Figure[], what: string) => {
  const row = rows.find((candidate) => candidate.what === what);
  return row && [row.shown, row.target?.met];
};

describe('rows of evictions', () => {
  test('answers that are not those of the case leave no figure, and say so', () => {
    const wrong = aCase({ hook: { answers: 1200, wrong: 30 } });
    const rows = evictionRows({ cases: [wrong, aCase({ name: 'waiting' })], quiet: 0 });
    const released = rows.filter(({ area }) => area === 'eviction: released');
    assert.deepEqual(
      released.map(({ what, shown, isInvalid }) => ({ what, shown, isInvalid })),
      [{ what: 'answers', shown: '30 of 1,200 were not those of this case', isInvalid: true }],
    );
    assert.match(tableOf(released), /this case \| +\| INVALID \|$/m);
    assert.ok(rows.some(({ area, isInvalid }) => area === 'eviction: waiting' && !isInvalid));
  });

  test('the other hook is shown beside, with what was wrong with its answers', () => {
    const one = aCase({ round: { reference: load(500) }, reference: { answers: 700, wrong: 7 } });
    const rows = evictionRows({ cases: [one], quiet: 0 });
    assert.equal(found(rows, 'of the other hook')?.[0], '200% (200% to 200%)');
    assert.equal(found(rows, '  its answers')?.[0], '500/s (500/s to 500/s), but 7 of 700 not those of this case');
    assert.equal(found(rows, '  its p50')?.[0], '2 ms (2 ms to 2 ms)');
    assert.equal(found(rows, '  its p99')?.[0], '10 ms (10 ms to 10 ms)');
    assert.ok(rows.every(({ isInvalid }) => !isInvalid));
  });

  test('without another hook there is no row of it', () => {
    const rows = evictionRows({ cases: [aCase()], quiet: 0 });
    assert.ok(rows.every(({ what }) => !what.includes('other') && !what.includes('its')));
  });

  test('the targets', () => {
    const cases = ['waiting', 'unprotected', 'first mark', 'released'].map((name) => aCase({ name }));
    assert.deepEqual(targets(evictionRows({ cases, quiet: 0 })), [
      'eviction: waiting: of the bare HTTPS echo: at least 30%',
      'eviction: waiting: CPU per answer: at most 4 times',
      'eviction: waiting: p99: under 20 ms',
      'eviction: waiting: API calls per answer: none',
      'eviction: first mark: API calls per answer: no read, at most 2 writes',
      'quiet: CPU of a quiet hook, of one core: under 1 %',
    ]);
  });
});

describe('rows of an eviction that reads metadata', () => {
  const reading = (readCpuUs: number, wholePodReads = 0, reads = 1_000) =>
    rowsOfCase(
      aCase({
        name: 'unprotected, stand-in',
        round: { hookCpuUs: 140, readCpuUs },
        calls: { reads, writes: 0 },
        wholePodReads,
      }),
    );

  test('the targets', () => {
    assert.deepEqual(targets(reading(100)), [
      'eviction: unprotected, stand-in:   beyond that read: at most 2 times',
      'eviction: unprotected, stand-in: API calls per answer: one read, of metadata',
    ]);
  });

  test('what the read itself costs does not count', () => {
    assert.deepEqual(found(reading(100), '  of it the read of metadata')?.[0], '100 µs (100 µs to 100 µs)');
    assert.deepEqual(found(reading(100), '  beyond that read'), ['40 µs, 2 times that of the echo', true]);
    assert.deepEqual(found(reading(99), '  beyond that read'), ['41 µs, 2.05 times that of the echo', false]);
  });

  test('one whole pod that was read, or a second read, misses the target', () => {
    assert.deepEqual(found(reading(100), 'API calls per answer'), ['1 reads, 0 writes', true]);
    const whole = '1 reads, 0 writes; 3 reads were of whole pods';
    assert.deepEqual(found(reading(100, 3), 'API calls per answer'), [whole, false]);
    assert.deepEqual(found(reading(100, 0, 1_100), 'API calls per answer'), ['1.10 reads, 0 writes', false]);
  });
});

describe('rows of the cache', () => {
  test('a full run shows every size, with the targets', () => {
    assert.deepEqual(podCounts(false), [1_000, 20_000, 100_000]);
    const results = podCounts(false).map((pods) => aCache(pods));
    const rows = [...results.flatMap((result) => cacheRows(result, MODIFICATIONS)), ...growthRow(results)];
    assert.deepEqual(targets(rows), [
      'cache: 1,000 pods: CPU while quiet, of one core: under 1 %',
      'cache: 20,000 pods: time to sync: under 5 s',
      'cache: 20,000 pods: longest block of the event loop: under 50 ms',
      'cache: 20,000 pods: RSS after the sync: under 150 MB',
      'cache: 20,000 pods: RSS after 20,000 changes: under 150 MB',
      'cache: 20,000 pods: events: at least 8,000/s',
      'cache: 20,000 pods: CPU while quiet, of one core: under 1 %',
      'cache: 100,000 pods: RSS after the sync: under 400 MB',
      'cache: 100,000 pods: RSS after 20,000 changes: under 400 MB',
      'cache: 100,000 pods: CPU while quiet, of one core: under 1 %',
      'cache: growth: CPU per event at 100,000 pods, of that at 1,000: at most 150 %',
    ]);
  });

  test('memory is judged after 20,000 changes; what comes after shows whether it goes on growing', () => {
    const rows = cacheRows(aCache(20_000, [149, 160, 170]), MODIFICATIONS);
    assert.deepEqual(found(rows, 'RSS after 20,000 changes'), ['149 MB', true]);
    assert.deepEqual(found(rows, 'RSS after 60,000 changes'), ['170 MB', undefined]);
    assert.deepEqual(found(cacheRows(aCache(20_000, [150, 140]), MODIFICATIONS), 'RSS after 20,000 changes'), [
      '150 MB',
      false,
    ]);
  });

  test('on a real API server the row says how many pods the cache had', () => {
    const result = { synced: aCache(1_000).synced, seconds: 4, cpuSeconds: 0.3, rssMb: 120 };
    const rows = realCacheRows(result, REAL_CHANGES);
    assert.ok(rows.every(({ area }) => area === 'cache: 1,000 pods, real API server'));
    assert.equal(found(rows, 'events, as fast as it writes')?.[0], '500/s');
    assert.equal(found(rows, 'CPU per event')?.[0], '150 µs');
  });
});

test('rows of the controller in a full run', () => {
  assert.deepEqual(entryCounts(false), [1, 10_000]);
  const rows = entryCounts(false).flatMap((entries) =>
    pruneRows({ entries, firstMs: 5, lastMs: 6000, callsPerEntry: 3 }),
  );
  assert.deepEqual(
    rows.map(({ area, what }) => `${area}: ${what}`),
    [
      'controller: 1 entry: due to pruned',
      'controller: 10,000 entries: due to the first pruned',
      'controller: 10,000 entries: due to the last pruned',
      'controller: 10,000 entries: API calls per entry',
    ],
  );
});

describe('the pods of the real API server', () => {
  test('1,000 of them are selected, and every round has fresh ones', () => {
    assert.equal(EACH + EACH + FRESH, 1_000);
    for (const { rounds, podsPerRound } of [planOf(true), planOf(false)]) {
      assert.ok(Number.isInteger(podsPerRound));
      assert.ok((rounds + 1) * podsPerRound <= FRESH);
    }
  });

  test('a waiting pod has an entry about itself, a released one about an earlier instance', () => {
    const entry = (kind: 'waiting' | 'released') => {
      const [[key = '', value = ''] = []] = Object.entries(entryFor(kind, { name: 'a', uid: 'uid-1' }, 'node-1'));
      assert.deepEqual(entryPod(key, value), { namespace: NAMESPACE, name: 'a' });
      return decodeEntry(value);
    };
    assert.equal(entry('waiting').uid, 'uid-1');
    assert.equal(entry('waiting').node, 'node-1');
    assert.notEqual(entry('released').uid, 'uid-1');
    assert.deepEqual(entryFor('fresh', { name: 'a', uid: 'uid-1' }, 'node-1'), {});
  });
});
