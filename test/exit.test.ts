import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOG } from '../src/log/messages.ts';
import { NotYet, until } from '../testkit/until.ts';
import { anEmbeddedHook } from './support/embedded-hook.ts';

const leftovers = join(import.meta.dirname, 'support/leftovers.ts');
const unhandled = join(import.meta.dirname, 'support/unhandled.ts');

test('a hook that was asked about an eviction, and is stopped, ends without waiting for a timer', async (t) => {
  const hook = await anEmbeddedHook(t, { entry: leftovers });
  hook.kill('SIGTERM');
  const { timers } = await hook.waitForLine(({ message }) => message === 'left');
  assert.equal(timers, 0);
  assert.deepEqual(await hook.exited, { code: 0, signal: null });
});

test('a rejection that nobody handles is logged, and ends the hook with 1: it answers no more', async (t) => {
  const hook = await anEmbeddedHook(t, { entry: unhandled });
  hook.kill('SIGUSR2');
  assert.deepEqual(await hook.exited, { code: 1, signal: null });
  const line = await hook.waitForLine(({ message }) => message === LOG.unexpected);
  assert.equal(line.error, 'nobody waits for this');
  assert.equal(
    hook.lines.some(({ message }) => message === LOG.stopping),
    false,
  );
});

test('a hook whose output is closed goes on, counts the lines that are lost, and stops as always', async (t) => {
  const hook = await anEmbeddedHook(t);
  hook.closeOutput();
  const lost = async () => {
    // Each of these is a line of the log.
    await Promise.all([1, 2, 3].map(() => fetch(`${hook.healthUrl}/nowhere`)));
    const text = await (await fetch(`${hook.healthUrl}/metrics`)).text();
    const count = Number(/^reschedule_hook_log_lines_lost_total (\d+)$/m.exec(text)?.[1] ?? 0);
    if (count < 3) throw new NotYet(`${count} lines are lost`);
  };
  await until('lost lines', lost);
  assert.equal((await fetch(`${hook.healthUrl}/readyz`)).status, 200);
  hook.kill('SIGTERM');
  assert.deepEqual(await hook.exited, { code: 0, signal: null });
});
