import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UsageError } from '../../src/command-line.ts';
import { readFlags } from './flags.ts';
import { drawPage } from './page.ts';
import type { Round, SoakRecord } from './record.ts';
import { parseMetrics } from './sample.ts';
import { findingsOf, SNAPSHOT_SHARE } from './verdict.ts';

const METRICS = `# HELP process_resident_memory_bytes Resident memory size in bytes.
process_resident_memory_bytes 150000000
process_open_fds 28
nodejs_heap_size_used_bytes 40000000
nodejs_external_memory_bytes 6500000
nodejs_active_resources{type="TCPSocketWrap"} 9
nodejs_active_resources{type="Timeout"} 4
nodejs_active_resources_total 16
nodejs_eventloop_lag_p99_seconds 0.0125
reschedule_hook_cache_age_seconds{kind="pods"} 3.5
reschedule_hook_cache_age_seconds{kind="nodes"} 41.25
reschedule_hook_earlier_instances 3
`;
const SAMPLE = {
  rssMb: 150,
  heapMb: 40,
  externalMb: 6.5,
  fds: 28,
  handles: 12,
  timers: 4,
  remembered: 3,
  lagP99Ms: 12.5,
  cacheAgeS: 41.25,
};

test('a sample is read from the metrics of a replica', () => {
  assert.deepEqual(parseMetrics(METRICS), SAMPLE);
  const { handles, timers } = parseMetrics(METRICS.replace(/.*Timeout.*\n/, ''));
  assert.deepEqual({ handles, timers }, { handles: 16, timers: 0 });
  const none = parseMetrics(METRICS.replaceAll('nodejs_active_resources', 'renamed'));
  assert.deepEqual([none.handles, none.timers], [Number.NaN, Number.NaN]);
});

describe('the page of a soak', () => {
  const round: Round = {
    fault: 'calls hang',
    startedMs: 1_000,
    drainedMs: 4_000,
    pods: 2,
    mostMoves: 1,
    answers: { 0: 1, 404: 2, 429: 10 },
    oddities: [],
    problems: [],
  };
  const record: SoakRecord = {
    durationMs: 60_000,
    samples: [
      { atMs: 0, replicas: { steady: SAMPLE }, entries: 0 },
      { atMs: 30_000, replicas: { steady: SAMPLE, restarted: SAMPLE }, entries: 2 },
    ],
    rounds: [round],
    entriesLeft: 0,
    problems: [],
    spells: [{ name: 'wrong clocks', fromMs: 0, toMs: 90_000 }],
    reminders: 7,
    renewals: 1,
    renewEveryMs: 60_000,
    authorities: 0,
    heap: {
      before: { count: 10, bytes: 1_000 },
      after: { count: 12, bytes: 1_500 },
      kinds: [{ name: 'Map<>', before: { count: 1, bytes: 100 }, after: { count: 3, bytes: 600 } }],
    },
  };

  test('is one file: nothing is fetched, and each chart has what was sampled', () => {
    const page = drawPage(record, findingsOf(record));
    assert.ok(!/\b(src|href|url)\b|<script/.test(page));
    assert.equal(page.match(/<svg /g)?.length, 11);
    assert.equal(page.match(/<polyline points="[\d. ,]+"/g)?.length, 18);
    assert.ok(!/NaN|Infinity|undefined/.test(page));
    assert.match(page, /<tr><td>calls hang<\/td><td>1<\/td><td>2<\/td><td>4.0 s, 4.0 s<\/td>/);
    assert.match(page, /1 × none, 2 × 404, 10 × 429/);
    assert.match(page, />passed</);
    assert.match(page, /wrong clocks for 1.5 minutes/);
    assert.match(page, /<td>kubelets reminded[^<]*<\/td><td>7<\/td><td>for information<\/td>/);
    assert.match(page, new RegExp(`From ${100 * SNAPSHOT_SHARE} % of the time to the end`));
    assert.match(page, /<td>everything<\/td><td>10 → 12<\/td>/);
    assert.match(page, /<td>Map&#60;&#62;<\/td><td>1 → 3<\/td><td>0.1 → 0.6 kB<\/td><td>\+0.5 kB<\/td>/);
  });

  test('names what went wrong, and lets no text be taken for markup', () => {
    const wrong = { ...record, rounds: [{ ...round, problems: ['<b>moved twice</b>'] }] };
    const page = drawPage(wrong, findingsOf(wrong));
    assert.match(page, />FAILED</);
    assert.match(page, /&#60;b&#62;moved twice/);
  });
});

describe('the command line of a soak', () => {
  test('takes hours or minutes', () => {
    assert.equal(readFlags([]).durationMs, 3_600_000);
    assert.equal(readFlags(['--hours', '1.5']).durationMs, 5_400_000);
    assert.deepEqual(readFlags(['--minutes', '2', '--out', 'x.html']), {
      help: false,
      durationMs: 120_000,
      out: 'x.html',
    });
  });

  for (const args of [
    ['--hours', '1', '--minutes', '1'],
    ['--hours', '0'],
    ['--minutes', '-1'],
    ['--minutes', 'x'],
    ['--days', '1'],
    ['--out', ''],
  ]) {
    test(`does not take ${args.join(' ')}`, () => assert.throws(() => readFlags(args), UsageError));
  }
});
