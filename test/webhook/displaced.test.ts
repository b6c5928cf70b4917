import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOG } from '../../src/logs.ts';
import { createDisplacedReport } from '../../src/webhook/displaced.ts';
import { aLog } from '../support/log.ts';
import { FakeClock } from '../support/time.ts';

const MINUTE_MS = 60_000;

test('displaced connections: one line at once, then one a minute at the most, with how many it were', async () => {
  const clock = new FakeClock();
  const log = aLog();
  const report = createDisplacedReport(log, clock.monotonicNow);
  const counts = () => log.lines.map(({ fields }) => fields.count);
  report();
  assert.deepEqual(log.lines, [{ level: 'warn', message: LOG.displaced, fields: { count: 1 } }]);
  for (let i = 0; i < 999; i++) report();
  await clock.advance(MINUTE_MS - 1);
  report();
  assert.deepEqual(counts(), [1]);
  await clock.advance(1);
  report();
  assert.deepEqual(counts(), [1, 1_001]);
  await clock.advance(MINUTE_MS);
  report();
  assert.deepEqual(counts(), [1, 1_001, 1]);
});
