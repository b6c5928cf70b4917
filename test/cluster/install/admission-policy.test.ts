import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { AuthoritySecret } from '../../../src/certificates/authority-secret.ts';
import { createAuthority } from '../../../src/certificates/issuing.ts';
import { caValidity } from '../../../src/certificates/lifetimes.ts';
import type { ApiClient, ApiRequest } from '../../../src/kube/client.ts';
import { ApiError } from '../../../src/kube/errors.ts';
import { createEmitEvent } from '../../../src/kube/events.ts';
import { createGuardedObjects, type Version } from '../../../src/kube/guarded-objects.ts';
import { podPath, registrationPath } from '../../../src/kube/paths.ts';
import { createWrites } from '../../../src/kube/writes.ts';
import { LOG } from '../../../src/log/messages.ts';
import { configMapTracking, newConfigMap } from '../../../src/policy/tracking/configmap.ts';
import { DECIDED_BY } from '../../../src/registration/decided-by.ts';
import { Registration } from '../../../src/registration/registration.ts';
import { scopeOf } from '../../../src/registration/scope.ts';
import { webhookOf } from '../../../src/registration/wanted-webhook.ts';
import { connectBy } from '../../../testkit/connect.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import {
  COUCHBASE_CLUSTER,
  installClusterDefinition,
  resourcePath,
} from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { createCluster, createNamespace, createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { aPod } from '../../support/builders.ts';
import { askHook, newAgent } from '../support/asking.ts';
import { untilInTime } from '../support/evict.ts';
import { CONFIG, find, rendered, requestToken, SYSTEM_NAMESPACE } from '../support/manifests.ts';
import { prepareHook, startUnready } from '../support/own-hook.ts';
import { type Rig, startRig } from '../support/rig.ts';

const NAME = `reschedule-hook.${SYSTEM_NAMESPACE}`;
const POLICY = `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/${NAME}`;
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const KEY = 'cao.couchbase.com/reschedule';
const POD = podPath('victims', 'one');
const NAMESPACE = '/api/v1/namespaces/victims';
const CLUSTER = resourcePath(COUCHBASE_CLUSTER, 'victims', 'cb');
/** On which built-in profiles ask for moves. */
const POSTGRES_CLUSTER = {
  group: 'postgres-operator.crunchydata.com',
  version: 'v1beta1',
  kind: 'PostgresCluster',
  plural: 'postgresclusters',
};
const FOUNDATIONDB_CLUSTER = {
  group: 'apps.foundationdb.org',
  version: 'v1beta2',
  kind: 'FoundationDBCluster',
  plural: 'foundationdbclusters',
};
const TRIGGER = 'postgres-operator.crunchydata.com/trigger-switchover';
const PGO = resourcePath(POSTGRES_CLUSTER, 'victims', 'db');
const FDB = resourcePath(FOUNDATIONDB_CLUSTER, 'victims', 'db');
const SECRETS = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/secrets`;
const CONFIG_MAPS = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/configmaps`;
const REGISTRATION = registrationPath(NAME);
const SERVICE = { namespace: SYSTEM_NAMESPACE, name: 'reschedule-hook-server', port: 443 };
const { signal } = new AbortController();

let rig: Rig;
/** With the token of the hook's ServiceAccount. */
let thief: ApiClient;
let token: string;

/** The default installation on a cluster that does not have the CRD yet, and what the account has or may get elsewhere. */
before(async () => {
  rig = await startRig({ installCrd: false });
  const { controlPlane, client } = rig;
  const { code, stderr } = await controlPlane.kubectl(['apply', '--server-side', '-k', `${CONFIG}/default`]);
  assert.deepEqual([code, stderr], [0, ''], 'a kind that is missing is accepted');
  token = await requestToken(client, SYSTEM_NAMESPACE, 'reschedule-hook-sa');
  const load = () => {
    const config = new KubeConfig();
    config.loadFromString(kubeconfig(controlPlane.server, controlPlane.caData, token));
    return config;
  };
  const connected = await connectBy(load, 'thief');
  rig.atStop(() => connected.close());
  thief = connected.client;
  await grantMore();
  await installClusterDefinition(client);
  await createNamespace(client, 'victims');
  await createPod(client, { namespace: 'victims', name: 'one', labels: { app: 'couchbase' } });
  await waitForPod(client, { namespace: 'victims', name: 'one' });
  await createCluster(client, { namespace: 'victims', name: 'cb' });
  for (const kind of [POSTGRES_CLUSTER, FOUNDATIONDB_CLUSTER]) {
    await installClusterDefinition(client, kind);
    const apiVersion = `${kind.group}/${kind.version}`;
    const spec = { size: 1, version: '7.3.63', processGroupsToRemove: ['storage-1'] };
    const body = { apiVersion, kind: kind.kind, metadata: { namespace: 'victims', name: 'db' }, spec };
    await client.json(post(resourcePath(kind, 'victims'), body));
  }
  await client.json(merge(NAMESPACE, { metadata: { annotations: { kept: 'true' } } }));
  const entries = { metadata: { name: 'entries', labels: LABELLED }, data: { 'victims.one': '{}' } };
  await client.json(post(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', ...entries }));
  for (const path of [CONFIG_MAPS, '/api/v1/namespaces/victims/configmaps']) {
    await until('the ConfigMap of every namespace', () =>
      client.json({ method: 'GET', path: `${path}/kube-root-ca.crt` }),
    );
  }
  await untilAllRefused();
});

after(() => rig?.stop());

/** What components and versions to come grant the account: to show that it is the policy that refuses. */
async function grantMore(): Promise<void> {
  const metadata = { name: 'more' };
  const rules = [
    { apiGroups: [''], resources: ['namespaces'], verbs: ['patch'] },
    { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
    { apiGroups: [POSTGRES_CLUSTER.group], resources: [POSTGRES_CLUSTER.plural], verbs: ['get', 'patch'] },
    { apiGroups: [FOUNDATIONDB_CLUSTER.group], resources: [FOUNDATIONDB_CLUSTER.plural], verbs: ['get', 'patch'] },
    { apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'patch', 'delete'] },
  ];
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const role = { apiVersion, kind: 'ClusterRole', metadata, rules };
  await rig.client.json({ method: 'POST', path: `${RBAC}/clusterroles`, body: role });
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'more' };
  const subjects = [{ kind: 'ServiceAccount', namespace: SYSTEM_NAMESPACE, name: 'reschedule-hook-sa' }];
  const body = { apiVersion, kind: 'ClusterRoleBinding', metadata, roleRef, subjects };
  await rig.client.json({ method: 'POST', path: `${RBAC}/clusterrolebindings`, body });
}

const merge = (path: string, body: object): ApiRequest => ({
  method: 'PATCH',
  path,
  contentType: 'application/merge-patch+json',
  body,
});
const json = (path: string, ...body: object[]): ApiRequest => ({
  method: 'PATCH',
  path,
  contentType: 'application/json-patch+json',
  body,
});
const post = (path: string, body: object): ApiRequest => ({ method: 'POST', path, body });

function webhook(fields: object = {}, failurePolicy: 'Fail' | 'Ignore' = 'Fail') {
  const namespaces = scopeOf('all', undefined, SYSTEM_NAMESPACE).namespaces([]);
  return { ...webhookOf({ service: SERVICE, failurePolicy, namespaces: namespaces ?? [] }), ...fields };
}
const register = (...webhooks: object[]) => json(REGISTRATION, { op: 'add', path: '/webhooks', value: webhooks });
const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods/eviction'] };
const eviction = (deleteOptions?: object): ApiRequest =>
  post(`${POD}/eviction`, {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { namespace: 'victims', name: 'one' },
    deleteOptions,
  });
const owner = { apiVersion: 'v1', kind: 'Namespace', name: 'x', uid: 'x' };
const secret = (name: string, type: string, annotations?: object) =>
  post(SECRETS, { apiVersion: 'v1', kind: 'Secret', type, metadata: { name, annotations } });
const configMap = (namespace: string, labels: object): ApiRequest =>
  post(`/api/v1/namespaces/${namespace}/configmaps`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'x', labels },
  });
const LABELLED = { 'reschedule.hook/installation': NAME };

/** What a thief of the token would do, and the refusal, for each rule of the policy in its order. */
const THEFTS: readonly (readonly [message: RegExp, requests: readonly ApiRequest[]])[] = [
  [
    /denied request: (the hook may not change this: )/,
    [
      json(POD, { op: 'replace', path: '/spec/containers/0/image', value: 'evil' }),
      merge(PGO, { spec: { instances: 0 } }),
      merge(CLUSTER, { spec: { size: 0 } }),
      merge(CLUSTER, { spec: { paused: true } }),
      merge(CLUSTER, { status: { phase: 'evil' } }),
      merge(`${CONFIG_MAPS}/entries`, { immutable: true }),
      merge(`${CONFIG_MAPS}/entries`, { binaryData: { x: 'eA==' } }),
    ],
  ],
  [
    /denied request: (the hook may not change this metadata: )/,
    [
      merge(PGO, { metadata: { labels: { app: 'other' } } }),
      merge(FDB, { metadata: { finalizers: ['evil/x'] } }),
      merge(POD, { metadata: { labels: { app: 'other' } } }),
      merge(POD, { metadata: { labels: null } }),
      merge(POD, { metadata: { finalizers: ['evil/x'] } }),
      merge(POD, { metadata: { ownerReferences: [owner] } }),
      merge(NAMESPACE, { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } }),
      merge(CLUSTER, { metadata: { finalizers: ['evil/x'] } }),
      merge(CLUSTER, { metadata: { ownerReferences: [owner] } }),
      merge(REGISTRATION, { metadata: { labels: { 'reschedule.hook/namespace': 'other' } } }),
      merge(`${CONFIG_MAPS}/entries`, { metadata: { ownerReferences: [owner] } }),
    ],
  ],
  [
    /denied request: (of the annotations of a (pod|tracking resource) the hook may only write|the hook may not change these annotations)/,
    [
      merge(PGO, { metadata: { annotations: { other: 'true' } } }),
      merge(FDB, { metadata: { annotations: { other: 'true' } } }),
      merge(POD, { metadata: { annotations: { other: 'true' } } }),
      merge(POD, { metadata: { annotations: { [`${KEY}d`]: 'true' } } }),
      merge(POD, { metadata: { annotations: { 'reschedule.hook/a.b': 'true' } } }),
      merge(POD, { metadata: { annotations: { 'reschedule.hook/policy': 'ignore' } } }),
      merge(NAMESPACE, { metadata: { annotations: { 'reschedule.hook/policy': 'ignore' } } }),
      merge(CLUSTER, { metadata: { annotations: { 'reschedule.hook/policy': 'hold' } } }),
      merge(NAMESPACE, { metadata: { annotations: { [KEY]: 'true' } } }),
      merge(NAMESPACE, { metadata: { annotations: { kept: null } } }),
      merge(CLUSTER, { metadata: { annotations: { 'reschedule.hookers/x': 'true' } } }),
      merge(REGISTRATION, { metadata: { annotations: { 'cert-manager.io/inject-ca-from': 'evil/x' } } }),
      merge(REGISTRATION, { metadata: { annotations: { 'reschedule.hook/other': 'x' } } }),
      merge(`${CONFIG_MAPS}/entries`, { metadata: { annotations: { x: 'x' } } }),
    ],
  ],
  [
    /denied request: (the hook may only register its Service)/,
    [
      register(webhook({ clientConfig: { url: 'https://evil.example/' } })),
      register(webhook({ clientConfig: { service: { ...SERVICE, name: 'evil' } } })),
      register(webhook({ clientConfig: { service: { ...SERVICE, namespace: 'evil' } } })),
      register(webhook({ rules: [{ ...rule, resources: ['secrets'] }] })),
      register(webhook({ rules: [{ ...rule, resources: ['pods/eviction', 'secrets'] }] })),
      register(webhook({ rules: [rule, { ...rule, resources: ['secrets'] }] })),
      register(webhook({ rules: [{ ...rule, operations: ['CREATE', 'CONNECT'] }] })),
      register(webhook({ rules: [{ ...rule, apiGroups: ['*'] }] })),
      register(webhook(), webhook({ name: 'a.second.one', rules: [{ ...rule, resources: ['*/*'] }] })),
    ],
  ],
  [
    /denied request: (the hook may only append one process group)/,
    [
      merge(FDB, { spec: { processCounts: { storage: 0 } } }),
      merge(FDB, { spec: { version: null } }),
      merge(FDB, { spec: { processGroupsToRemove: [] } }),
      merge(FDB, { spec: { processGroupsToRemove: ['storage-1', 'storage-2', 'storage-3'] } }),
      merge(FDB, { spec: { processGroupsToRemove: ['storage-2'] } }),
    ],
  ],
  [
    /denied request: (the hook may evict a pod only by its UID)/,
    [eviction(), eviction({}), eviction({ preconditions: {} })],
  ],
  [
    /denied request: (the hook may only write the Secret reschedule-hook-system\/reschedule-hook-ca)/,
    [
      secret('reschedule-hook-tls', 'Opaque'),
      // It would be given a token of any account in the namespace, and the hook may read it.
      secret('reschedule-hook-ca', 'kubernetes.io/service-account-token', {
        'kubernetes.io/service-account.name': 'default',
      }),
    ],
  ],
  [
    /denied request: (the hook may only write ConfigMaps of its own namespace)/,
    [
      configMap('victims', LABELLED),
      configMap(SYSTEM_NAMESPACE, {}),
      merge(`${CONFIG_MAPS}/kube-root-ca.crt`, { data: { 'ca.crt': 'evil' } }),
      merge('/api/v1/namespaces/victims/configmaps/kube-root-ca.crt', { data: { 'ca.crt': 'evil' } }),
      { method: 'DELETE', path: `${CONFIG_MAPS}/kube-root-ca.crt` },
    ],
  ],
];

/** Tries it without a change. The refusal of the policy; undefined if it is let through. */
async function attempt(request: ApiRequest): Promise<string | undefined> {
  try {
    await thief.json({ ...request, query: { dryRun: 'All' } });
    return undefined;
  } catch (error) {
    if (error instanceof ApiError && error.code === 403 && error.message.includes('Policy')) return error.message;
    throw error;
  }
}

/** API servers learn of a changed policy a little later. */
async function untilAllRefused(): Promise<void> {
  for (const request of THEFTS.flatMap(([, requests]) => requests)) {
    await until('the policy to refuse', async () => {
      if ((await attempt(request)) === undefined) throw new NotYet(`${request.path} ${JSON.stringify(request.body)}`);
    });
  }
}

async function changed(patch: object, during: () => Promise<void>): Promise<void> {
  const { spec } = await rig.client.json({ method: 'GET', path: POLICY });
  await rig.client.json(json(POLICY, patch));
  try {
    await during();
  } finally {
    await rig.client.json(json(POLICY, { op: 'replace', path: '/spec', value: spec }));
    await untilAllRefused();
  }
}

describe('the admission policy', () => {
  test('lets through what the hook writes', async () => {
    const writes = createWrites(thief);
    const versionOf = async () => (await rig.client.json({ method: 'GET', path: POD })).metadata as Version;
    const { uid, resourceVersion } = await versionOf();
    const pod = { namespace: 'victims', name: 'one', uid };
    for (const value of ['true', 'again'])
      assert.equal((await writes.markPod(pod, { key: KEY, value: value })).kind, 'written');
    // As a mark of any value is written: never over one that came meanwhile.
    assert.equal((await writes.markPod({ ...pod, resourceVersion }, { key: KEY, value: 'late' })).kind, 'changed');
    assert.equal(
      (await writes.markPod({ ...pod, ...(await versionOf()) }, { key: KEY, value: 'again' })).kind,
      'written',
    );
    // It takes back what is there, of this very pod, and nothing else.
    assert.equal((await writes.unmarkPod(pod, { key: KEY, value: 'other' })).kind, 'changed');
    assert.equal((await writes.unmarkPod({ ...pod, uid: 'other' }, { key: KEY, value: 'again' })).kind, 'changed');
    assert.equal((await writes.unmarkPod(pod, { key: KEY, value: 'again' })).kind, 'written');
    assert.equal((await writes.unmarkPod(pod, { key: KEY, value: 'again' })).kind, 'changed', 'it is gone');
    // A mark may be a label, too.
    const label = { key: KEY, value: 'true', isLabel: true } as const;
    assert.equal((await writes.markPod(pod, label)).kind, 'written');
    assert.equal((await writes.unmarkPod(pod, label)).kind, 'written');
    const many = Array.from({ length: 2_500 }, (_, i) => [`reschedule.hook/victims.cb-${i}`, '{}']);
    await rig.client.json(merge(NAMESPACE, { metadata: { annotations: Object.fromEntries(many) } }));
    for (const path of [NAMESPACE, CLUSTER]) {
      const { resourceVersion } = (await rig.client.json({ method: 'GET', path })).metadata as {
        resourceVersion: string;
      };
      const entry = { key: 'reschedule.hook/victims.one', value: '{}' };
      assert.equal((await writes.writeEntry({ path, resourceVersion }, entry.key, entry.value)).kind, 'written');
      assert.equal((await writes.removeEntries({ path }, [entry])).kind, 'written');
    }
    const about = { namespace: 'victims', name: 'one', uid };
    await createEmitEvent(thief, 'me')({ about, reason: 'Rescheduled', type: 'Normal', message: '', now: new Date() });
    assert.equal(await attempt(eviction({ preconditions: { uid } })), undefined, 'as a hook to come would evict');
  });

  test('lets the hook ask for moves on other objects, each guarded by its version', async () => {
    const writes = createWrites(thief);
    const versionOf = async (path: string) => (await rig.client.json({ method: 'GET', path })).metadata as Version;
    const append = { op: 'add', path: '/spec/processGroupsToRemove/-', value: 'storage-2' };
    const trigger = { op: 'add', path: '/metadata/annotations', value: { [TRIGGER]: 'uid.now' } };
    for (const [path, change] of [
      [FDB, append],
      [PGO, trigger],
    ] as const) {
      const { resourceVersion } = await versionOf(path);
      assert.equal((await writes.changeObject(path, resourceVersion, [change])).kind, 'written');
      assert.equal(
        (await writes.changeObject(path, resourceVersion, [change])).kind,
        'changed',
        'it has another version',
      );
    }
    const undone = [{ op: 'replace', path: '/spec/processGroupsToRemove', value: ['storage-1'] }];
    await rig.client.json(json(FDB, ...undone));
  });

  test('lets the hook fill its registration by its settings, and correct it beside a foreign webhook', async () => {
    const registration = new Registration(createGuardedObjects(thief), NAME, SERVICE);
    const read = async () => {
      const observed = await registration.read(signal);
      assert.ok(observed);
      return observed;
    };
    const selector = [{ key: 'nobody', op: 'in', values: ['has-this'] }] as const;
    const { namespaces } = scopeOf('nobody=has-this', selector, SYSTEM_NAMESPACE);
    const own = webhookOf({
      service: { ...SERVICE, port: 8443 },
      failurePolicy: 'Fail',
      namespaces: namespaces([]) ?? [],
    });
    const fill = { op: 'add', path: '/webhooks', value: [own] } as const;
    const annotation = { op: 'add', path: '/metadata/annotations', value: { [DECIDED_BY]: '{}' } } as const;
    assert.equal((await registration.write(await read(), [fill, annotation], signal)).kind, 'written');
    const foreign = { ...own, name: 'not.the.hooks', clientConfig: { url: 'https://127.0.0.1:9/' } };
    await rig.client.json(register(foreign, own));
    const caBundle = Buffer.from(rig.controlPlane.caData, 'base64').toString('base64');
    const bundle = { op: 'add', path: '/webhooks/1/clientConfig/caBundle', value: caBundle } as const;
    assert.equal((await registration.write(await read(), [bundle], signal)).kind, 'written');
    assert.equal((await registration.write(await read(), [fill], signal)).kind, 'written');
    for (const failurePolicy of ['Fail', 'Ignore'] as const) {
      assert.equal(await attempt(register(webhook({}, failurePolicy))), undefined);
    }
  });

  test('lets the hook write its Secret, and entries in ConfigMaps of its own', async () => {
    const secret = new AuthoritySecret(createGuardedObjects(thief), SYSTEM_NAMESPACE, 'reschedule-hook-ca');
    const authorities = { signing: await createAuthority('own', caValidity(Date.now(), 86_400_000)), retired: [] };
    assert.equal((await secret.write(authorities, undefined, signal)).kind, 'written');
    assert.equal((await secret.write(authorities, await secret.read(signal), signal)).kind, 'written');
    await rig.client.json({ method: 'DELETE', path: `${SECRETS}/reschedule-hook-ca` });
    const writes = createWrites(thief);
    const pod = aPod({ namespace: 'victims', name: 'one' });
    const place = configMapTracking({ namespace: SYSTEM_NAMESPACE, installation: NAME }).locate(pod);
    assert.ok(place.kind === 'at' && place.namespace !== undefined);
    const { uid } = (await rig.client.json({ method: 'GET', path: NAMESPACE })).metadata as { uid: string };
    const about = { uid: '', resourceVersion: '', reusesNames: true, owner: { namespace: 'victims', uid } };
    const { resource, namespace, name } = place;
    const first = newConfigMap({
      resource,
      namespace,
      name,
      ...about,
      entries: { 'reschedule.hook/victims.one': '{}' },
    });
    assert.equal((await writes.createTracker(CONFIG_MAPS, first)).kind, 'written');
    const path = `${CONFIG_MAPS}/${name}`;
    const version = async () =>
      (await rig.client.json({ method: 'GET', path })).metadata as { uid: string; resourceVersion: string };
    const two = { key: 'victims.two', value: '{}' };
    const { resourceVersion } = await version();
    assert.equal((await writes.writeEntry({ path, resourceVersion, isOwn: true }, two.key, two.value)).kind, 'written');
    const both = [two, { key: 'victims.one', value: '{}' }] as const;
    assert.equal((await writes.removeEntries({ path, isOwn: true }, both)).kind, 'written');
    const now = await version();
    const observed = { uid: now.uid, resourceVersion: now.resourceVersion };
    assert.equal((await writes.deleteTracker(path, observed)).kind, 'written');
  });

  test('refuses all else that the token could do, and says so by its name', async () => {
    for (const [message, requests] of THEFTS) {
      for (const request of requests) {
        const refusal = (await attempt(request)) ?? `let through: ${request.path} ${JSON.stringify(request.body)}`;
        assert.match(refusal, new RegExp(`ValidatingAdmissionPolicy '${NAME}'`));
        assert.match(refusal, message);
      }
    }
  });

  test('refuses to go through more annotations than the hook reads, which would keep the API server busy', async () => {
    const path = podPath('victims', 'many');
    await createPod(rig.client, { namespace: 'victims', name: 'many', labels: {} });
    const many = Array.from({ length: 3_001 }, (_, i) => [`x${i}`, '']);
    await rig.client.json(merge(path, { metadata: { annotations: Object.fromEntries(many) } }));
    const mark = merge(path, { metadata: { annotations: { [KEY]: 'true' } } });
    assert.match((await attempt(mark)) ?? '', /more than 3000 annotations$/);
  });

  test('can be left out, as below Kubernetes 1.30, and then nothing else is', async () => {
    const names = async (folder: string) =>
      (await rendered(rig.controlPlane, `${CONFIG}/${folder}`)).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    const without = await names('overlays/no-admission-policy');
    const left = (await names('default')).filter((one) => !without.includes(one));
    assert.deepEqual(left.sort(), [`ValidatingAdmissionPolicy ${NAME}`, `ValidatingAdmissionPolicyBinding ${NAME}`]);
  });

  test('is changed together with the setting by the patches of docs/configuration.md', async () => {
    const page = await readFile(`${CONFIG}/../docs/configuration.md`, 'utf-8');
    const [, indented = ''] = /change both:\n\n((?: {4}.*\n)+)/.exec(page) ?? [];
    const folder = join(rig.controlPlane.dir, 'another-key');
    await mkdir(folder);
    const resources = `resources: [${relative(folder, `${CONFIG}/default`)}]\n`;
    await writeFile(join(folder, 'kustomization.yaml'), resources + indented.replaceAll(/^ {4}/gm, ''));
    const all = await rendered(rig.controlPlane, folder);
    const policy = find(all, 'ValidatingAdmissionPolicy').spec as { variables: { expression: string }[] };
    assert.equal(policy.variables[0]?.expression, "['example.com/move']");
    const { template } = find(all, 'Deployment').spec as { template: { spec: { containers: { env: object[] }[] } } };
    assert.deepEqual(template.spec.containers[0]?.env.at(-1), {
      name: 'RESCHEDULE_ANNOTATION_KEY',
      value: 'example.com/move',
    });
  });

  test('binds nobody else', async () => {
    await rig.client.json(merge(POD, { metadata: { labels: { of: 'another' }, finalizers: [] } }));
  });

  for (const [i, [message, requests]] of THEFTS.entries()) {
    test(`without the rule of ${message} its thefts succeed, so that the tests above can fail`, async () => {
      await changed({ op: 'remove', path: `/spec/validations/${i}` }, async () => {
        for (const request of requests) {
          await until('the theft to succeed', async () => {
            const refusal = await attempt(request);
            if (refusal !== undefined) throw new NotYet(refusal);
          });
        }
      });
    });
  }

  test('has no rule that is not tried', async () => {
    const { spec } = await rig.client.json({ method: 'GET', path: POLICY });
    assert.equal((spec as { validations: unknown[] }).validations.length, THEFTS.length);
  });
});

describe('a policy of another annotation than the hook has', () => {
  const other = { op: 'replace', path: '/spec/variables/0/expression', value: "['example.com/move']" };
  const refused =
    /Policy 'reschedule-hook\.reschedule-hook-system'.* only write example\.com\/move, which have to be the marks of its PROFILES, or its RESCHEDULE_ANNOTATION_KEY: cao\.couchbase\.com\/reschedule/;

  test('is said at start, and keeps the hook unready until both agree; if it comes later, the response says it', async () => {
    await createPod(rig.client, { namespace: 'victims', name: 'two', labels: { app: 'couchbase' } });
    await waitForPod(rig.client, { namespace: 'victims', name: 'two' });
    const env = { POD_NAME: 'one', POD_NAMESPACE: 'victims', REGISTRATION: 'external' };
    const hook = await prepareHook(rig, 'mismatch', { token, env });
    const mark = merge(POD, { metadata: { annotations: { [KEY]: 'true' } } });
    const untilOther = () =>
      until('the other policy', async () => {
        if ((await attempt(mark)) === undefined) throw new NotYet('marks pass');
      });
    let ready: Promise<void> | undefined;
    await changed(other, async () => {
      await untilOther();
      ({ ready } = await startUnready(hook));
      const line = await hook.waitForLine(({ message }) => message === LOG.markRefused);
      assert.equal(line.level, 'error');
      assert.equal(line.annotation, KEY);
      assert.match(String(line.error), refused);
      await hook.waitForLine(({ message }) => message === LOG.synced);
      const response = await fetch(`${hook.healthUrl}/readyz`);
      assert.equal(response.status, 503);
      assert.match(await response.text(), refused);
    });
    await ready;
    await changed(other, async () => {
      await untilOther();
      const dispatcher = newAgent();
      rig.atStop(() => dispatcher.destroy());
      const { code, message } = await untilInTime(() => askHook(dispatcher, hook, 'victims', 'two'));
      assert.equal(code, 429);
      assert.match(message, refused);
      const line = await hook.waitForLine(({ message }) => message === LOG.doubt);
      assert.match(String(line.answer), refused);
    });
  });
});
