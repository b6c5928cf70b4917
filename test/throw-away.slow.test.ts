import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startEmbedded } from '../rehearsal/embedded-api/cluster.ts';
import { makeThrowAway } from '../src/certificates/throw-away.ts';
import { readConfig } from '../src/config/config.ts';
import type { JsonObject } from '../src/kube/client.ts';
import { REGISTRATIONS } from '../src/kube/paths.ts';
import { MESSAGES } from '../src/policy/decision.ts';
import { throwAwayAdvice } from '../src/registration/throw-away.ts';
import { connect } from '../testkit/connect.ts';
import { NotYet, until } from '../testkit/until.ts';
import { probe } from '../testkit/webhook-registration.ts';

const BIN = fileURLToPath(new URL('../bin/reschedule-hook.js', import.meta.url));

interface Registration {
  readonly metadata: JsonObject;
  readonly webhooks: readonly { readonly clientConfig: { readonly url: string; readonly caBundle: string } }[];
}

/** What is between the lines of the command to apply it. */
function registrationIn(text: string): Registration {
  const [, json = ''] = /\nkubectl apply -f - <<'END'\n([\s\S]*?)\nEND\n/.exec(text) ?? [];
  return JSON.parse(json);
}

/** `npm start` on a cluster that has nothing of the hook, with a kubeconfig and nothing else. */
async function started(t: TestContext) {
  const cluster = await startEmbedded({ nodes: 1 });
  t.after(() => cluster.stop());
  const { client, close } = await connect(cluster.kubeconfigPath);
  t.after(close);
  const ports = { WEBHOOK_PORT: '0', HEALTH_PORT: '0', SHUTDOWN_DELAY: '0s' };
  const env = { PATH: '', HOME: cluster.dir, KUBECONFIG: cluster.kubeconfigPath, ...ports };
  const child = spawn(process.execPath, [BIN], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  for await (const chunk of child.stderr) {
    said += chunk;
    if (said.includes('kubectl delete')) break;
  }
  return { client, child, said };
}

describe('a hook that is started in a terminal, without a certificate', () => {
  test('is asked about evictions once what it prints is applied', async (t) => {
    const { client, child, said } = await started(t);
    const registration = registrationIn(said);
    await client.json({ method: 'POST', path: REGISTRATIONS, body: { ...registration } });
    await until('the hook to be asked', async () => {
      const answer = await probe(client, 'default');
      if (!answer.includes(MESSAGES.gone)) throw new NotYet(answer);
    });
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  test('is called by an address that its certificate is for, and by no name of an installation', async () => {
    const { source, ca, hosts } = await makeThrowAway(Date.now());
    const config = readConfig({ WEBHOOK_CONFIGURATION: 'mine', FAILURE_POLICY: 'Ignore' });
    const text = throwAwayAdvice({ ...config, ca, hosts, webhookPort: 9443 });
    const { metadata, webhooks } = registrationIn(text);
    assert.deepEqual(metadata, { name: 'mine-throw-away' });
    const [webhook] = webhooks;
    const { url = '', caBundle = '' } = webhook?.clientConfig ?? {};
    assert.equal(new URL(url).port, '9443');
    const serving = new X509Certificate(source.current()?.cert ?? '');
    for (const host of [new URL(url).hostname, ...hosts]) {
      assert.ok(serving.checkHost(host) ?? serving.checkIP(host), host);
    }
    assert.ok(serving.verify(new X509Certificate(Buffer.from(caBundle, 'base64')).publicKey));
    assert.match(text, /^When the hook has ended, protected pods are evicted until:$/m);
    assert.match(text, /^kubectl delete validatingwebhookconfiguration mine-throw-away$/m);
  });
});
