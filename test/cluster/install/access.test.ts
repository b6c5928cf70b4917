import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { certificatesIn } from '../../../src/certificates/pem.ts';
import { LOG } from '../../../src/log/messages.ts';
import { type Authority, createAuthority, type Serving, writeServing } from '../../../testkit/certificates.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { evict } from '../support/evict.ts';
import { keepEvicting } from '../support/keep-evicting.ts';
import { aSelfKept } from '../support/own-certificates.ts';
import { aReview } from '../support/review.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';

const SCRIPT = fileURLToPath(new URL('../../../scripts/generate-certs.sh', import.meta.url));
const NAME = 'kube-apiserver-webhooks';

let rig: Rig;
let dir: string;
let clients: Authority;
let files: { certFile: string; keyFile: string };

/** The API server shows webhooks a client certificate: a file of its own names a kubeconfig for that. */
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'reschedule-hook-access-'));
  clients = await createAuthority('clients of webhooks');
  files = await writeServing(dir, await clients.issue({ usage: 'client', name: NAME }));
  const user = { 'client-certificate': files.certFile, 'client-key': files.keyFile };
  const kubeConfigFile = join(dir, 'webhooks.kubeconfig');
  const users = [{ name: '*', user }];
  writeFileSync(kubeConfigFile, JSON.stringify({ apiVersion: 'v1', kind: 'Config', users }));
  const group = 'apiserver.config.k8s.io/v1';
  const configuration = { apiVersion: group, kind: 'WebhookAdmissionConfiguration', kubeConfigFile };
  const plugins = [{ name: 'ValidatingAdmissionWebhook', configuration }];
  const admission = join(dir, 'admission.json');
  writeFileSync(admission, JSON.stringify({ apiVersion: group, kind: 'AdmissionConfiguration', plugins }));
  const apiServerArgs = [`--admission-control-config-file=${admission}`];
  rig = await startRig({ controlPlane: { nodes: 1, apiServerArgs } });
});

after(async () => {
  await rig?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** What somebody in the cluster sends who can reach the port. */
async function attack(hook: HookProcess, pod: string, pair?: Serving): Promise<{ status: number; error: string }> {
  const asking = request(hook.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    rejectUnauthorized: false,
    agent: false,
    ...pair,
  });
  asking.end(aReview('guarded', pod));
  const [response] = await once(asking, 'response');
  return { status: response.statusCode, error: JSON.parse(await text(response)).error };
}

describe('client certificates, on the real control plane', () => {
  test('the API server shows its own: evictions work, and the made-up review of an attacker moves nothing (fault 6)', async () => {
    const clientCaFile = join(dir, 'ca.crt');
    await writeFile(clientCaFile, clients.ca);
    const hook = await rig.hook('guarded', { CLIENT_CA_FILE: clientCaFile, CLIENT_NAMES: NAME });
    await using scene = await aScene({ rig, hook: 'guarded', namespace: 'guarded' });
    await scene.operator.pause();

    const others = await createAuthority('others');
    const attempts = [
      [undefined, 401, /^a client certificate is required$/],
      [await others.issue({ usage: 'client', name: NAME }), 401, /^the client certificate is not accepted: /],
      [await clients.issue({ usage: 'client', name: 'somebody' }), 403, /none of the names that may ask$/],
    ] as const;
    for (const [pair, status, error] of attempts) {
      const since = hook.lines.length;
      const answer = await attack(hook, 'cb-0000', pair);
      assert.equal(answer.status, status);
      assert.match(answer.error, error);
      const isTold = ({ message, error }: { message: string; error?: unknown }) =>
        message === LOG.badRequest && error === answer.error;
      const line = await hook.waitForLine(isTold, { since });
      assert.equal(line.client, '127.0.0.1');
    }
    const refusals = hook.lines.filter(({ message }) => message === LOG.badRequest);
    assert.equal(refusals.length, attempts.length, 'one line each');
    assert.deepEqual((await scene.pod('cb-0000'))?.annotations, {});
    assert.deepEqual(await scene.entries(), {});
    assert.equal((await fetch(`${hook.healthUrl}/readyz`)).status, 200);

    scene.operator.resume();
    const drained = await scene.drain(scene.node(1));
    assert.equal(drained.code, 0, drained.stderr);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
    await scene.assertNobodyEvicted();

    const renewed = await createAuthority('clients, renewed');
    await writeFile(clientCaFile, renewed.ca);
    await hook.waitForLine(({ message }) => message === LOG.clientCaLoaded);
    const refused = await evict(scene, 'cb-0000');
    assert.equal(refused.code, 500, 'also over the connection that the API server has kept');
    assert.match(refused.message, /failed calling webhook/);
    await writeFile(clientCaFile, `${renewed.ca}${clients.ca}`);
    await until('the API server to be let in again', async () => {
      const { code } = await evict(scene, 'cb-0000');
      if (code === 500) throw new NotYet('still refused');
    });
  });
});

describe('scripts/generate-certs.sh, on the real control plane', () => {
  test('makes what the hook serves with; made again under evictions, none fails and no key is left behind', async () => {
    const { controlPlane, client } = rig;
    const kept = await aSelfKept(rig, 'scripted');
    const tmp = mkdtempSync(join(dir, 'tmp-'));
    const run = async (...args: string[]) => {
      const PATH = [dirname(controlPlane.assets.kubectl), process.env.PATH].join(delimiter);
      const env = {
        PATH,
        TMPDIR: tmp,
        HOME: tmp,
        KUBECONFIG: controlPlane.kubeconfigPath,
        KUBECTL: controlPlane.assets.kubectl,
      };
      const child = spawn(SCRIPT, ['-n', 'scripted', ...args], { env });
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
      if (child.exitCode === null) await once(child, 'exit');
      return { code: child.exitCode, stdout, stderr };
    };
    const served = mkdtempSync(join(dir, 'served-'));
    const mounted = { certFile: join(served, 'tls.crt'), keyFile: join(served, 'tls.key') };
    const env = { CERTIFICATES: 'files', TLS_CERT_FILE: mounted.certFile, TLS_KEY_FILE: mounted.keyFile };
    const hook = await kept.replica(env);
    await kept.register();
    const path = '/api/v1/namespaces/scripted/secrets/reschedule-hook-tls';
    /** As the kubelet mounts the Secret. */
    const mount = async () => {
      const secret = await client.json({ method: 'GET', path });
      const [cert = '', key = '', ca] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) =>
        Buffer.from((secret.data as Record<string, string>)[name] ?? '', 'base64').toString(),
      );
      await writeServing(served, { cert, key }, ca);
      return secret;
    };

    const first = await run('--days', '30');
    assert.equal(first.code, 0, first.stderr);
    assert.match(
      first.stdout,
      /certificate for reschedule-hook-server\.scripted\.svc in the Secret scripted\/reschedule-hook-tls, notAfter=/,
    );
    const secret = await mount();
    assert.equal(secret.type, 'kubernetes.io/tls');
    assert.deepEqual(Object.keys(secret.data as object).sort(), ['ca.crt', 'tls.crt', 'tls.key']);
    assert.equal((secret.metadata as { annotations?: object }).annotations, undefined, 'no copy of the key');
    await hook.start();
    await kept.untilAsked();

    await using scene = await aScene({ rig, hook: 'scripted', namespace: 'scripted-pods' });
    await scene.operator.pause();
    const evicting = keepEvicting(rig, scene.namespace, ['cb-0000', 'cb-0001']);
    for (const times of [1, 2]) {
      const since = hook.lines.length;
      const again = await run();
      assert.equal(again.code, 0, again.stderr);
      await mount();
      await hook.waitForLine(({ message }) => message === LOG.certificateLoaded, { since });
      assert.equal(certificatesIn((await kept.bundles())[0] ?? '').length, 1 + times, 'those before stay for an hour');
      await evicting.untilMore(20);
    }
    await evicting.stop();
    assert.deepEqual(
      evicting.answers.filter(({ code }) => code !== 429),
      [],
    );
    assert.deepEqual(
      (await readdir(tmp)).filter((name) => name.startsWith('tmp.')),
      [],
    );
    assert.ok(existsSync(mounted.certFile));
  });
});
