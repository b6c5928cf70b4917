import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parse } from 'yaml';

const SCRIPT = join(import.meta.dirname, '../scripts/kind-rehearsal.sh');

let dir: string;
let calls: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kind-rehearsal-'));
  calls = join(dir, 'calls');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A program of that name that says what it is called with, and does nothing else but `then`. */
function stub(name: string, then = ''): void {
  const file = join(dir, name);
  writeFileSync(file, `#!/bin/bash\necho "${name} $*" >>"${calls}"\n${then}\n`);
  chmodSync(file, 0o755);
}

/** Without the directories where a real docker may be; the script needs but a few tools of the system. */
function run(): { code: number | null; stderr: string; calls: string[] } {
  for (const tool of ['dirname', 'grep', 'bash']) {
    const found = (process.env.PATH ?? '').split(delimiter).find((path) => existsSync(join(path, tool))) ?? '';
    const file = join(dir, tool);
    writeFileSync(file, `#!/bin/sh\nexec ${join(found, tool)} "$@"\n`);
    chmodSync(file, 0o755);
  }
  const { status, stderr } = spawnSync('/bin/bash', [SCRIPT, 'me/hook:1', 'try', '--json'], {
    env: { PATH: dir },
    encoding: 'utf-8',
  });
  const called = existsSync(calls) ? readFileSync(calls, 'utf-8').trim().split('\n') : [];
  return { code: status, stderr, calls: called };
}

function stubAll(): void {
  stub('docker');
  stub('kind', '[ "$1" != get ] || echo other');
  stub('kubectl', 'case "$*" in *"get nodes"*) printf "try-worker try-worker2 try-worker3" ;; esac');
  stub('npm');
}

const REHEARSE =
  'npm run --silent rehearse -- --context kind-try --node try-worker --node try-worker2 --node try-worker3 --yes --json';

const HOOK = 'kubectl --context kind-try --namespace reschedule-hook-system';
const ROLLED_OUT = 'rollout status deployment/reschedule-hook-server --timeout=180s';

const FILLED =
  '--selector app.kubernetes.io/name=reschedule-hook,reschedule.hook/namespace=reschedule-hook-system ' +
  '--for=jsonpath={.webhooks[*].name}=reschedule-hook-server.reschedule-hook-system.svc';

/** Without what only asks kubectl. */
const changing = (calls: readonly string[]) =>
  calls.filter((call) => /^(docker|kind|npm|kubectl) /.test(call) && !/^kubectl .* get /.test(call));

const readYaml = (path: string) => parse(readFileSync(join(import.meta.dirname, '..', path), 'utf-8'));

test('config/kind is config/default, but for how much the hook says and how soon it forgets', () => {
  const { resources, components, patches, ...rest } = readYaml('config/kind/kustomization.yaml');
  assert.deepEqual([resources, components, Object.keys(rest)], [['../default'], undefined, ['apiVersion', 'kind']]);
  const [patch, ...others] = patches;
  assert.deepEqual([Object.keys(patch), others], [['patch'], []]);
  const { metadata, spec, ...kind } = parse(patch.patch);
  assert.deepEqual(kind, { apiVersion: 'apps/v1', kind: 'Deployment' });
  const { name, namespace } = readYaml('config/manager/deployment.yaml').metadata;
  assert.deepEqual(metadata, { name, namespace });
  const env = [
    { name: 'LOG_LEVEL', value: 'debug' },
    { name: 'TRACKING_RETENTION', value: '2m' },
  ];
  assert.deepEqual(spec, { template: { spec: { containers: [{ name: 'reschedule-hook-server', env }] } } });
});

describe('scripts/kind-rehearsal.sh', () => {
  test('creates the cluster, builds, loads, applies and rehearses on the workers, each in that cluster', () => {
    stubAll();
    const { code, stderr, calls } = run();
    assert.equal(code, 0, stderr);
    assert.deepEqual(changing(calls), [
      'docker info',
      'kind get clusters',
      'kind create cluster --config config/kind/cluster.yaml --name try --wait 120s',
      'docker build -t me/hook:1 .',
      'kind load docker-image me/hook:1 --name try',
      'npm run --silent manifests -- --overlay config/kind --image me/hook:1',
      'kubectl --context kind-try apply --server-side --dry-run=server -f dist/install.yaml',
      'kubectl --context kind-try apply --server-side --force-conflicts -f dist/install.yaml',
      `${HOOK} ${ROLLED_OUT}`,
      `kubectl --context kind-try wait validatingwebhookconfigurations --timeout=180s ${FILLED}`,
      REHEARSE,
    ]);
  });

  test('rehearses nothing where the hook does not come up', () => {
    stubAll();
    stub('kubectl', 'case "$*" in *rollout*) exit 1 ;; esac');
    const { code, stderr, calls } = run();
    assert.equal(code, 1);
    assert.match(stderr, /^install: the hook does not come up/);
    assert.match(changing(calls).at(-1) ?? '', /^kubectl .* rollout status /);
  });

  test('takes the cluster that is there', () => {
    stubAll();
    stub('kind', '[ "$1" != get ] || echo try');
    const { code, calls } = run();
    assert.equal(code, 0);
    assert.ok(!calls.some((call) => call.startsWith('kind create')));
  });

  test('replaces the replicas that are there, for the image may be another under the same tag', () => {
    stubAll();
    stub('kubectl', 'case "$*" in *"get deployment"*) echo deployment.apps/reschedule-hook-server ;; esac');
    const { code, calls } = run();
    assert.equal(code, 0);
    assert.deepEqual(
      calls.filter((call) => call.includes(' rollout ')),
      [`${HOOK} ${ROLLED_OUT}`, `${HOOK} rollout restart deployment/reschedule-hook-server`, `${HOOK} ${ROLLED_OUT}`],
    );
  });

  test('ends as the rehearsal does', () => {
    stubAll();
    stub('npm', 'case "$*" in *rehearse*) exit 1 ;; esac');
    assert.equal(run().code, 1);
  });

  for (const missing of ['docker', 'kind', 'kubectl', 'npm']) {
    test(`says that ${missing} is missing, and does nothing`, () => {
      stubAll();
      rmSync(join(dir, missing));
      assert.deepEqual(run(), { code: 1, stderr: `kind-rehearsal: ${missing} is not in the PATH\n`, calls: [] });
    });
  }

  test('says that there is no Docker engine', () => {
    stubAll();
    stub('docker', 'exit 1');
    const { code, stderr, calls } = run();
    assert.deepEqual(calls, ['docker info']);
    assert.match(stderr, /^kind-rehearsal: docker does not answer/);
    assert.equal(code, 1);
  });
});
