import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { startEmbedded } from '../../rehearsal/embedded-api/cluster.ts';
import { createAuthority, writeServing } from '../../testkit/certificates.ts';
import { connect } from '../../testkit/connect.ts';
import { installClusterDefinition } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import { type HookOptions, startHook } from '../../testkit/hook-process.ts';
import { registerWebhook } from '../../testkit/webhook-registration.ts';

/** The hook as a process on an embedded API, with a registration that it has answered. It ends with the test. */
export async function anEmbeddedHook(t: TestContext, options: Partial<Pick<HookOptions, 'entry' | 'env'>> = {}) {
  const cluster = await startEmbedded({ nodes: 1 });
  t.after(() => cluster.stop());
  const { kubeconfigPath } = cluster;
  const { client, close } = await connect(kubeconfigPath);
  t.after(close);
  await installClusterDefinition(client);
  const authority = await createAuthority();
  const files = await writeServing(join(cluster.dir, 'hook'), await authority.issue());
  const hook = await startHook({ kubeconfigPath, files, ...options });
  t.after(() => hook.kill('SIGKILL'));
  // It waits until an eviction is answered by the hook.
  await registerWebhook(client, { urls: [hook.url], caBundle: authority.caBundle });
  return hook;
}
