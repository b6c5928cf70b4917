import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startEmbedded } from '../rehearsal/embedded-api/cluster.ts';
import { LOG } from '../src/log/messages.ts';
import { createAuthority, writeServing } from '../testkit/certificates.ts';
import { connect } from '../testkit/connect.ts';
import { installClusterDefinition } from '../testkit/couchbase/couchbasecluster-crd.ts';
import { startHook } from '../testkit/hook-process.ts';
import { registerWebhook } from '../testkit/webhook-registration.ts';

const leftovers = join(import.meta.dirname, 'support/leftovers.ts');
const unhandled = join(import.meta.dirname, 'support/unhandled.ts');

/** The hook on an embedded API, run by one of the scripts above, with a registration that it has answered. */
async function aHook(t: TestContext, entry: string) {
  const cluster = await startEmbedded({ nodes: 1 });
  t.after(() => cluster.stop());
  const { kubeconfigPath } = cluster;
  const { client, close } = await connect(kubeconfigPath);
  t.after(close);
  await installClusterDefinition(client);
  const authority = await createAuthority();
  const files = await writeServing(join(cluster.dir, 'hook'), await authority.issue());
  const hook = await startHook({ kubeconfigPath, files, entry });
  t.after(() => hook.kill('SIGKILL'));
  // It waits until an eviction is answered by the hook.
  await registerWebhook(client, { urls: [hook.url], caBundle: authority.caBundle });
  return hook;
}

test('a hook that was asked about an eviction, and is stopped, ends without waiting for a timer', async (t) => {
  const hook = await aHook(t, leftovers);
  hook.kill('SIGTERM');
  const { timers } = await hook.waitForLine(({ message }) => message === 'left');
  assert.equal(timers, 0);
  assert.deepEqual(await hook.exited, { code: 0, signal: null });
});

test('a rejection that nobody handles is logged, and ends the hook with 1: it answers no more', async (t) => {
  const hook = await aHook(t, unhandled);
  hook.kill('SIGUSR2');
  assert.deepEqual(await hook.exited, { code: 1, signal: null });
  const line = await hook.waitForLine(({ message }) => message === LOG.unexpected);
  assert.equal(line.error, 'nobody waits for this');
  assert.equal(
    hook.lines.some(({ message }) => message === LOG.stopping),
    false,
  );
});
