import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { AuthoritySecret } from '../../src/certificates/authority-secret.ts';
import { createAuthority } from '../../src/certificates/issuing.ts';
import { caValidity } from '../../src/certificates/lifetimes.ts';
import { PermissionReconciler } from '../../src/controller/permissions.ts';
import { createListWatch } from '../../src/informer/list-watch.ts';
import type { ApiClient, ApiRequest } from '../../src/kube/client.ts';
import { isServed, servedVersion } from '../../src/kube/discovery.ts';
import { createEmitEvent } from '../../src/kube/events.ts';
import { createGuardedObjects, type GuardedObjects } from '../../src/kube/guarded-objects.ts';
import { collectionPath, nodePath, podPath, REGISTRATIONS, trackerPath } from '../../src/kube/paths.ts';
import { describePermission, type PermissionSettings, permissionsOf } from '../../src/kube/permissions.ts';
import { createReads, type Reads } from '../../src/kube/reads.ts';
import { createWrites, type Writes } from '../../src/kube/writes.ts';
import type { Resource } from '../../src/policy/model.ts';
import { createTracking, NO_TRACKING, TRACKING_TYPES, type Tracking } from '../../src/policy/tracking/index.ts';
import { Registration } from '../../src/registration/registration.ts';
import { createReplicaPods } from '../../src/registration/replica-pods.ts';
import { RivalWatch } from '../../src/registration/rivals.ts';
import { answering } from '../support/api.ts';
import { SETTINGS } from '../support/builders.ts';
import { aCache } from '../support/cache.ts';
import { aLog } from '../support/log.ts';
import { authorizedAs } from '../support/request-attributes.ts';
import { FakeClock, settle } from '../support/time.ts';

const SRC = new URL('../../src/', import.meta.url);
const AUTHORITY = await createAuthority('own', caValidity(0, 1));
const POD = { namespace: 'db', name: 'cb-0000', uid: 'u' };

/** Makes every call that one file can make, for one kind of tracking resource. */
type Drive = (client: ApiClient, tracking: Tracking, own?: Own) => Promise<unknown>;

/** What the hook writes of its own. */
type Own = Required<Pick<PermissionSettings, 'ownSecret' | 'ownRegistration'>>;

const OWN: Own = { ownSecret: { namespace: 'hooks', name: 'ca' }, ownRegistration: 'hook' };
const REGISTRATION = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';

/** The path of the tracker, where there is one. */
function pathOf(resource: Resource | undefined): TrackerToDrive | undefined {
  if (resource === undefined) return undefined;
  const { own, isNamespaced, apiPath, plural } = resource;
  const namespace = own?.namespace ?? (isNamespaced ? 'db' : undefined);
  const path = trackerPath({ resource, name: 'tracker', ...(namespace === undefined ? {} : { namespace }) });
  return { path, isOwn: own !== undefined, collection: collectionPath(apiPath, plural, namespace) };
}

interface TrackerToDrive {
  readonly path: string;
  readonly isOwn: boolean;
  readonly collection: string;
}

/** On which a profile asks for moves. */
const REQUEST = { group: 'couchbase.com', plural: 'couchbaseclusters' };
const REQUEST_PATH = '/apis/couchbase.com/v2/namespaces/db/couchbaseclusters/x';

/** One call for each function of `Reads` and `Writes`: a new one there does not compile before it is here. */
const READS: { [K in keyof Reads]: (reads: Reads, tracker: TrackerToDrive | undefined) => unknown } = {
  pod: (reads) => reads.pod('db', 'cb-0000'),
  pods: (reads) => reads.pods('db', 'app=couchbase'),
  node: (reads) => reads.node('n'),
  isInstalled: (reads) => reads.isInstalled('another'),
  budgets: (reads) => reads.budgets('db'),
  custom: (reads, tracker) => tracker && reads.custom(REQUEST, 'db', 'x'),
  self: (reads) => reads.self(),
  podMetadata: (reads) => reads.podMetadata('db', 'cb-0000'),
  object: (reads, tracker) => tracker && reads.object(tracker.path),
  namespace: (reads, tracker) => tracker?.isOwn && reads.namespace('db'),
};
const WRITES: { [K in keyof Writes]: (writes: Writes, tracker: TrackerToDrive | undefined) => unknown } = {
  markPod: (writes) => writes.markPod(POD, { key: 'a', value: 'true' }),
  changeObject: (writes, tracker) => tracker && writes.changeObject(REQUEST_PATH, '1', []),
  evictPod: (writes) => writes.evictPod({ ...POD, resourceVersion: '1' }),
  unmarkPod: (writes) => writes.unmarkPod(POD, { key: 'a', value: 'true' }),
  writeEntry: (writes, tracker) => tracker && writes.writeEntry({ ...tracker, resourceVersion: '1' }, 'k', 'v'),
  removeEntries: (writes, tracker) => tracker && writes.removeEntries(tracker, [{ key: 'k', value: 'v' }]),
  createTracker: (writes, tracker) => tracker?.isOwn && writes.createTracker(tracker.collection, {}),
  deleteTracker: (writes, tracker) =>
    tracker?.isOwn && writes.deleteTracker(tracker.path, { uid: 'u', resourceVersion: '1' }),
};

/** Every file that calls the API server. A call in another file, or of another method, fails the first test below. */
const CALLERS: Readonly<Record<string, { readonly methods: readonly string[]; readonly drive: Drive }>> = {
  'informer/list-watch.ts': {
    methods: ['GET', 'GET'],
    async drive(client, tracking, own) {
      const refusing = answering(new Error('not now'));
      const { signal } = new AbortController();
      const cache = aCache({ client: refusing, tracking });
      cache.start();
      await cache.stop();
      for (const { path } of refusing.requests) {
        const listWatch = createListWatch(client, path);
        await listWatch.list({ limit: 1, signal });
        await listWatch.watch({ resourceVersion: '1', timeoutSeconds: 1, signal });
      }
      if (own === undefined) return;
      const listWatch = createListWatch(client, REGISTRATIONS, undefined, `metadata.name=${own.ownRegistration}`);
      await listWatch.list({ limit: 1, signal });
      await listWatch.watch({ resourceVersion: '1', timeoutSeconds: 1, signal });
    },
  },
  'kube/discovery.ts': {
    methods: ['GET', 'GET'],
    async drive(client, { resources }) {
      const { signal } = new AbortController();
      await Promise.all(resources.map(({ apiPath, plural }) => isServed(client, apiPath, plural, signal)));
      // It reads the same lists.
      if (resources.length > 0) await servedVersion(client, 'g', 'p', signal).catch(() => undefined);
    },
  },
  'kube/reads.ts': { methods: ['GET', 'POST'], drive: (client) => createReads(client).pods('db', 'app=couchbase') },
  'kube/events.ts': {
    methods: ['POST'],
    drive: (client) =>
      createEmitEvent(
        client,
        'me',
      )({ about: POD, reason: 'Rescheduled', type: 'Normal', message: '', now: new Date(0) }),
  },
  'controller/permissions.ts': {
    methods: ['PATCH', 'POST'],
    async drive(client) {
      const permissions = permissionsOf({ tracking: NO_TRACKING });
      const trial = { path: podPath('hooks', 'hook-1'), marks: [{ key: 'a' }] };
      const check = new PermissionReconciler({ client, permissions, trial, log: aLog() });
      await check.reconcile('permissions', new AbortController().signal);
    },
  },
  'kube/guarded-objects.ts': {
    methods: ['PATCH', 'GET', 'POST', 'PUT', 'DELETE', 'PATCH'],
    async drive(client, { resources }, own) {
      for (const tracker of resources.length === 0 ? [undefined] : resources.map(pathOf)) {
        await Promise.all(Object.values(READS).map((read) => read(createReads(client), tracker)));
        await Promise.all(Object.values(WRITES).map((write) => write(createWrites(client), tracker)));
      }
      if (own !== undefined) await driveCertificates(createGuardedObjects(client), own);
    },
  },
};

/** Whoever uses guarded objects, beside Reads and Writes. */
async function driveCertificates(objects: GuardedObjects, { ownSecret, ownRegistration }: Own): Promise<void> {
  const { signal } = new AbortController();
  const { namespace, name } = ownSecret;
  const registration = new Registration(objects, ownRegistration, { namespace, name: 'hook' });
  await registration.read(signal);
  await registration.write(registration.parse({ metadata: { resourceVersion: '1' } }), [], signal);
  await createReplicaPods(objects, namespace).read('hook-1', signal);
  const secret = new AuthoritySecret(objects, namespace, name);
  const authorities = { signing: AUTHORITY, retired: [] };
  await secret.write(authorities, await secret.read(signal), signal);
  await secret.write(authorities, undefined, signal);
}

/** A client to which everything succeeds, and what it was asked. */
function recorder() {
  const groups = [{ name: 'couchbase.com', versions: [{ version: 'v2' }] }];
  const discovery = { groups, resources: [{ name: REQUEST.plural }] };
  const answer = {
    metadata: { name: 'x', resourceVersion: '1' },
    items: [],
    status: { allowed: true, userInfo: { username: 'me' } },
    ...discovery,
  };
  const client = answering(answer);
  return { client, calls: client.requests };
}

/** Commands read by the rights of the person who runs them, and never write. */
const OF_COMMANDS = {
  'installed/registration.ts': ['GET'],
  'status/installation.ts': ['GET'],
  'installed/installed-hook.ts': ['GET', 'GET', 'GET'],
  'installed/settings-in-force.ts': ['GET'],
  'preflight/read-installation.ts': ['GET', 'GET', 'GET', 'GET'],
  'explain/events.ts': ['GET'],
};

describe('the permissions are those that the code uses', () => {
  test('every call to the API server is made in one of these files, by one of these methods', () => {
    const found: Record<string, string[]> = {};
    for (const file of globSync('**/*.ts', { cwd: SRC })) {
      const code = readFileSync(new URL(file, SRC), 'utf-8');
      const methods = [...code.matchAll(/\bmethod: '([A-Z]+)',/g)].map(([, method = '']) => method);
      const calls = code.match(/\.(json|stream)\([^)]/g) ?? [];
      assert.equal(methods.length, calls.length, `${file}: a call whose method this test cannot read`);
      if (calls.length > 0) found[file] = methods;
    }
    const known = Object.entries(CALLERS).map(([file, { methods }]) => [file, methods]);
    assert.deepEqual(found, { ...Object.fromEntries(known), ...OF_COMMANDS });
  });

  test('guarded objects are used by what is driven here, and by nothing else', () => {
    const users = globSync('**/*.ts', { cwd: SRC }).filter((file) =>
      readFileSync(new URL(file, SRC), 'utf-8').includes('createGuardedObjects('),
    );
    assert.deepEqual(users.sort(), [
      'controller/own-certificates.ts',
      'kube/guarded-objects.ts',
      'kube/reads.ts',
      'kube/writes.ts',
      'registration/manage.ts',
    ]);
  });

  const home = { namespace: 'hooks', installation: 'hook' };
  const each = [...TRACKING_TYPES, 'off' as const].map((type) => createTracking({ type, also: [] }, home));
  const together = TRACKING_TYPES.map((type) => createTracking({ type, also: TRACKING_TYPES }, home));
  for (const tracking of [...each, ...together]) {
    const kinds = tracking.resources.map(({ plural }) => plural).join(', ');
    test(`tracking ${tracking.type} (${kinds}): neither one too few nor one too many`, async () => {
      const { client, calls } = recorder();
      for (const { drive } of Object.values(CALLERS)) await drive(client, tracking);
      const used = new Set(calls.map(authorizedAs));
      // These are granted to everybody by the cluster itself.
      assert.ok(used.delete('create authorization.k8s.io/selfsubjectaccessreviews'));
      const discovery = [...used].filter((one) => one.startsWith('get /'));
      for (const one of discovery) used.delete(one);
      assert.equal(discovery.length > 0, tracking !== NO_TRACKING);
      assert.ok(used.delete('create authentication.k8s.io/selfsubjectreviews'));
      const requests = tracking === NO_TRACKING ? [] : [REQUEST];
      const permissions = permissionsOf({ tracking, requests, respectsBudgets: true, evicts: true });
      const listed = permissions.map(
        ({ verb, group, resource }) => `${verb} ${group === '' ? '' : `${group}/`}${resource}`,
      );
      assert.deepEqual([...used].sort(), [...new Set(listed)].sort());
    });
  }

  test('Namespaces are read, whatever keeps entries, if they may say what becomes of evictions', async () => {
    const refusing = answering(new Error('not now'));
    const cache = aCache({ client: refusing, tracking: 'off', settings: { ...SETTINGS, readsNamespacePolicy: true } });
    cache.start();
    await cache.stop();
    assert.ok(refusing.requests.some(({ path }) => path === '/api/v1/namespaces'));
    const namespacesOf = (tracking: Tracking) =>
      permissionsOf({ tracking, readsNamespaces: true }).filter(({ resource }) => resource === 'namespaces');
    assert.deepEqual(
      namespacesOf(NO_TRACKING).map(({ verb }) => verb),
      ['get', 'list', 'watch'],
    );
    // Each once.
    const onNamespaces = createTracking({ type: 'namespace', also: [] }, home);
    assert.deepEqual(
      namespacesOf(onNamespaces).map(({ verb }) => verb),
      ['get', 'list', 'watch', 'patch'],
    );
  });

  test('ConfigMaps: those of its own namespace, and not even to read those of others', async () => {
    const tracking = createTracking({ type: 'configmap', also: TRACKING_TYPES }, home);
    for (const { resource, namespace } of permissionsOf({ tracking })) {
      assert.equal(namespace, resource === 'configmaps' ? 'hooks' : undefined);
    }
    const { client, calls } = recorder();
    for (const { drive } of Object.values(CALLERS)) await drive(client, tracking);
    const paths = calls.map(({ path }) => path).filter((path) => path.includes('configmaps'));
    assert.ok(paths.length > 5);
    for (const path of paths) assert.match(path, /^\/api\/v1\/namespaces\/hooks\/configmaps/);
  });

  test('certificates of its own: neither one too few nor one too many, each by its name where that can be', async () => {
    const { client, calls } = recorder();
    for (const { drive } of Object.values(CALLERS)) await drive(client, NO_TRACKING, OWN);
    const others = permissionsOf({ tracking: NO_TRACKING }).map(describePermission);
    const listed = permissionsOf({ tracking: NO_TRACKING, ...OWN }).map(describePermission);
    assert.deepEqual(
      listed.filter((one) => !others.includes(one)),
      [
        'create secrets in namespace hooks',
        'get secrets/ca in namespace hooks',
        'update secrets/ca in namespace hooks',
        'get validatingwebhookconfigurations.admissionregistration.k8s.io/hook',
        'list validatingwebhookconfigurations.admissionregistration.k8s.io/hook',
        'watch validatingwebhookconfigurations.admissionregistration.k8s.io/hook',
        'patch validatingwebhookconfigurations.admissionregistration.k8s.io/hook',
      ],
    );
    const own = calls.filter(({ path }) => /secrets|validatingwebhook/.test(path));
    assert.deepEqual(
      own.map(({ method, path, query }) => [method, path, query?.fieldSelector]).sort(),
      [
        ['GET', REGISTRATION, 'metadata.name=hook'],
        ['GET', REGISTRATION, 'metadata.name=hook'],
        ['GET', `${REGISTRATION}/hook`, undefined],
        // Of whichever installation an entry names.
        ['GET', `${REGISTRATION}/another`, undefined],
        ['GET', '/api/v1/namespaces/hooks/secrets/ca', undefined],
        ['PATCH', `${REGISTRATION}/hook`, undefined],
        ['POST', '/api/v1/namespaces/hooks/secrets', undefined],
        ['PUT', '/api/v1/namespaces/hooks/secrets/ca', undefined],
      ].sort(),
    );
  });

  test('rival webhooks: all registrations are listed and watched, and only where a profile has conflicts', async () => {
    const listed = (hasConflicts: boolean) => permissionsOf({ tracking: NO_TRACKING, hasConflicts });
    const others = listed(false).map(describePermission);
    assert.deepEqual(
      others.filter((one) => /validatingwebhook/.test(one)),
      ['get validatingwebhookconfigurations.admissionregistration.k8s.io'],
    );
    const added = listed(true).filter((one) => !others.includes(describePermission(one)));
    for (const conflicts of [[], ['a.example.com']]) {
      const { client, calls } = recorder();
      const watch = new RivalWatch({
        client,
        profiles: [{ name: 'ours', conflicts }],
        clock: new FakeClock(),
        random: () => 0,
        log: aLog(),
      });
      watch.start();
      await settle();
      await watch.stop();
      const expected =
        conflicts.length === 0 ? [] : added.map(({ verb, group, resource }) => `${verb} ${group}/${resource}`);
      assert.deepEqual(calls.map(authorizedAs), expected);
      for (const { query } of calls) assert.equal(query?.fieldSelector, undefined);
    }
    assert.deepEqual(
      added.map(({ purpose }) => purpose),
      ['upkeep', 'upkeep'],
    );
  });

  test('a call is read as the API server reads it', () => {
    const read = (method: ApiRequest['method'], path: string, query = {}) => authorizedAs({ method, path, query });
    assert.equal(read('GET', nodePath('n')), 'get nodes');
    assert.equal(read('GET', '/api/v1/nodes'), 'list nodes');
    assert.equal(read('GET', '/api/v1/pods', { watch: true }), 'watch pods');
    assert.equal(read('PATCH', '/api/v1/namespaces/db'), 'patch namespaces');
    assert.equal(read('POST', '/api/v1/namespaces/db/events'), 'create events');
    for (const path of ['/apis', '/apis/g/v1', '/api/v1']) assert.equal(read('GET', path), `get ${path}`);
    assert.equal(read('PUT', '/apis/g/v1/namespaces/db/things/x'), 'update g/things');
    assert.equal(read('DELETE', '/apis/g/v1/things/x'), 'delete g/things');
  });
});
