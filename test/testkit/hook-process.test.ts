import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LOG } from '../../src/log/messages.ts';
import { type HookOptions, startHook } from '../../testkit/hook-process.ts';

const entry = fileURLToPath(new URL('../rehearsal/fake-hook.ts', import.meta.url));

async function aHook(t: TestContext, options: Partial<HookOptions> = {}) {
  const files = { certFile: 'tls.crt', keyFile: 'tls.key' };
  const hook = await startHook({ kubeconfigPath: 'kubeconfig', files, entry, ...options });
  t.after(() => hook.stop());
  return hook;
}

describe('HookProcess', () => {
  it('is started when the process is ready, and stops it', async (t) => {
    const hook = await aHook(t, { env: { GREETING: 'hello' } });
    const started = await hook.waitForLine(({ message }) => message === LOG.started);
    assert.equal(started.GREETING, 'hello');
    assert.equal(started.WEBHOOK_PORT, String(hook.webhookPort));
    assert.equal(hook.url, `https://127.0.0.1:${hook.webhookPort}/eviction`);
    assert.deepEqual(await hook.stop(), { code: 0, signal: null });
    assert.equal(hook.lines.at(-1)?.message, LOG.stopped);
    // More often if the machine was slow: a question has its time.
    assert.ok(Number(hook.lines.at(-1)?.asked) >= 3);
    assert.deepEqual(await hook.stop(), { code: 0, signal: null }, 'a second stop changes nothing');
  });

  it('is restarted on the same ports, also after it was killed', async (t) => {
    const hook = await aHook(t);
    const { pid } = hook;
    hook.kill('SIGKILL');
    assert.deepEqual(await hook.exited, { code: null, signal: 'SIGKILL' });
    const since = hook.lines.length;
    await hook.restart({ GREETING: 'again' });
    const started = await hook.waitForLine(({ message }) => message === LOG.started, { since });
    assert.deepEqual([started.GREETING, started.HEALTH_PORT], ['again', String(hook.healthPort)]);
    assert.notEqual(hook.pid, pid);
  });

  it('says why where the process ends instead of being ready', async (t) => {
    await assert.rejects(
      aHook(t, { env: { FAIL: '1' } }),
      /the hook ended with code 3 before it was ready:\n.*told not to/s,
    );
  });

  it('gives up on a process that never gets ready, and ends it', async (t) => {
    await assert.rejects(aHook(t, { timeoutMs: 1 }), /not|no such log line/);
  });
});
