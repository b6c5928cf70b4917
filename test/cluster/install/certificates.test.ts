import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { certificatesIn } from '../../../src/certificates/pem.ts';
import { createGuardedObjects } from '../../../src/kube/guarded-objects.ts';
import { LOG } from '../../../src/log/messages.ts';
import { Registration } from '../../../src/registration/registration.ts';
import { createAuthority, writeServing } from '../../../testkit/certificates.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { selfSigned } from '../../support/odd-certificates.ts';
import { untilTrue } from '../../support/until-true.ts';
import { metric } from '../support/evict.ts';
import { keepEvicting } from '../support/keep-evicting.ts';
import { aSelfKept, type SelfKept } from '../support/own-certificates.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';
import { said, untilSaid } from '../support/told.ts';

const MERGE_PATCH = 'application/merge-patch+json';
/** So short that serving certificates are renewed every few seconds, and the authority within a minute. */
const SHORT = { CERTIFICATE_LIFETIME: '16s', CA_LIFETIME: '48s' };

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

/** As an API server that has no connection yet: trusts what the registration carries, and calls by the Service's name. */
async function connectAsApiServer(kept: SelfKept, hook: HookProcess): Promise<string> {
  const [ca = ''] = await kept.bundles();
  const servername = `reschedule-hook-server.${kept.name}.svc`;
  const socket = connect({ port: hook.webhookPort, host: '127.0.0.1', ca, servername });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerCertificate().fingerprint256;
  } finally {
    socket.destroy();
  }
}

describe('certificates of its own, on the real control plane', { concurrency: 4 }, () => {
  test('two replicas at once, before the registration: one authority, and the bundle when the registration comes', async () => {
    const kept = await aSelfKept(rig, 'fresh');
    const hooks = await Promise.all([kept.replica(), kept.replica()]);
    await Promise.all(hooks.map((hook) => hook.start()));
    await untilSaid(hooks, LOG.authorityCreated);
    for (const hook of hooks) await untilSaid([hook], LOG.registrationMissing);
    await kept.register();
    await kept.untilAsked();
    assert.equal(new Set(await kept.bundles()).size, 1);
    assert.equal((await kept.bundles())[0], (await kept.secret())?.['ca.crt']);
    const served = await Promise.all(hooks.map((hook) => connectAsApiServer(kept, hook)));
    assert.equal(new Set(served).size, 2, 'each has a key of its own');
    assert.equal(said(hooks, LOG.authorityCreated).length, 1);
    assert.equal(said(hooks, LOG.registrationMissing).length, 2, 'each says it once');
    const days = (await metric(hooks[0] as HookProcess, EXPIRY, /serving/)) - Date.now() / 1000;
    assert.ok(days > 6.9 * 86_400 && days < 7.1 * 86_400);
    assert.ok((await metric(hooks[0] as HookProcess, EXPIRY, /ca/)) > Date.now() / 1000 + 300 * 86_400);
  });

  test("a registration whose bundle is applied again, overwritten or somebody else's is put right", async () => {
    const kept = await aSelfKept(rig, 'overwritten');
    const hook = await kept.replica();
    const before = rig.authority.ca;
    await kept.register();
    await kept.overwrite(before);
    await hook.start();
    await kept.untilAsked();
    const [bundle = ''] = await kept.bundles();
    assert.equal(certificatesIn(bundle).length, 2, 'what it found at its start stays for an overlap');

    await kept.register();
    assert.deepEqual(await kept.bundles(), [bundle], 'the manifest has none, so nothing is taken away');
    for (const text of [before, 'rubbish']) {
      await kept.overwrite(text);
      await untilTrue('the bundle to be put right', async () => sameCertificates((await kept.bundles())[0], bundle));
    }
    await untilSaid([hook], LOG.bundleCorrected, 2);
  });

  test('a Secret that is deleted, emptied or broken while it runs: a new authority, and no moment without trust', async () => {
    const kept = await aSelfKept(rig, 'deleted');
    const hook = await kept.replica({ CERTIFICATE_LIFETIME: '20s', CA_LIFETIME: '1h' });
    await kept.register();
    await hook.start();
    await kept.untilAsked();
    let created = 1;
    await untilSaid([hook], LOG.authorityCreated, created);
    const harms = [
      () => rig.client.json({ method: 'DELETE', path: kept.secretPath }),
      () => patchSecret(kept, null),
      () => patchSecret(kept, { 'signing.key': Buffer.from('rubbish').toString('base64') }),
    ];
    for (const harm of harms) {
      const old = await connectAsApiServer(kept, hook);
      await harm();
      await untilSaid([hook], LOG.authorityCreated, ++created);
      await untilTrue('it to sign', async () => (await connectAsApiServer(kept, hook)) !== old);
    }
    const why = said([hook], LOG.authorityCreated).map((line) => line.why);
    const broken = 'signing.key is not the key of signing.crt';
    assert.deepEqual(why, ['there was no Secret', 'there was no Secret', 'the Secret was empty', broken]);
  });

  test("somebody else's Secret: not ready, the way out is named, and nothing is written", async () => {
    const kept = await aSelfKept(rig, 'foreign');
    const data = { password: 'eA==' };
    const metadata = { name: 'reschedule-hook-ca' };
    const path = kept.secretPath.replace(/\/[^/]+$/, '');
    await rig.client.json({ method: 'POST', path, body: { apiVersion: 'v1', kind: 'Secret', metadata, data } });
    const hook = await kept.replica();
    const started = hook.start().catch(() => undefined);
    const line = await hook.waitForLine(({ message }) => message === LOG.certificateTrouble);
    assert.match(String(line.error), /holds something else \(password\): name another in CA_SECRET, or delete it/);
    const ready = await fetch(`${hook.healthUrl}/readyz`);
    assert.equal(ready.status, 503);
    assert.deepEqual(await kept.secret(), { password: 'x' });
    await rig.client.json({ method: 'DELETE', path: kept.secretPath });
    await started;
    await untilSaid([hook], LOG.certificateLoaded);
    assert.equal(said([hook], LOG.certificateLoaded).length, 1);
  });

  test('serving certificates and authorities renewed twice under evictions: not one fails', async (t) => {
    const kept = await aSelfKept(rig, 'renewed');
    const hooks = await Promise.all([kept.replica(SHORT), kept.replica(SHORT)]);
    await kept.register();
    await Promise.all(hooks.map((hook) => hook.start()));
    await kept.untilAsked();
    await using scene = await aScene({ rig, hook: kept.name, namespace: 'renewed-pods' });
    await scene.operator.pause();
    await scene.cordon(scene.node(1));
    const evicting = keepEvicting(rig, scene.namespace, ['cb-0000', 'cb-0001', 'cb-0000', 'cb-0001']);

    let connections = 0;
    const certificates = new Set<string>();
    const isEnough = () =>
      said(hooks, LOG.authorityPromoted).length >= 2 && certificates.size > 10 && evicting.answers.length > 100;
    await untilTrue(
      'two renewals of the authority, with many connections and evictions beside them',
      async () => {
        for (const hook of hooks) certificates.add(await connectAsApiServer(kept, hook));
        connections += hooks.length;
        return isEnough();
      },
      { everyMs: 100 },
    );
    const [last = ''] = await kept.bundles();
    await untilTrue('what was served by the old one to be over', async () => (await kept.bundles())[0] !== last);
    await evicting.stop();
    const { answers } = evicting;
    const failed = answers.filter(({ code, message }) => code !== 429 || !/Pod waiting|annotation added/.test(message));
    t.diagnostic(`${answers.length} evictions, ${connections} new connections, ${certificates.size} certificates`);
    assert.deepEqual(failed, []);
    assert.equal(said(hooks, LOG.bundleCorrected).length, 0, 'the replicas do not fight');
    await scene.assertNobodyEvicted();
  });
});

describe('certificates from files, the end of a replica, and a registration by hand', { concurrency: 4 }, () => {
  test('new certificates from files, by another authority each time, are served once the API server knows it', async () => {
    const kept = await aSelfKept(rig, 'other-authorities');
    await kept.register();
    await using scene = await aScene({ rig, hook: kept.name, namespace: 'other-pods' });
    await scene.operator.pause();
    const dir = join(rig.controlPlane.dir, 'other-authorities');
    const issue = async () => {
      const authority = await createAuthority(`authority ${Math.random()}`);
      const hosts = [`reschedule-hook-server.${kept.name}.svc`];
      return writeServing(dir, await authority.issue({ hosts }), authority.ca);
    };
    const { certFile, keyFile } = await issue();
    const hook = await kept.replica({ CERTIFICATES: 'files', TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile });
    await hook.start();
    await kept.untilAsked();
    await scene.cordon(scene.node(1));
    const evicting = keepEvicting(rig, scene.namespace, ['cb-0000', 'cb-0001']);
    for (let times = 1; times <= 2; times++) {
      await issue();
      await untilSaid([hook], LOG.certificateLoaded, times);
      await evicting.untilMore(50);
    }
    await evicting.stop();
    assert.deepEqual(
      evicting.answers.filter(({ code }) => code !== 429),
      [],
    );
    assert.equal(certificatesIn((await kept.bundles())[0] ?? '').length, 3);
  });

  test('a certificate that is no authority and its own trust anchor is taken; who wrote the bundle last is recorded', async () => {
    const kept = await aSelfKept(rig, 'self-signed');
    await kept.register();
    const host = `reschedule-hook-server.${kept.name}.svc`;
    const serving = await selfSigned(host, { hosts: [host], isAuthority: false });
    const { certFile, keyFile } = await writeServing(join(rig.controlPlane.dir, kept.name), serving, serving.cert);
    const hook = await kept.replica({ CERTIFICATES: 'files', TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile });
    await hook.start();
    await kept.untilAsked();
    assert.equal(await metric(hook, 'reschedule_hook_registration_verified'), 1);
    const service = { namespace: kept.name, name: 'reschedule-hook-server' };
    const registration = new Registration(createGuardedObjects(rig.client), kept.name, service);
    const writtenByReplicas = async () =>
      registration.parse(await kept.registration()).own.map((one) => one.isOfReplica);
    assert.deepEqual(await writtenByReplicas(), [true]);
    await hook.stop();
    await kept.overwrite('');
    await kept.overwrite(serving.cert);
    assert.deepEqual(await writtenByReplicas(), [false]);
  });

  test('after SIGTERM it leaves its registration alone', async () => {
    const kept = await aSelfKept(rig, 'stopping');
    const hook = await kept.replica({ SHUTDOWN_DELAY: '4s' });
    await kept.register();
    await hook.start();
    await kept.untilAsked();
    hook.kill('SIGTERM');
    await untilSaid([hook], LOG.stopping);
    await kept.overwrite(rig.authority.ca);
    await rig.client.json({ method: 'DELETE', path: kept.secretPath });
    assert.deepEqual(await hook.exited, { code: 0, signal: null });
    assert.deepEqual(await kept.bundles(), [rig.authority.ca], 'its own, which is dead, is not put back');
    assert.equal(await kept.secret(), undefined, 'nor is its Secret');
  });

  test('where somebody else registers it, it leaves every registration and every Secret alone', async () => {
    const hook = await rig.startHook({ WEBHOOK_CONFIGURATION: 'by-files' });
    await rig.register('by-files', hook.url);
    const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/by-files';
    const { metadata } = await rig.client.json({ method: 'GET', path });
    const managers = (metadata as { managedFields: { manager: string }[] }).managedFields.map(({ manager }) => manager);
    assert.deepEqual(managers, ['rehearsal']);
    assert.ok(
      hook.lines.every(({ kind }) => kind !== 'validatingwebhookconfigurations'),
      'it watches none',
    );
  });
});

test('without the API server it renews its certificate and stays ready', async () => {
  const kept = await aSelfKept(rig, 'away');
  const hook = await kept.replica({ ...SHORT, CA_LIFETIME: '1h' });
  await kept.register();
  await hook.start();
  await kept.untilAsked();
  const [ca = ''] = await kept.bundles();
  await rig.controlPlane.apiServer.stop();
  // Those that are on their way belong to the time before.
  const loaded = (await untilSaid([hook], LOG.certificateLoaded)).length;
  await untilSaid([hook], LOG.certificateLoaded, loaded + 3);
  assert.equal((await fetch(`${hook.healthUrl}/readyz`)).status, 200);
  await rig.controlPlane.apiServer.start();
  await kept.untilAsked();
  assert.deepEqual(await kept.bundles(), [ca]);
});

function sameCertificates(one = '', other = ''): boolean {
  const prints = (pem: string) => new Set(certificatesIn(pem).map(({ fingerprint256 }) => fingerprint256));
  return prints(one).symmetricDifference(prints(other)).size === 0;
}

const EXPIRY = 'reschedule_hook_certificate_expiry_timestamp_seconds';

function patchSecret(kept: SelfKept, data: Record<string, string> | null) {
  return rig.client.json({ method: 'PATCH', path: kept.secretPath, contentType: MERGE_PATCH, body: { data } });
}
