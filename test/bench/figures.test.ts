import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { atLeast, atMost, below, count, isBad, percent, tableOf } from '../../bench/support/figures.ts';
import { allCallsIn, callsIn, entriesIn } from '../../bench/support/hook-metrics.ts';
import { median, percentile, spread } from '../../bench/support/statistics.ts';

describe('statistics of the benchmark', () => {
  test('median of odd and even counts, and of nothing', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.ok(Number.isNaN(median([])));
  });

  test('percentile by nearest rank', () => {
    const sorted = Array.from({ length: 100 }, (_, i) => i + 1);
    assert.deepEqual(
      [0, 0.5, 0.99, 1].map((p) => percentile(sorted, p)),
      [1, 50, 99, 100],
    );
    assert.equal(percentile([7], 0.99), 7);
    assert.ok(Number.isNaN(percentile([], 0.5)));
  });

  test('spread', () => {
    assert.deepEqual(spread([2, 9, 4]), { median: 4, min: 2, max: 9 });
  });
});

describe('the table of figures', () => {
  test('targets: at the limit, and beside it', () => {
    assert.deepEqual([atMost(2, 2, 'x').met, atLeast(50, 50, '%').met, below(50, 50, 'ms').met], [true, true, false]);
    assert.equal(atLeast(1, 8000, '/s').text, 'at least 8,000/s');
  });

  test('what ends the benchmark with exit code 1', () => {
    const row = { area: 'cache', what: 'sync', shown: '1 s', values: {} };
    const rows = [
      row,
      { ...row, target: atMost(2, 2, 'x') },
      { ...row, target: atMost(3, 2, 'x') },
      { ...row, isInvalid: true as const },
    ];
    assert.deepEqual(rows.map(isBad), [false, false, true, true]);
  });

  test('numbers', () => {
    assert.deepEqual([count(12345.6), count(45.67), count(1.234), count(2)], ['12,346', '45.7', '1.23', '2']);
    assert.deepEqual([percent(0.5), percent(0.0123)], ['50%', '1.2%']);
  });

  test('an area is named once, a missed target stands out', () => {
    const figures = [
      { area: 'cache', what: 'sync', shown: '1 s', target: { text: 'under 5 s', met: true }, values: {} },
      { area: 'cache', what: 'RSS', shown: '200 MB', target: { text: 'under 150 MB', met: false }, values: {} },
      { area: 'quiet', what: 'CPU', shown: '0%', values: {} },
    ];
    assert.equal(
      tableOf(figures),
      [
        '|       | what | figure | target       |        |',
        '| ----- | ---- | ------ | ------------ | ------ |',
        '| cache | sync | 1 s    | under 5 s    | met    |',
        '|       | RSS  | 200 MB | under 150 MB | MISSED |',
        '| quiet | CPU  | 0%     |              |        |',
      ].join('\n'),
    );
  });
});

test('entries are counted over their states', () => {
  const text = `reschedule_hook_entries{state="marked"} 3
reschedule_hook_entries{state="settled"} 2
reschedule_hook_entries_left_out 7
`;
  assert.equal(entriesIn(text), 5);
});

test('API calls are counted over methods and codes', () => {
  const text = `# TYPE reschedule_hook_api_requests_total counter
reschedule_hook_api_requests_total{method="GET",code="200"} 12
reschedule_hook_api_requests_total{method="GET",code="404"} 3
reschedule_hook_api_requests_total{method="PATCH",code="409"} 2
reschedule_hook_api_requests_total{method="POST",code="201"} 4
reschedule_hook_reconciles_total{result="success"} 99
`;
  assert.deepEqual(callsIn(text), { reads: 15, writes: 2 });
  assert.deepEqual(callsIn(''), { reads: 0, writes: 0 });
  assert.equal(allCallsIn(text), 21);
});
