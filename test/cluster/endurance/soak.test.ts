import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAULTS } from '../../soak/faults.ts';
import { soak } from '../../soak/soak.ts';
import { findingsOf } from '../../soak/verdict.ts';

/** Each fault of the long run once would take two minutes; these three are felt by every part of it. */
const FELT = ['none', 'a replica killed', 'the API server restarted'];

test('a short soak: each drain ends and moves each pod once, whatever breaks, and no entry stays', async (t) => {
  const faults = FAULTS.filter(({ name }) => FELT.includes(name));
  const record = await soak({
    durationMs: 12_000,
    // On a slow machine the first rounds alone take longer than that.
    leastRounds: FELT.length,
    faults,
    retention: '10s',
    restMs: 0,
    sampleEveryMs: 1_000,
    progress: (line) => t.diagnostic(line),
  });
  assert.deepEqual(new Set(record.rounds.map(({ fault }) => fault)), new Set(FELT));
  assert.deepEqual([...record.rounds.flatMap(({ problems }) => problems), ...record.problems], []);
  assert.deepEqual(
    findingsOf(record).filter(({ isGood }) => !isGood),
    [],
  );
  const last = record.samples.at(-1);
  for (const [key, value] of Object.entries(last?.replicas.steady ?? { none: Number.NaN })) {
    assert.ok(Number.isFinite(value), `${key} was sampled: ${value}`);
  }
});

test('a soak that is interrupted in the middle of a round stops soon, says so, and leaves nothing', async () => {
  const interrupted = new AbortController();
  const faults = [{ name: 'an interruption', inflict: async () => interrupted.abort(new Error('interrupted')) }];
  const record = await soak({ durationMs: 3_600_000, faults, signal: interrupted.signal });
  assert.deepEqual([record.unfinished, record.entriesLeft, record.problems], ['interrupted', undefined, []]);
});
