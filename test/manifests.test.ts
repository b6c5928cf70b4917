import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { type Config, readConfig } from '../src/config/config.ts';
import { policySettingsOf } from '../src/config/policy-settings.ts';
import { BUILT_IN } from '../src/config/profiles/built-in.ts';
import { SETTINGS } from '../src/config/settings.ts';
import { type Grant, permissionsOf } from '../src/kube/permissions.ts';
import { FINISH_MS } from '../src/main.ts';
import { ENTRY_PREFIX } from '../src/policy/entry.ts';
import { evictsPods, reportersOf, requestsOf } from '../src/policy/profiles/profile.ts';
import { conflictsOf } from '../src/policy/profiles/rivals.ts';
import { couchbaseCluster } from '../src/policy/tracking/couchbasecluster.ts';
import { NO_TRACKING } from '../src/policy/tracking/index.ts';
import { DECIDED_BY } from '../src/registration/decided-by.ts';
import { scopeOf } from '../src/registration/scope.ts';
import { webhookOf } from '../src/registration/wanted-webhook.ts';
import { grantsOf } from './support/grants.ts';
import { profileComponent } from './support/profile-component.ts';

const ROOT = join(import.meta.dirname, '..');
const CONFIG = join(ROOT, 'config');
const NAMESPACE = 'reschedule-hook-system';
const KUBECTL_RETRY_MS = 5_000;

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Container {
  readonly name: string;
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly image: string;
  readonly securityContext: object;
}

// The parts of the manifests that are looked at; a wrong shape fails the test that looks.
// biome-ignore lint/suspicious/noExplicitAny: YAML
type Yaml = any;

const read = (path: string): Yaml[] =>
  parseAllDocuments(readFileSync(join(CONFIG, path), 'utf-8')).map((document) => {
    assert.deepEqual(document.errors, [], path);
    return document.toJS();
  });
const [deployment] = read('manager/deployment.yaml');
const [service] = read('manager/service.yaml');
const [registration] = read('webhook/registration.yaml');
const pod = deployment.spec.template.spec;
const container: Container = pod.containers[0];
const files = globSync('**/*.yaml', { cwd: CONFIG }).sort();

describe('config/', () => {
  test('every file is part of a kustomization, and every kustomization names what is there', () => {
    const named = new Set(['kind/cluster.yaml']);
    for (const file of files.filter((one) => one.endsWith('kustomization.yaml'))) {
      named.add(file);
      const [{ resources = [], components = [] }] = read(file);
      for (const one of [...resources, ...components]) {
        const path = join(dirname(file), one);
        assert.ok(existsSync(join(CONFIG, path)), `${file} names ${one}`);
        named.add(path);
      }
    }
    assert.deepEqual(
      files.filter((file) => !named.has(file)),
      [],
    );
  });

  test('the names are those that an administrator knows', () => {
    assert.equal(deployment.metadata.name, 'reschedule-hook-server');
    assert.equal(service.metadata.name, 'reschedule-hook-server');
    assert.equal(container.name, 'reschedule-hook-server');
    assert.equal(pod.serviceAccountName, 'reschedule-hook-sa');
    assert.equal(read('rbac/service_account.yaml')[0].metadata.name, 'reschedule-hook-sa');
    assert.equal(registration.metadata.name, `reschedule-hook.${NAMESPACE}`);
    const files = read('components/certificate-files/kustomization.yaml')[0].patches.at(-1).patch;
    assert.match(files, /secretName: reschedule-hook-tls\n/);
  });

  test('the registration, and nothing else, can be left out by its label and applied last', () => {
    const component = 'app.kubernetes.io/component';
    assert.equal(registration.metadata.labels[component], 'registration');
    const labelled = files.filter((file) => readFileSync(join(CONFIG, file), 'utf-8').includes(component));
    assert.deepEqual(labelled, ['webhook/registration.yaml']);
  });

  test('the image is the one that make docker-image builds, at the version of the package', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf-8'));
    const makefile = readFileSync(join(ROOT, 'Makefile'), 'utf-8');
    const variable = (name: string) => new RegExp(`^${name} \\?= (.*)$`, 'm').exec(makefile)?.[1];
    const [{ images }] = read('manager/kustomization.yaml');
    const newName = `${variable('DOCKER_USER')}/${variable('DOCKER_IMAGE')}`;
    assert.deepEqual(images, [{ name: container.image, newName, newTag: version }]);
  });
});

describe('the ClusterRole', () => {
  test('grants the verbs that the code uses, and no other', () => {
    const [{ rules }] = read('rbac/role.yaml');
    const granted = rules.flatMap(permissionsIn);
    assert.deepEqual(granted, grantsOf(permissionsOf({ tracking: couchbaseCluster })));
  });

  for (const { name } of BUILT_IN) {
    test(`and what the profile ${name} needs besides, its component grants`, () => {
      const { profiles } = policySettingsOf(readConfig({ PROFILES: name }));
      const always = permissionsOf({ tracking: NO_TRACKING });
      const hasConflicts = conflictsOf(profiles).size > 0;
      const [requests, evicts] = [requestsOf({ profiles }), evictsPods({ profiles })];
      const needs = { reporters: reportersOf({ profiles }), requests, evicts, hasConflicts };
      const all = permissionsOf({ tracking: NO_TRACKING, ...needs });
      const file = `components/${profileComponent(name)}/role.yaml`;
      const granted = existsSync(join(CONFIG, file)) ? read(file)[0].rules.flatMap(permissionsIn) : [];
      assert.deepEqual(granted, grantsOf(all).slice(always.length));
    });
  }

  test('and the Role of the hook that makes its certificates itself likewise', () => {
    const written = {
      ownSecret: { namespace: NAMESPACE, name: 'reschedule-hook-ca' },
      ownRegistration: registration.metadata.name,
    };
    const [cluster, own] = read('rbac/certificate_role.yaml');
    const inNamespace = (one: Grant) => ({ ...one, namespace: NAMESPACE });
    const granted = [...own.rules.flatMap(permissionsIn).map(inNamespace), ...cluster.rules.flatMap(permissionsIn)];
    const always = permissionsOf({ tracking: NO_TRACKING });
    assert.deepEqual(granted, grantsOf(permissionsOf({ tracking: NO_TRACKING, ...written })).slice(always.length));
  });

  test('and the component for profiles with conflicts adds what these need, and no other', () => {
    const [role, binding] = read('components/rival-webhooks/role.yaml');
    assert.equal(binding.roleRef.name, role.metadata.name);
    const always = permissionsOf({ tracking: NO_TRACKING });
    assert.deepEqual(
      role.rules.flatMap(permissionsIn),
      grantsOf(permissionsOf({ tracking: NO_TRACKING, hasConflicts: true })).slice(always.length),
    );
  });

  test('and the component for profiles that respect disruption budgets likewise', () => {
    const [role, binding] = read('components/respect-budgets/role.yaml');
    assert.equal(binding.roleRef.name, role.metadata.name);
    const always = permissionsOf({ tracking: NO_TRACKING });
    assert.deepEqual(
      role.rules.flatMap(permissionsIn),
      grantsOf(permissionsOf({ tracking: NO_TRACKING, respectsBudgets: true })).slice(always.length),
    );
  });

  test('and the component for annotations of Namespaces likewise', () => {
    const [role, binding] = read('components/policy-annotations/role.yaml');
    assert.equal(binding.roleRef.name, role.metadata.name);
    const always = permissionsOf({ tracking: NO_TRACKING });
    const all = grantsOf(permissionsOf({ tracking: NO_TRACKING, readsNamespaces: true }));
    assert.deepEqual(role.rules.flatMap(permissionsIn), all.slice(always.length));
  });

  test('is bound to the ServiceAccount of the pods', () => {
    const added = ['rival-webhooks', 'policy-annotations'].flatMap((name) => read(`components/${name}/role.yaml`));
    const rival = added.filter(({ kind }) => kind === 'ClusterRoleBinding');
    for (const binding of [
      ...read('rbac/role_binding.yaml'),
      ...read('rbac/certificate_role_binding.yaml'),
      ...rival,
    ]) {
      assert.deepEqual(binding.subjects, [
        { kind: 'ServiceAccount', name: 'reschedule-hook-sa', namespace: NAMESPACE },
      ]);
    }
  });
});

describe('the FlowSchema', () => {
  test('is about the ServiceAccounts of the installation', () => {
    const [{ spec }] = read('flow-control/flow_schema.yaml');
    const [{ subjects }] = spec.rules;
    assert.deepEqual(subjects, [{ kind: 'ServiceAccount', serviceAccount: { namespace: NAMESPACE, name: '*' } }]);
    assert.notEqual(spec.priorityLevelConfiguration.name, 'workload-low', 'where the drainers are');
  });
});

describe('the admission policy', () => {
  const [policy] = read('admission-policy/policy.yaml');
  const [binding] = read('admission-policy/binding.yaml');
  const value = (name: string) => {
    const found = policy.spec.variables.find((one: { name: string }) => one.name === name);
    return /^\[?'(.*)'\]?$/.exec(found?.expression)?.[1];
  };

  test('is part of config/default, denies, and fails closed', () => {
    assert.ok(read('default/kustomization.yaml')[0].resources.includes('../admission-policy'));
    assert.deepEqual(read('admission-policy/kustomization.yaml')[0].resources, ['policy.yaml', 'binding.yaml']);
    assert.equal(policy.metadata.name, `reschedule-hook.${NAMESPACE}`);
    assert.deepEqual(binding.spec, { policyName: policy.metadata.name, validationActions: ['Deny'] });
    assert.equal(policy.spec.failurePolicy, 'Fail');
  });

  test('binds the account of the Deployment and nobody else', () => {
    const account = `system:serviceaccount:${NAMESPACE}:${pod.serviceAccountName}`;
    assert.deepEqual(policy.spec.matchConditions, [
      { name: 'is-the-hook', expression: `request.userInfo.username == '${account}'` },
    ]);
  });

  test('names what the settings of the Deployment name', () => {
    const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value ?? NAMESPACE]));
    const config = readConfig(env);
    const [profile] = policySettingsOf(config).profiles;
    assert.deepEqual(['marks', 'service', 'secret', 'home'].map(value), [
      profile?.mark?.key,
      config.serviceName,
      config.caSecret,
      NAMESPACE,
    ]);
    assert.equal(policy.spec.variables[0].name, 'marks', 'docs/configuration.md patches it by its place');
    const text = JSON.stringify(policy);
    for (const known of [ENTRY_PREFIX, DECIDED_BY]) assert.ok(text.includes(`'${known}'`));
    assert.match(
      text,
      /RESCHEDULE_ANNOTATION_KEY' : .*': ' \+ variables.annotations.join\(', '\)/,
      'by which the hook tells its refusal from others (permissions.ts)',
    );
  });

  test('looks at every kind that RBAC lets the hook write, but Events, of which it only creates some', () => {
    const writes = new Set(['create', 'update', 'patch', 'delete']);
    const granted = ['role.yaml', 'certificate_role.yaml'].flatMap((file) =>
      read(`rbac/${file}`).flatMap(({ rules }) => rules.flatMap(permissionsIn)),
    );
    const written = granted.filter(({ verb }) => writes.has(verb)).map(({ group, resource }) => `${group}/${resource}`);
    const rules: { apiGroups: string[]; resources: string[] }[] = policy.spec.matchConstraints.resourceRules;
    const matched = rules.flatMap(({ apiGroups, resources }) => resources.map((one) => `${apiGroups[0]}/${one}`));
    assert.deepEqual(
      [...new Set(written)].filter((one) => !matched.includes(one)),
      ['/events'],
    );
  });
});

function permissionsIn({ apiGroups, resources, resourceNames, verbs }: Rule): Grant[] {
  return apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) =>
        (resourceNames ?? [undefined]).map(
          (name) => ({ verb, group, resource, ...(name === undefined ? {} : { name }) }) as Grant,
        ),
      ),
    ),
  );
}

describe('the Deployment', () => {
  const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value ?? NAMESPACE]));
  const config: Config = readConfig(env);
  const portOf = (name: string) => container.ports.find((port) => port.name === name)?.containerPort;

  test('sets only what the hook reads, here and in every component', () => {
    const known: readonly string[] = SETTINGS.map(({ name }) => name);
    const names = Object.keys(env);
    for (const file of files.filter((one) => /^(components|certmanager|kind)\/.*kustomization/.test(one))) {
      const patches: { patch: string }[] = read(file)[0].patches ?? [];
      names.push(
        ...patches.flatMap(({ patch }) => [...patch.matchAll(/name: ([A-Z_]+)$/gm)].map(([, name = '']) => name)),
      );
    }
    assert.deepEqual(
      names.filter((name) => !known.includes(name)),
      [],
    );
  });

  test('opens the ports on which the hook listens, and the Service and the registration lead there', () => {
    assert.equal(portOf('webhook'), config.webhookPort);
    assert.equal(portOf('health'), config.healthPort);
    const [webhook, health] = service.spec.ports;
    assert.deepEqual([webhook.targetPort, health.targetPort], ['webhook', 'health']);
    assert.deepEqual([webhook.port, service.metadata.name], [config.servicePort, config.serviceName]);
    assert.equal(service.metadata.namespace, NAMESPACE);
    assert.equal(deployment.spec.template.metadata.annotations['prometheus.io/port'], String(config.healthPort));
    assert.deepEqual(service.spec.selector, deployment.spec.template.metadata.labels);
    assert.deepEqual(deployment.spec.selector.matchLabels, deployment.spec.template.metadata.labels);
  });

  test('is called on a port that a private GKE control plane reaches', () => {
    assert.ok([443, 10250].includes(config.webhookPort));
    assert.equal(config.servicePort, 443);
  });

  test('leaves a dead node after half a minute', () => {
    const effect = { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 };
    assert.deepEqual(
      pod.tolerations,
      ['not-ready', 'unreachable'].map((key) => ({ key: `node.kubernetes.io/${key}`, ...effect })),
    );
  });

  test('the component for a host network has ports of its own, the same in each place', () => {
    const [, server, ports] = read('components/host-network/kustomization.yaml')[0].patches;
    const { metadata, spec } = parse(server.patch).spec.template;
    const own = Object.fromEntries(spec.containers[0].env.map(({ name, value }: Yaml) => [name, Number(value)]));
    const replaced = [...ports.patch.matchAll(/containerPort, value: (\d+)/g)].map(([, port]) => Number(port));
    assert.deepEqual(replaced, [own.WEBHOOK_PORT, own.HEALTH_PORT]);
    assert.equal(Number(metadata.annotations['prometheus.io/port']), own.HEALTH_PORT);
    // Of the kubelet and kube-proxy, and of whoever else takes the usual one.
    for (const port of replaced) assert.ok(![10248, 10249, 10250, 10255, 10256, 8080, 8443, 9443].includes(port));
  });

  test('is not itself a pod that the hook protects', () => {
    const labels: Record<string, string> = deployment.spec.template.metadata.labels;
    for (const requirement of config.profiles.flatMap(({ selectors }) => selectors.flat()))
      assert.ok(!(requirement.key in labels));
  });

  test('updates without a gap, and waits long enough for a replica to end by itself', () => {
    assert.deepEqual(deployment.spec.strategy.rollingUpdate, { maxUnavailable: 0, maxSurge: 1 });
    assert.ok(deployment.spec.replicas >= 2);
    const needed = config.shutdownDelayMs + FINISH_MS;
    assert.ok(pod.terminationGracePeriodSeconds * 1000 > needed + 5_000, `${needed} ms and some room`);
    assert.notEqual(config.shutdownDelayMs % KUBECTL_RETRY_MS, 0, 'a retry of kubectl does not meet the exit');
    assert.notEqual(readConfig({}).shutdownDelayMs % KUBECTL_RETRY_MS, 0);
  });

  test('runs as the image does: no root, nothing to write, no capabilities', () => {
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const { runAsNonRoot, runAsUser, runAsGroup } = pod.securityContext;
    assert.equal(runAsNonRoot, true);
    const [, user] = /^USER (\S+)$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf-8')) ?? [];
    assert.equal(user, `${runAsUser}:${runAsGroup}`);
    assert.equal(pod.securityContext.seccompProfile.type, 'RuntimeDefault');
  });
});

describe('the registration', () => {
  test('is a shell that says whose it is, and that the Deployment names', () => {
    const { webhooks, metadata } = registration;
    assert.equal(webhooks, undefined);
    assert.deepEqual(metadata.annotations, undefined, 'an empty list of them would take what the hook has written');
    assert.equal(metadata.labels['reschedule.hook/namespace'], NAMESPACE);
    assert.equal(metadata.labels['app.kubernetes.io/name'], 'reschedule-hook');
    const { value } = container.env.find(({ name }) => name === 'WEBHOOK_CONFIGURATION') ?? {};
    assert.equal(value, metadata.name);
  });

  test('what the hook fills it with asks about evictions only, and fails closed', () => {
    const service = { namespace: NAMESPACE, name: 'reschedule-hook-server', port: 443 };
    const { namespaces } = scopeOf('all', undefined, NAMESPACE);
    const webhook = webhookOf({
      service,
      failurePolicy: readConfig({}).failurePolicy,
      namespaces: namespaces([]) ?? [],
    });
    assert.deepEqual(webhook, {
      name: `reschedule-hook-server.${NAMESPACE}.svc`,
      admissionReviewVersions: ['v1'],
      clientConfig: { service: { ...service, path: '/eviction' } },
      rules: [
        {
          apiGroups: [''],
          apiVersions: ['v1'],
          resources: ['pods/eviction'],
          operations: ['CREATE'],
          scope: 'Namespaced',
        },
      ],
      matchPolicy: 'Equivalent',
      sideEffects: 'NoneOnDryRun',
      timeoutSeconds: 10,
      failurePolicy: 'Fail',
      objectSelector: {},
      namespaceSelector: {
        matchExpressions: [
          { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', NAMESPACE] },
        ],
      },
    });
  });
});

test('every cluster-scoped object carries the namespace in its name, and every other one is in it', () => {
  const scoped =
    /^(ClusterRole|ClusterRoleBinding|ValidatingWebhookConfiguration|FlowSchema|ValidatingAdmissionPolicy\w*)$/;
  const folders = read('default/kustomization.yaml')[0].resources as string[];
  const all = folders.flatMap((folder) =>
    (read(join('default', folder, 'kustomization.yaml'))[0].resources as string[]).flatMap((file) =>
      read(join('default', folder, file)),
    ),
  );
  assert.ok(all.length > 12);
  for (const { kind, metadata } of all) {
    if (kind === 'Namespace') assert.equal(metadata.name, NAMESPACE);
    else if (scoped.test(kind)) {
      assert.ok(metadata.name.endsWith(`.${NAMESPACE}`), `${kind} ${metadata.name}`);
      assert.equal(metadata.namespace, undefined);
    } else assert.equal(metadata.namespace, NAMESPACE, `${kind} ${metadata.name}`);
  }
});

describe('npm run manifests', () => {
  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    spawnSync(process.execPath, ['scripts/manifests.ts', ...args], { cwd: ROOT, encoding: 'utf-8', env });

  test('--help lists what it takes', () => {
    const { status, stdout } = run(['--help']);
    assert.equal(status, 0);
    for (const option of ['FILE', '--overlay', '--image', '--namespace', '--docs']) assert.ok(stdout.includes(option));
  });

  test('says in one line what is wrong', (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'reschedule-hook-manifests-'));
    t.after(() => rmSync(dir, { recursive: true }));
    for (const [args, code, problem] of [
      [[join(dir, 'install.yaml')], 1, /^manifests: kubectl cannot be run \(.*ENOENT.*\); it has to be in the PATH\n$/],
      [['--loud'], 2, /^manifests: unknown option '--loud'; see --help\n$/],
      [['a', 'b'], 2, /^manifests: there is more than one FILE; see --help\n$/],
      [['--docs', 'docs/operations.md'], 2, /^manifests: --docs takes an address, not "docs\/operations.md"\n$/],
      [['--namespace', 'A_B'], 2, /^manifests: "A_B" is no name of a namespace\n$/],
    ] as const) {
      const { status, stderr } = run(args, { PATH: dir });
      assert.equal(status, code);
      assert.match(stderr, problem);
    }
    assert.ok(!existsSync(join(dir, 'install.yaml')));
  });
});
