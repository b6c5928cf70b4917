import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { certificatesIn } from '../../../src/certificates/pem.ts';
import { LOG } from '../../../src/log/messages.ts';
import { type Authority, createAuthority } from '../../../testkit/certificates.ts';
import { createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { untilTrue } from '../../support/until-true.ts';
import type { EvictionAnswer } from '../support/evict.ts';
import { keepEvicting } from '../support/keep-evicting.ts';
import { CONFIG } from '../support/manifests.ts';
import { mountSecret } from '../support/mounted-secret.ts';
import { aSelfKept, type SelfKept } from '../support/own-certificates.ts';
import { startUnready } from '../support/own-hook.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';
import { said, untilSaid } from '../support/told.ts';

const SECRET = 'reschedule-hook-tls';
const MERGE_PATCH = 'application/merge-patch+json';
const INJECT = 'cert-manager.io/inject-ca-from';
/** As the Deployment has it: the old one goes on for a while. */
const OVERLAP = { SHUTDOWN_DELAY: '8s' };

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

const secretsOf = (kept: SelfKept) => `/api/v1/namespaces/${kept.name}/secrets`;

/** By scripts/generate-certs.sh. */
async function generate(kept: SelfKept): Promise<void> {
  const { assets, dir, kubeconfigPath } = rig.controlPlane;
  const env = { PATH: process.env.PATH, HOME: dir, KUBECONFIG: kubeconfigPath, KUBECTL: assets.kubectl };
  const script = join(CONFIG, '../scripts/generate-certs.sh');
  await promisify(execFile)(script, ['--namespace', kept.name], { env, cwd: dirname(script) });
}

/** Writes the Secret as cert-manager does for the Certificate of config/certmanager, by its own field manager. */
async function issueAsCertManager(kept: SelfKept, issuer: Authority): Promise<void> {
  const host = `reschedule-hook-server.${kept.name}.svc`;
  const { cert, key } = await issuer.issue({ hosts: [host, `${host}.cluster.local`] });
  const texts = { 'tls.crt': cert, 'tls.key': key, 'ca.crt': issuer.ca };
  const data = Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString('base64')]);
  await rig.client.json({
    method: 'PATCH',
    path: `${secretsOf(kept)}/${SECRET}`,
    query: { fieldManager: 'cert-manager-certificates-issuing', force: true },
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/tls',
      metadata: { name: SECRET, annotations: { 'cert-manager.io/certificate-name': SECRET } },
      data: Object.fromEntries(data),
    },
  });
}

/** The setting of the component certificate-files, and where that mounts the Secret. */
const fromFiles = (dir: string) => ({
  CERTIFICATES: 'files',
  TLS_CERT_FILE: join(dir, 'tls.crt'),
  TLS_KEY_FILE: join(dir, 'tls.key'),
});

const other = (answers: readonly EvictionAnswer[], code: number) => answers.filter((one) => one.code !== code);

/** Asks all the while about two protected pods and one that is not. */
async function underEvictions(kept: SelfKept) {
  const scene = await aScene({ rig, hook: kept.name, namespace: `${kept.name}-pods` });
  await scene.operator.pause();
  await scene.cordon(scene.node(1));
  // Its namespace is the scene's, as the hook is not asked about others.
  await createPod(rig.client, { namespace: scene.namespace, name: 'other' });
  await waitForPod(rig.client, { namespace: scene.namespace, name: 'other' });
  const members = keepEvicting(rig, scene.namespace, ['cb-0000', 'cb-0001'], { everyMs: 50 });
  const others = keepEvicting(rig, scene.namespace, ['other'], { everyMs: 50, dryRun: true });
  const all = [members, others];
  return {
    untilMore: (count: number) => Promise.all(all.map((one) => one.untilMore(count))),
    /** Ends it. None has failed, and no protected pod was evicted. */
    async assertNoneFailed(): Promise<number> {
      await Promise.all(all.map((one) => one.stop()));
      assert.deepEqual(other(members.answers, 429), []);
      assert.deepEqual(other(others.answers, 201), []);
      await scene.assertNobodyEvicted();
      return members.answers.length + others.answers.length;
    },
  };
}

test("self, files, cert-manager's Secret and self again, two replicas one after another, under evictions: none fails", async (t) => {
  const kept = await aSelfKept(rig, 'moving');
  await kept.register();
  const all: HookProcess[] = [];
  const start = async (env: Readonly<Record<string, string>>) => {
    const next = await kept.replica({ ...OVERLAP, ...env });
    all.push(next);
    await next.start();
    await kept.service.untilReady(next.webhookPort);
    return next;
  };
  let replicas = [await start({}), await start({})];
  await kept.untilAsked();
  const evicting = await underEvictions(kept);
  /** As a Deployment does it: one more that is ready, and then one of before ends. */
  const rollTo = async (env: Readonly<Record<string, string>>) => {
    for (const old of [...replicas]) {
      replicas = [...replicas.slice(1), await start(env)];
      await evicting.untilMore(20);
      kept.service.removeSoon(old.webhookPort);
      assert.deepEqual(await old.stop(), { code: 0, signal: null });
      await kept.forget(old);
    }
    await evicting.untilMore(20);
  };
  const untilServedAnew = async (change: () => Promise<void>) => {
    const counts = replicas.map((one) => said([one], LOG.certificateLoaded).length);
    await change();
    await Promise.all(replicas.map((one, i) => untilSaid([one], LOG.certificateLoaded, (counts[i] ?? 0) + 1)));
    await evicting.untilMore(40);
  };

  await generate(kept);
  const { dir, swaps } = await mountSecret(rig, `${secretsOf(kept)}/${SECRET}`, join(rig.controlPlane.dir, 'moving'));
  await rollTo(fromFiles(dir));
  // By the script again, and then cert-manager takes over the Secret that runs, renews it, and changes its authority.
  const issuers = [await createAuthority('issuer'), await createAuthority('next issuer')] as const;
  await untilServedAnew(() => generate(kept));
  await untilServedAnew(() => issueAsCertManager(kept, issuers[0]));
  await untilServedAnew(() => issueAsCertManager(kept, issuers[0]));
  await untilServedAnew(() => issueAsCertManager(kept, issuers[1]));
  await rollTo(fromFiles(dir));
  await rollTo({});

  t.diagnostic(`${await evicting.assertNoneFailed()} evictions`);
  assert.equal(swaps(), 5, 'each Secret came in one piece');
  assert.deepEqual(said(all, LOG.certificateFailed), []);
  assert.deepEqual(said(all, LOG.bundleCorrected), []);
  assert.deepEqual(said(all, LOG.registrationCorrected), []);
  const authority = (await kept.secret())?.['ca.crt'] ?? '';
  const [bundle = ''] = await kept.bundles();
  const prints = certificatesIn(bundle).map(({ fingerprint256 }) => fingerprint256);
  assert.ok(certificatesIn(authority).every(({ fingerprint256 }) => prints.includes(fingerprint256)));
});

test('an annotation left over, by which an injector writes the bundle: the hook says so and does not race', async (t) => {
  const kept = await aSelfKept(rig, 'injected');
  const issuer = await createAuthority('issuer');
  await kept.register();
  await annotate(kept, `${kept.name}/${SECRET}`);
  const injector = startInjector(kept, issuer.ca);
  await issueAsCertManager(kept, issuer);
  const { dir } = await mountSecret(rig, `${secretsOf(kept)}/${SECRET}`, join(rig.controlPlane.dir, 'injected'));
  const before = await kept.replica({ ...OVERLAP, ...fromFiles(dir) });
  await before.start();
  await kept.untilAsked();
  const evicting = await underEvictions(kept);
  await evicting.untilMore(20);
  assert.equal((await kept.bundles())[0]?.trim(), issuer.ca.trim());
  assert.equal(said([before], LOG.bundleInjected).length, 1);
  const { generation } = await metadataOf(kept);

  // One by an authority of its own cannot be trusted, so that its rollout waits.
  const next = await kept.replica(OVERLAP);
  const { ready } = await startUnready(next);
  const [line] = await untilSaid([next], LOG.bundleInjected);
  assert.equal(line?.annotation, INJECT);
  await untilTrue('it to say why it is not ready', async () => {
    const response = await fetch(`${next.healthUrl}/readyz`);
    return response.status === 503 && /does not verify the serving certificate/.test(await response.text());
  });
  await evicting.untilMore(100);
  assert.equal((await metadataOf(kept)).generation, generation, 'nobody has written it');
  assert.equal(injector.writes(), 0);
  assert.equal(said([next], LOG.bundleInjected).length, 1, 'it says so once');

  await annotate(kept, null);
  await ready;
  await kept.service.untilReady(next.webhookPort);
  kept.service.removeSoon(before.webhookPort);
  assert.deepEqual(await before.stop(), { code: 0, signal: null });
  await kept.forget(before);
  await evicting.untilMore(40);
  t.diagnostic(`${await evicting.assertNoneFailed()} evictions`);
  assert.equal(certificatesIn((await kept.bundles())[0] ?? '').length, 2);
});

async function annotate(kept: SelfKept, value: string | null): Promise<void> {
  const body = { metadata: { annotations: { [INJECT]: value } } };
  await rig.client.json({ method: 'PATCH', path: kept.registrationPath, contentType: MERGE_PATCH, body });
}

async function metadataOf(kept: SelfKept) {
  const { metadata } = await kept.registration();
  return metadata as { generation: number; annotations?: Readonly<Record<string, string>> };
}

/** As cert-manager's: while the annotation is there, the bundle is the issuer's authority and nothing else. */
function startInjector(kept: SelfKept, ca: string) {
  const over = new AbortController();
  let writes = 0;
  const look = async () => {
    const { annotations = {} } = await metadataOf(kept);
    const [bundle] = await kept.bundles();
    if (!(INJECT in annotations) || bundle === undefined || bundle.trim() === ca.trim()) return;
    const body = [{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: Buffer.from(ca).toString('base64') }];
    const path = kept.registrationPath;
    await rig.client.json({ method: 'PATCH', path, contentType: 'application/json-patch+json', body });
    writes++;
  };
  const running = (async () => {
    while (!over.signal.aborted) {
      await look();
      await sleep(50);
    }
  })();
  rig.atStop(async () => {
    over.abort();
    await running;
  });
  return { writes: () => writes };
}
