import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { readConfig } from '../../../src/config/config.ts';
import { policySettingsOf } from '../../../src/config/policy-settings.ts';
import { permissionsOf } from '../../../src/kube/permissions.ts';
import { trackedResources } from '../../../src/policy/profiles/profile.ts';
import { scopeOf } from '../../../src/registration/scope.ts';
import { webhookOf } from '../../../src/registration/wanted-webhook.ts';
import { connect } from '../../../testkit/connect.ts';
import { type ControlPlane, startControlPlane } from '../../../testkit/control-plane/control-plane.ts';
import { listPods } from '../../../testkit/pods.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { grantsOf } from '../../support/grants.ts';
import { runScript } from '../support/install-script.ts';
import { CONFIG, find, type Manifest, rendered, SYSTEM_NAMESPACE, variantFolder } from '../support/manifests.ts';

const DEFAULT = join(CONFIG, 'default');
const BIN = join(CONFIG, '../bin/reschedule-hook.js');
const REGISTRATION = `validatingwebhookconfiguration/reschedule-hook.${SYSTEM_NAMESPACE}`;
const WEBHOOK = webhookOf({
  service: { namespace: SYSTEM_NAMESPACE, name: 'reschedule-hook-server', port: 443 },
  failurePolicy: 'Ignore',
  namespaces: scopeOf('all', undefined, SYSTEM_NAMESPACE).namespaces([]) ?? [],
});
const DEPLOYMENT = ['deployment/reschedule-hook-server', `--namespace=${SYSTEM_NAMESPACE}`] as const;

/** kubectl that has to succeed; gives what it printed. Warnings of the API server are on stderr. */
async function ok(plane: ControlPlane, ...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await plane.kubectl(args);
  assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
  return { stdout, stderr };
}

/** What a folder has made, without what the control plane goes on writing by itself: status, and what comes with it. */
async function made(plane: ControlPlane, folder: string): Promise<unknown[]> {
  const { stdout } = await ok(plane, 'get', '-k', folder, '-o', 'json');
  const { items } = JSON.parse(stdout) as { items: { metadata: object; status?: unknown }[] };
  return items.map(({ status: _, metadata, ...rest }) => {
    const { resourceVersion: _version, managedFields: _fields, ...own } = metadata as Record<string, unknown>;
    return { ...rest, metadata: own };
  });
}

/** The nodes on which the replicas that are to stay run. */
async function nodesOfReplicas(plane: ControlPlane): Promise<(string | undefined)[]> {
  const { client, close } = await connect(plane.kubeconfigPath);
  try {
    return await until('two replicas', async () => {
      const pods = (await listPods(client, SYSTEM_NAMESPACE)).filter(({ terminating }) => !terminating);
      if (pods.length !== 2) throw new NotYet(`${pods.length}`);
      return pods.map(({ node }) => node).sort();
    });
  } finally {
    await close();
  }
}

describe('kubectl apply -k config/default', () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane();
  });
  after(() => plane?.stop());

  test('is accepted, its pods pass the restricted pod security, and run on two nodes', async () => {
    const applied = await ok(plane, 'apply', '--server-side', '-k', DEFAULT);
    assert.equal(applied.stderr, '', 'no warning');
    await ok(plane, 'rollout', 'status', ...DEPLOYMENT, '--timeout=300s');
    assert.equal(new Set(await nodesOfReplicas(plane)).size, 2);
    const priority = '{.items[*].spec.priority}';
    const { stdout } = await ok(plane, 'get', 'pods', `--namespace=${SYSTEM_NAMESPACE}`, '-o', `jsonpath=${priority}`);
    assert.equal(stdout, '2000000000 2000000000');
  });

  test('changes nothing when it is applied again', async () => {
    const before = await made(plane, DEFAULT);
    await ok(plane, 'apply', '--server-side', '-k', DEFAULT);
    assert.deepEqual(await made(plane, DEFAULT), before);
  });

  test('pods with less than the restricted security are refused in its namespace', async () => {
    const { code, stderr } = await plane.kubectl(['run', 'x', '--image=x', `--namespace=${SYSTEM_NAMESPACE}`]);
    assert.equal(code, 1);
    assert.match(stderr, /violates PodSecurity "restricted:latest"/);
  });

  test('leaves what the hook has filled in alone, however it is applied, and kubectl diff shows nothing', async () => {
    const webhooks = [{ ...WEBHOOK, clientConfig: { ...WEBHOOK.clientConfig, caBundle: base64(plane.caData) } }];
    const patch = JSON.stringify([{ op: 'add', path: '/webhooks', value: webhooks }]);
    await ok(plane, 'patch', REGISTRATION, '--type=json', '-p', patch);
    const filled = async () => (await ok(plane, 'get', REGISTRATION, '-o', 'jsonpath={.webhooks}')).stdout;
    const before = await filled();
    assert.ok(before.includes(base64(plane.caData)));
    await ok(plane, 'apply', '--server-side', '-k', DEFAULT);
    await ok(plane, 'apply', '--server-side', '--force-conflicts', '-k', DEFAULT);
    assert.equal(await filled(), before);
    const diff = await plane.kubectl(['diff', '--server-side', '-k', DEFAULT]);
    assert.doesNotMatch(diff.stdout, /ValidatingWebhookConfiguration/);
    await ok(plane, 'patch', REGISTRATION, '--type=json', '-p', '[{"op":"remove","path":"/webhooks"}]');
  });

  test('an update replaces the replicas one by one, and they come to lie on two nodes again', async () => {
    await ok(plane, 'rollout', 'restart', ...DEPLOYMENT);
    await ok(plane, 'rollout', 'status', ...DEPLOYMENT, '--timeout=300s');
    assert.equal(new Set(await nodesOfReplicas(plane)).size, 2);
  });

  test('a drain of the node of a replica moves it, also where only one node is left', async () => {
    const { stdout } = await ok(plane, 'get', 'pdb', `--namespace=${SYSTEM_NAMESPACE}`, '-o', 'name');
    assert.equal(stdout, 'poddisruptionbudget.policy/reschedule-hook-server\n');
    for (const node of ['node-1', 'node-2']) await ok(plane, 'drain', node, '--timeout=300s');
    await ok(plane, 'rollout', 'status', ...DEPLOYMENT, '--timeout=300s');
    assert.deepEqual(await nodesOfReplicas(plane), ['node-3', 'node-3']);
  });

  test('the other folders are accepted too, as far as their kinds are known here', async () => {
    const overlays = [
      'configmap-tracking',
      'namespace-tracking',
      'no-tracking',
      'certificate-files',
      'no-admission-policy',
    ];
    for (const name of [...overlays.map((one) => `overlays/${one}`), 'kind']) {
      const dryRun = ['--dry-run=server', '--force-conflicts', '-k', join(CONFIG, name)];
      assert.equal((await ok(plane, 'apply', '--server-side', ...dryRun)).stderr, '');
    }
    assert.equal((await ok(plane, 'apply', '--dry-run=client', '-k', join(CONFIG, 'samples'))).stderr, '');
    const kinds = async (name: string) => (await rendered(plane, join(CONFIG, name))).map(({ kind }) => kind);
    assert.deepEqual((await kinds('prometheus')).sort(), ['ConfigMap', 'PrometheusRule', 'ServiceMonitor']);
    assert.ok((await kinds('overlays/cert-manager')).includes('Certificate'));
  });

  test('npm run manifests -- --namespace renders another namespace wherever the name stands', async () => {
    const overlays = ['certificate-files', 'configmap-tracking', 'namespace-tracking'].map(
      (name) => `overlays/${name}`,
    );
    for (const overlay of ['default', ...overlays, 'prometheus']) {
      const args = ['--overlay', join(CONFIG, overlay), '--namespace', 'elsewhere', '-'];
      const env = { PATH: `${dirname(plane.assets.kubectl)}:${process.env.PATH}` };
      const { stdout } = await promisify(execFile)(process.execPath, [BIN, 'manifests', ...args], { env });
      assert.ok(!stdout.includes(SYSTEM_NAMESPACE), overlay);
      assert.match(stdout, /\belsewhere\b/);
    }
  });

  test('kubectl delete -k leaves nothing', async () => {
    await ok(plane, 'delete', '-k', DEFAULT, '--timeout=300s');
    for (const { kind, metadata } of await rendered(plane, DEFAULT)) {
      const scope = metadata.namespace === undefined ? [] : [`--namespace=${metadata.namespace}`];
      const { stdout } = await ok(plane, 'get', kind, metadata.name, ...scope, '--ignore-not-found', '-o', 'name');
      assert.equal(stdout, '');
    }
  });

  test('scripts/install.sh ends when the hook has filled its registration, which is empty before', async () => {
    const file = join(plane.dir, 'install.yaml');
    await writeFile(file, (await ok(plane, 'kustomize', DEFAULT)).stdout);
    const install = async (timeout: string) => {
      const { code, stderr } = await runScript(plane, 'install.sh', [file], { ROLLOUT_TIMEOUT: timeout });
      return { code, stderr };
    };
    const filled = async () => (await ok(plane, 'get', REGISTRATION, '-o', 'jsonpath={.webhooks}')).stdout;

    for (const node of ['node-1', 'node-2', 'node-3']) await ok(plane, 'cordon', node);
    const { code, stderr } = await install('2s');
    assert.equal(code, 1);
    assert.match(stderr, /install: the hook does not come up .* its registration is not filled/);
    assert.equal(await filled(), '');

    for (const node of ['node-1', 'node-2', 'node-3']) await ok(plane, 'uncordon', node);
    const unfilled = await install('5s');
    assert.equal(unfilled.code, 1);
    assert.match(unfilled.stderr, /install: the hook runs, and has not filled its registration; its log says why/);
    // No container runs here, so somebody has to write what the hook does.
    const installed = install('300s');
    const patch = JSON.stringify([{ op: 'add', path: '/webhooks', value: [WEBHOOK] }]);
    await ok(plane, 'patch', REGISTRATION, '--type=json', '-p', patch);
    assert.deepEqual(await installed, { code: 0, stderr: '' });
    await ok(plane, 'delete', '-k', DEFAULT, '--timeout=300s');
  });

  test('what people and platforms have changed ends an apply half-way, and scripts/install.sh takes it back', async () => {
    const file = join(plane.dir, 'install.yaml');
    await writeFile(file, (await ok(plane, 'kustomize', DEFAULT)).stdout);
    const install = () => runScript(plane, 'install.sh', [file], { ROLLOUT_TIMEOUT: '300s' });
    const replicas = async () => (await ok(plane, 'get', ...DEPLOYMENT, '-o', 'jsonpath={.spec.replicas}')).stdout;
    const env = async () =>
      (await ok(plane, 'set', 'env', ...DEPLOYMENT, '--list')).stdout
        .split('\n')
        .filter((line) => /^(LOG_FORMAT|EXTRA)=/.test(line));
    await ok(plane, 'apply', '--server-side', '-k', DEFAULT);
    const fill = JSON.stringify([{ op: 'add', path: '/webhooks', value: [WEBHOOK] }]);
    await ok(plane, 'patch', REGISTRATION, '--type=json', '-p', fill);

    for (const [what, change, conflict] of [
      [
        'scale',
        () => ok(plane, 'scale', ...DEPLOYMENT, '--replicas=3'),
        /"kubectl" with subresource "scale".*\.spec\.replicas/s,
      ],
      [
        'set env',
        () => ok(plane, 'set', 'env', ...DEPLOYMENT, 'LOG_FORMAT=text', 'EXTRA=1'),
        /"kubectl-set".*LOG_FORMAT/s,
      ],
      ['rollout undo', () => ok(plane, 'rollout', 'undo', ...DEPLOYMENT), /"kubectl-rollout|"kubectl"/s],
      [
        'an autoscaler',
        async () => {
          await ok(plane, 'autoscale', ...DEPLOYMENT, '--min=4', '--max=5');
          await until('the autoscaler', async () => {
            if ((await replicas()) !== '4') throw new NotYet(await replicas());
          });
          await ok(plane, 'delete', 'hpa', '--all', `--namespace=${SYSTEM_NAMESPACE}`);
        },
        /"kube-controller-manager" with subresource "scale".*\.spec\.replicas/s,
      ],
    ] as const) {
      await change();
      const plain = await plane.kubectl(['apply', '--server-side', '-f', file]);
      assert.equal(plain.code, 1, what);
      assert.match(plain.stderr, conflict, what);
      const { code, stderr } = await install();
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^install: what others have changed is as in the manifests again:$/m, what);
      assert.match(stderr, conflict, what);
      assert.equal(await replicas(), '2');
      assert.ok((await env()).includes('LOG_FORMAT=json'), what);
    }

    const addition = { key: 'control-plane', operator: 'DoesNotExist' };
    const path = '/webhooks/0/namespaceSelector/matchExpressions/-';
    await ok(plane, 'patch', REGISTRATION, '--type=json', '-p', JSON.stringify([{ op: 'add', path, value: addition }]));
    assert.deepEqual(await install().then(({ code, stderr }) => ({ code, stderr })), { code: 0, stderr: '' });
    const selector = await ok(plane, 'get', REGISTRATION, '-o', 'jsonpath={.webhooks[0].namespaceSelector}');
    assert.match(selector.stdout, /"control-plane"/, 'what AKS adds');
    await ok(plane, 'delete', '-k', DEFAULT, '--timeout=300s');
  });

  test('without --server-side it is accepted too, and a second time says unchanged', async () => {
    await ok(plane, 'apply', '-k', DEFAULT);
    const { stdout } = await ok(plane, 'apply', '-k', DEFAULT);
    // kubectl says so of a PodDisruptionBudget whatever is applied: its selector is replaced, not merged.
    const lines = stdout.trim().split('\n');
    assert.deepEqual(
      lines.filter((line) => !line.endsWith(' unchanged')),
      ['poddisruptionbudget.policy/reschedule-hook-server configured'],
    );
    await ok(plane, 'delete', '-k', DEFAULT, '--timeout=300s');
  });

  test('each variant grants what its settings use, and no other', async () => {
    const tracking = [[], ['namespace-tracking'], ['configmap-tracking'], ['no-tracking']];
    const changing = tracking.slice(0, 3).map((names) => [...names, 'tracking-change']);
    for (const names of [...tracking, ...changing, ['rival-webhooks'], ['policy-annotations']]) {
      for (const components of [names, [...names, 'certificate-files']]) {
        const folder = await variantFolder(plane.dir, `-${components.join('-') || 'default'}`, components);
        const all = await rendered(plane, folder);
        const config = readConfig(environmentOf(all));
        const granted = all
          .filter(({ kind }) => /Role$/.test(kind))
          .filter(({ metadata }) => !isOfCertificates(metadata));
        const tracking = { resources: trackedResources(policySettingsOf(config)) };
        const hasConflicts = names.includes('rival-webhooks');
        const readsNamespaces = config.readsNamespacePolicy;
        const needed = grantsOf(permissionsOf({ tracking, readsNamespaces, hasConflicts }));
        assert.deepEqual(eachOnce(granted.flatMap(grantedBy)), eachOnce(needed), components.join(' and '));
        const others = all.filter(({ kind }) => /Role$/.test(kind)).length - granted.length;
        assert.equal(others, components.includes('certificate-files') ? 1 : 2);
      }
    }
  });
});

const isOfCertificates = ({ name }: { name: string }) => /^reschedule-hook-(ca|registration)[-.]/.test(name);

/** Two components may each grant what they need. */
const eachOnce = (grants: readonly object[]) => [...new Set(grants.map((one) => JSON.stringify(one)))].sort();

test('a cluster that limits critical pods to namespaces with a quota for them, as GKE does', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'reschedule-hook-test-'));
  const file = join(dir, 'admission.yaml');
  await writeFile(file, JSON.stringify(LIMITED));
  const plane = await startControlPlane({ nodes: 2, apiServerArgs: [`--admission-control-config-file=${file}`] });
  try {
    await ok(plane, 'create', 'namespace', 'other');
    const critical = JSON.stringify({ spec: { priorityClassName: 'system-cluster-critical' } });
    const { code, stderr } = await plane.kubectl([
      'run',
      'x',
      '--image=x',
      '--namespace=other',
      `--overrides=${critical}`,
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /insufficient quota to match these scopes/);
    await ok(plane, 'apply', '--server-side', '-k', DEFAULT);
    await ok(plane, 'rollout', 'status', ...DEPLOYMENT, '--timeout=300s');
  } finally {
    await plane.stop();
    await rm(dir, { recursive: true });
  }
});

const LIMITED = {
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AdmissionConfiguration',
  plugins: [
    {
      name: 'ResourceQuota',
      configuration: {
        apiVersion: 'apiserver.config.k8s.io/v1',
        kind: 'ResourceQuotaConfiguration',
        limitedResources: [
          {
            resource: 'pods',
            matchScopes: [
              {
                scopeName: 'PriorityClass',
                operator: 'In',
                values: ['system-node-critical', 'system-cluster-critical'],
              },
            ],
          },
        ],
      },
    },
  ],
};

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** The settings of the rendered Deployment. */
function environmentOf(all: readonly Manifest[]): Record<string, string> {
  const { spec } = find(all, 'Deployment') as unknown as {
    spec: { template: { spec: { containers: { env: { name: string; value?: string }[] }[] } } };
  };
  const env = spec.template.spec.containers[0]?.env ?? [];
  return Object.fromEntries(env.map(({ name, value }) => [name, value ?? SYSTEM_NAMESPACE]));
}

function grantedBy(role: Manifest) {
  const { rules } = role as unknown as { rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[] };
  const { namespace } = role.metadata;
  return rules.flatMap(({ apiGroups: [group], resources: [resource], verbs }) =>
    verbs.map((verb) => ({ verb, group, resource, ...(namespace && { namespace }) })),
  );
}
