import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { checksumsOf } from '../../../scripts/release/checksums.ts';
import { COMMANDS, ELSEWHERE, FILES } from '../../support/install-page.ts';
import { install } from '../support/installation.ts';
import { CONFIG, find, type Manifest, SYSTEM_NAMESPACE } from '../support/manifests.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';

const IMAGE = 'registry.example.com/team/reschedule-hook-server';
const DEPLOYMENT = ['deployment', 'reschedule-hook-server', `--namespace=${SYSTEM_NAMESPACE}`] as const;

let rig: Rig;
/** As somebody has it who reads the page: a checkout, and the files of a release in it. */
let checkout: string;
const ran = new Set<string>();

before(async () => {
  rig = await startRig({ controlPlane: { nodes: 2 } });
  checkout = mkdtempSync(join(rig.controlPlane.dir, 'checkout-'));
  for (const name of ['config', 'scripts']) cpSync(join(CONFIG, '..', name), join(checkout, name), { recursive: true });
  mkdirSync(join(checkout, 'config/mine'));
  writeFileSync(join(checkout, 'install.yaml'), await shell('kubectl kustomize config/default'));
  const release = mkdtempSync(join(checkout, 'release-'));
  cpSync(join(checkout, 'install.yaml'), join(release, 'install.yaml'));
  writeFileSync(join(checkout, 'SHA256SUMS'), `${checksumsOf(release)}${'0'.repeat(64)}  not-downloaded.yaml\n`);
});

after(() => rig?.stop());

/** What a line of bash printed, on both outputs; it has to succeed. */
async function shell(line: string): Promise<string> {
  const { assets, kubeconfigPath, dir } = rig.controlPlane;
  const PATH = `${dirname(assets.kubectl)}:${process.env.PATH}`;
  const env = { PATH, HOME: dir, KUBECONFIG: kubeconfigPath };
  const child = spawn('bash', ['--norc', '-euo', 'pipefail', '-c', line], {
    cwd: checkout,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outputs = Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await once(child, 'exit');
  const [stdout, stderr] = await outputs;
  assert.equal(code, 0, `${line}: ${stderr}`);
  return `${stdout}${stderr}`;
}

/** Runs the commands of a section, as they stand there but for `NODE`; those that `isWanted` wants. */
async function follow(
  heading: string,
  { isWanted = () => true, node = '' }: { isWanted?: (command: string) => boolean; node?: string } = {},
): Promise<string[]> {
  const commands = COMMANDS.filter((one) => one.heading === heading && isWanted(one.text));
  assert.ok(commands.length > 0, heading);
  const printed = [];
  for (const command of commands) {
    printed.push(await shell(command.text.replace(/\bNODE\b/, node)));
    ran.add(command.text);
  }
  return printed;
}

async function rendered(overlay: string): Promise<Manifest[]> {
  writeFileSync(join(checkout, 'config/mine/kustomization.yaml'), overlay);
  const documents = parseAllDocuments(await shell('kubectl kustomize config/mine'));
  return documents.map((document) => document.toJS() as Manifest);
}

// biome-ignore lint/suspicious/noExplicitAny: YAML
const podOf = (manifests: readonly Manifest[]): any =>
  (find(manifests, 'Deployment') as unknown as { spec: { template: { spec: object } } }).spec.template.spec;

const overlays = FILES.filter(({ content }) => content.resources !== undefined).map((file) => file.text);
const [plain = '', withSetting = ''] = overlays;

async function assertNothingLeft(): Promise<void> {
  const kinds = 'validatingwebhookconfigurations,clusterroles,clusterrolebindings,flowschemas,namespaces';
  assert.equal(await shell(`kubectl get ${kinds} -l app.kubernetes.io/name=reschedule-hook -o name`), '');
}

describe('docs/install.md, followed on the real control plane', () => {
  test('one file, with the hook in it: it is installed, verified, and taken away', async () => {
    await follow('One file');
    const installation = await install(rig);
    await installation.startReplica();
    await using scene = await aScene({ rig, hook: 'page', namespace: 'page' });
    await installation.untilAsked();
    const node = scene.node(1);
    const [, , forecast = ''] = await follow('Verify', { node });
    assert.match(forecast, /cb-0000/);
    assert.match(forecast, /Warning: .*would/);
    assert.deepEqual((await scene.pod('cb-0000'))?.annotations, {}, 'nothing is written');
    await follow('Uninstall', { isWanted: (command) => !command.includes('config/mine') });
    await assertNothingLeft();
    await shell(`kubectl drain ${node} --ignore-daemonsets --force --timeout=120s --pod-selector=app=couchbase`);
  });

  test('an overlay of your own names the image', async () => {
    await rendered(plain);
    await follow('Kustomize');
    await shell(`kubectl rollout status ${DEPLOYMENT.join(' ')} --timeout=300s`);
    const image = await shell(
      `kubectl get ${DEPLOYMENT.join(' ')} -o 'jsonpath={.spec.template.spec.containers[0].image}'`,
    );
    assert.match(image, new RegExp(`^${IMAGE}:\\d`));
    await follow('Uninstall', { isWanted: (command) => !command.includes('install.yaml') });
    await assertNothingLeft();
  });

  test('certificates from files', async () => {
    await follow('Certificates from files');
    await shell(`kubectl rollout status ${DEPLOYMENT.join(' ')} --timeout=300s`);
    await shell('kubectl delete -k config/overlays/certificate-files');
  });

  test('an overlay with a component and a setting', async () => {
    const all = await rendered(withSetting);
    const { env, image } = podOf(all).containers[0];
    const settings = new Map(env.map(({ name, value }: { name: string; value?: string }) => [name, value]));
    assert.equal(settings.get('STALL_AFTER'), '10m');
    assert.equal(settings.get('TRACKING_RESOURCE_TYPE'), 'namespace');
    assert.ok(image.startsWith(`${IMAGE}:`));
  });

  test('no command of the page is left out', () => {
    const left = COMMANDS.map(({ text }) => text).filter((command) => !ran.has(command) && !(command in ELSEWHERE));
    assert.deepEqual(left, []);
    assert.equal(overlays.length, 2);
  });
});
