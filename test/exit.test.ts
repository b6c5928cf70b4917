import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { LOG } from '../src/log/messages.ts';
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
