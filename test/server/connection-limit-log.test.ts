import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOG } from '../../src/log/messages.ts';
import { createConnectionLimitLog } from '../../src/server/connection-limit-log.ts';
import { aLog } from '../support/log.ts';
import { FakeClock } from '../support/time.ts';

const MINUTE_MS = 60_000;

test('displaced connections: one line at once, then one a minute at the most, with how many it were', async () => {
  const clock = new FakeClock();
  const log = aLog();
  const report = createConnectionLimitLog(log, clock.monotonicNow);
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
