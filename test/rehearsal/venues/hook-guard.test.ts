import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HookGuard } from '../../../rehearsal/venues/hook-guard.ts';
import { startHook } from '../../../testkit/hook-process.ts';

const entry = fileURLToPath(new URL('../fake-hook.ts', import.meta.url));
const files = { certFile: 'tls.crt', keyFile: 'tls.key' };

describe('HookGuard', () => {
  it('expects the end of a hook that it has stopped, and of no other', async (t) => {
    const hook = await startHook({ kubeconfigPath: 'kubeconfig', files, entry });
    t.after(() => hook.stop());
    const guard = new HookGuard(hook);
    let death: unknown;
    const died = guard.died.catch((error: unknown) => {
      death = error;
    });
    await guard.stop();
    await guard.start();
    assert.equal(death, undefined);
    hook.kill('SIGKILL');
    await died;
    assert.match(
      String(death),
      /the hook ended with SIGKILL, and nobody had stopped it; it said last: Reschedule hook/,
    );
  });
});

test('HookGuard expects no other end of a hook that is to stop', async () => {
  const exit = { code: 7, signal: null };
  const exited = new Promise<never>(() => undefined);
  const guard = new HookGuard({ lines: [], exited, stop: async () => exit, start: async () => undefined });
  await guard.stop();
  await assert.rejects(guard.died, { message: 'the hook ended with code 7 when it was to stop' });
});
