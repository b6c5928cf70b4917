import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../src/async/system-clock.ts';
import type { JsonObject } from '../../src/kube/client.ts';
import type { Check, Forecast } from '../../src/preflight/forecast/findings.ts';
import { refusal } from '../support/api.ts';
import { aRawCluster, aRawPod } from '../support/raw.ts';
import { aCluster, DEPLOYMENTS, deployment, REGISTRATIONS, registration, run, webhook } from './scene.ts';

const CONFIG_MAP = '/api/v1/namespaces/hooks/configmaps/profiles';
const forecastIn = (printed: string) => JSON.parse(printed) as Forecast;
const results = ({ checks }: Forecast) => Object.fromEntries(checks.map(({ check, result }) => [check, result]));
const checkOf = ({ checks }: Forecast, name: string): Check | undefined => checks.find(({ check }) => check === name);

describe('preflight', () => {
  test('of a node that nothing hinders: exit code 0, and only reads', async () => {
    const cluster = aCluster();
    const { code, printed, complaints } = await run(['node-1'], cluster);
    assert.deepEqual([code, complaints], [0, []]);
    assert.deepEqual([...new Set(cluster.requests.map(({ method }) => method))], ['GET']);
    assert.match(printed, /^Hook ours: profiles couchbase, read from Deployment hooks\/hook$/m);
    assert.match(printed, /^db\/cb-0000 +couchbase +marked +note OnlyMember/m);
    assert.match(printed, /^Nothing was found that will hold up a drain of node-1\. To drain:\nkubectl drain node-1$/m);
  });

  test('of a node that will hang: exit code 1, and a remedy', async () => {
    const cluster = aCluster();
    cluster.lists.set('/apis/couchbase.com/v2/couchbaseclusters', [aRawCluster({ spec: { paused: true } })]);
    const { code, printed } = await run(['node-1', 'node-2'], cluster);
    assert.equal(code, 1);
    assert.match(printed, /HANGS Paused +CouchbaseCluster cb reports Paused/);
    assert.match(printed, /LIKELY +No other node would take its replacement/);
    assert.match(
      printed,
      /^Do not drain node-1, node-2 yet: 1 pod will hold it up, or would be evicted\. After that:$/m,
    );
  });

  test('fits 100 columns, whatever the names are', async () => {
    const cluster = aCluster();
    const name = `cb-${'x'.repeat(150)}`;
    const pod = aRawPod({ metadata: { name }, spec: { volumes: [{ name: 'a', emptyDir: {} }] } });
    const other = aRawPod({ metadata: { name: `web-${'y'.repeat(200)}`, uid: 'w', labels: {}, ownerReferences: [] } });
    cluster.lists.set('/api/v1/pods', [pod, other]);
    cluster.put(`/api/v1/namespaces/db/pods/${name}`, pod);
    const { printed } = await run(['node-1'], cluster);
    assert.match(printed, /flag NoController/);
    assert.deepEqual(
      printed.split('\n').filter((line) => line.length > 100),
      [],
    );
    assert.match(printed, /kubectl drain node-1 --delete-emptydir-data --force/);
  });

  test('as JSON', async () => {
    const { printed } = await run(['node-1', '-o', 'json']);
    const forecast = forecastIn(printed);
    assert.deepEqual([forecast.version, forecast.isClear, forecast.nodes], [1, true, ['node-1']]);
    assert.deepEqual(results(forecast), {
      registered: 'ok',
      reachable: 'ok',
      certificate: 'ok',
      covers: 'ok',
      rivals: 'ok',
      versions: 'ok',
    });
  });
});

describe('what keeps preflight from beginning ends with 2', () => {
  const cases: readonly [string, (cluster: ReturnType<typeof aCluster>) => void, RegExp][] = [
    ['no hook', (cluster) => cluster.lists.set(REGISTRATIONS, []), /no hook is installed/],
    [
      'several',
      (cluster) => cluster.lists.set(REGISTRATIONS, [registration(), registration([], { name: 'b' })]),
      /several hooks are installed/,
    ],
    ['no Deployment', (cluster) => cluster.lists.set(DEPLOYMENTS, []), /there is no Deployment hooks\/hook/],
    [
      'settings from a Secret',
      (cluster) =>
        cluster.lists.set(DEPLOYMENTS, [
          deployment([{ name: 'PROFILES', valueFrom: { secretKeyRef: { name: 's' } } }]),
        ]),
      /the setting PROFILES of the hook cannot be read: it comes from elsewhere/,
    ],
    [
      'settings from a whole Secret',
      (cluster) => cluster.lists.set(DEPLOYMENTS, [deployment([], {}, { envFrom: [{ secretRef: { name: 's' } }] })]),
      /the settings of the hook cannot be read: its environment comes from the Secret s, too/,
    ],
    [
      'wrong settings',
      (cluster) => cluster.lists.set(DEPLOYMENTS, [deployment([{ name: 'MARK_WHEN', value: 'never' }])]),
      /the settings of the installed hook are not understood: MARK_WHEN/,
    ],
    ['no such node', (cluster) => cluster.lists.set('/api/v1/nodes', []), /there is no node node-1/],
    [
      'no right to list budgets',
      (cluster) => {
        cluster.before = (_, { path }) => {
          if (path.endsWith('poddisruptionbudgets')) throw refusal(403);
        };
      },
      /missing permission: list poddisruptionbudgets/,
    ],
    ['an API server that is away', (cluster) => cluster.leave(), /ECONNREFUSED/],
  ];
  for (const [what, change, expected] of cases) {
    test(what, async () => {
      const cluster = aCluster();
      change(cluster);
      const { code, printed, complaints } = await run(['node-1'], cluster);
      assert.deepEqual([code, printed], [2, '']);
      assert.match(complaints.join('\n'), expected);
    });
  }
});

test('a pod of a Job that a profile selects is not protected, and that is said', async () => {
  const cluster = aCluster();
  const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'backup', controller: true }];
  cluster.lists.set('/api/v1/pods', [aRawPod({ metadata: { ownerReferences } })]);
  const { code, printed } = await run(['node-1'], cluster);
  assert.equal(code, 0);
  assert.match(printed, /^The hook protects no pod of these nodes\.$/m);
  assert.match(printed, /^db\/cb-0000 +note Immovable/m);
});

describe('the settings in force', () => {
  test('are those of the Deployment that the Service selects', async () => {
    const cluster = aCluster();
    const named = { ...deployment([{ name: 'POD_LABEL_SELECTOR', value: 'tier=db' }]), metadata: { name: 'other' } };
    cluster.lists.set(DEPLOYMENTS, [named]);
    const forecast = forecastIn((await run(['node-1', '-o', 'json'], cluster)).printed);
    assert.equal(forecast.settingsFrom, 'Deployment hooks/other');
    assert.deepEqual(
      forecast.pods.map(({ profile }) => profile),
      [null],
    );
  });

  test('come with the profiles of the mounted ConfigMap, and with those that name one', async () => {
    const cluster = aCluster();
    const profiles =
      'profiles:\n  - {name: ours, selector: couchbase_cluster, mark: {annotation: a/b, value: "1"}, names: new}\n';
    cluster.put(CONFIG_MAP, { data: { 'p.yaml': profiles, names: 'ours' } });
    const env = [
      { name: 'PROFILES_FILE', value: '/etc/hook/p.yaml' },
      { name: 'PROFILES', valueFrom: { configMapKeyRef: { name: 'profiles', key: 'names' } } },
    ];
    const mounts = { volumeMounts: [{ name: 'v', mountPath: '/etc/hook' }] };
    const volumes = { volumes: [{ name: 'v', configMap: { name: 'profiles' } }] };
    cluster.lists.set(DEPLOYMENTS, [deployment(env, volumes, mounts)]);
    const { printed } = await run(['node-1', '-o', 'json'], cluster);
    assert.deepEqual(forecastIn(printed).profiles, ['ours']);
  });

  test('are put together from others as the kubelet does it', async () => {
    const cluster = aCluster();
    const profile = 'profiles: [{name: ours, selector: a, mark: {annotation: a/b, value: "1"}, names: new}]';
    cluster.put(CONFIG_MAP, { data: { 'p.yaml': profile, DIR: '/etc/hook' } });
    const env = [
      { name: 'FILE', value: 'p.yaml' },
      { name: 'PROFILES_FILE', value: '$(DIR)/$(FILE)' },
    ];
    const envFrom = [{ configMapRef: { name: 'profiles' } }];
    const mounts = { volumeMounts: [{ name: 'v', mountPath: '/etc/hook' }], envFrom };
    const volumes = { volumes: [{ name: 'v', configMap: { name: 'profiles' } }] };
    cluster.lists.set(DEPLOYMENTS, [deployment(env, volumes, mounts)]);
    const { printed, complaints } = await run(['node-1', '-o', 'json'], cluster);
    assert.deepEqual(complaints, []);
    assert.deepEqual(forecastIn(printed).profiles, ['ours']);
  });

  for (const [value, expected] of [
    ['$(EARLY)', '"never"'],
    ['$(LATE)', '"$(LATE)"'],
    ['$(NOBODY)$', '"$(NOBODY)$"'],
    ['$$(EARLY)', '"$(EARLY)"'],
    ['$(RAW)', '"$(EARLY)"'],
  ] as const) {
    test(`MARK_WHEN=${value} means ${expected}`, async () => {
      const env = [
        { name: 'EARLY', value: 'never' },
        { name: 'RAW', value: '$$(EARLY)' },
        { name: 'MARK_WHEN', value },
        { name: 'LATE', value: 'always' },
      ];
      const cluster = aCluster();
      cluster.lists.set(DEPLOYMENTS, [deployment(env)]);
      const { complaints } = await run(['node-1'], cluster);
      assert.ok(complaints.join().includes(expected), complaints.join());
    });
  }

  test('put together from a Secret cannot be read', async () => {
    const env = [
      { name: 'SECRET', valueFrom: { secretKeyRef: { name: 's' } } },
      { name: 'VIA', value: '$(SECRET)' },
      { name: 'PROFILES', value: '$(VIA)' },
    ];
    const cluster = aCluster();
    cluster.lists.set(DEPLOYMENTS, [deployment(env)]);
    const { code, complaints } = await run(['node-1'], cluster);
    assert.equal(code, 2);
    assert.match(complaints.join(), /the setting PROFILES of the hook cannot be read: it comes from elsewhere/);
  });

  test('come from the key that is mounted under that name, and do without what is optional', async () => {
    const cluster = aCluster();
    const profiles =
      'profiles:\n  - {name: ours, selector: couchbase_cluster, mark: {annotation: a/b, value: "1"}, names: new}\n';
    cluster.put(CONFIG_MAP, { data: { 'p.yaml': 'an earlier one', current: profiles } });
    const env = [
      { name: 'PROFILES_FILE', value: '/etc/hook/p.yaml' },
      { name: 'MARK_WHEN', valueFrom: { configMapKeyRef: { name: 'none', key: 'when', optional: true } } },
    ];
    const container = {
      volumeMounts: [{ name: 'v', mountPath: '/etc/hook' }],
      envFrom: [{ configMapRef: { name: 'none', optional: true } }],
    };
    const configMap = { name: 'profiles', items: [{ key: 'current', path: 'p.yaml' }] };
    cluster.lists.set(DEPLOYMENTS, [deployment(env, { volumes: [{ name: 'v', configMap }] }, container)]);
    const { printed, complaints } = await run(['node-1', '-o', 'json'], cluster);
    assert.deepEqual(complaints, []);
    assert.deepEqual(forecastIn(printed).profiles, ['ours']);
  });

  test('of a registration that calls a URL are those of this command, which says so', async () => {
    const cluster = aCluster();
    cluster.lists.set(REGISTRATIONS, [
      registration([webhook({ clientConfig: { url: 'https://127.0.0.1:1/eviction' } })]),
    ]);
    const env = { PROFILES: 'es-operator' };
    const forecast = forecastIn((await run(['node-1', '-o', 'json'], cluster, undefined, { env })).printed);
    assert.deepEqual(forecast.profiles, ['es-operator']);
    assert.match(forecast.settingsFrom, /^the environment of this command, because/);
  });
});

describe('what operators report', () => {
  const KAFKAS = '/apis/kafka.strimzi.io/v1/kafkas';
  const labels = { 'strimzi.io/kind': 'Kafka', 'strimzi.io/component-type': 'kafka', 'strimzi.io/cluster': 'k' };
  const kafka = {
    metadata: {
      namespace: 'db',
      name: 'k',
      uid: 'uid-k',
      resourceVersion: '1',
      annotations: { 'strimzi.io/pause-reconciliation': 'true' },
    },
  };

  function aKafka() {
    const cluster = aCluster();
    const pod = aRawPod({ metadata: { labels } });
    const env = [
      { name: 'PROFILES', value: 'strimzi-kafka' },
      { name: 'TRACKING_RESOURCE_TYPE', value: 'namespace' },
    ];
    cluster.lists.set(DEPLOYMENTS, [deployment(env)]);
    cluster.lists.set('/api/v1/pods', [pod]);
    cluster.put('/api/v1/namespaces/db/pods/cb-0000', pod);
    cluster.put('/api/v1/namespaces/db', { metadata: { name: 'db', uid: 'uid-db', resourceVersion: '1' } });
    const group = { name: 'kafka.strimzi.io', preferredVersion: { version: 'v1' }, versions: [{ version: 'v1' }] };
    cluster.put('/apis', { groups: [group] });
    cluster.put('/apis/kafka.strimzi.io/v1', { resources: [{ name: 'kafkas' }] });
    cluster.lists.set(KAFKAS, [kafka]);
    return cluster;
  }

  test('is waited for', async () => {
    const { code, printed } = await run(['node-1'], aKafka(), undefined, { clock: systemClock });
    assert.equal(code, 1);
    assert.match(printed, /HANGS +Kafka k reports ReconciliationPaused/);
    assert.doesNotMatch(printed, /cannot be read/);
  });

  test('and cannot be read is said', async () => {
    const cluster = aKafka();
    cluster.before = (_, { path }) => {
      if (path === KAFKAS) throw refusal(403);
    };
    const clock = { ...systemClock, setTimer: (call: () => void, ms: number) => systemClock.setTimer(call, ms / 100) };
    let now = 0;
    const hasty = { ...clock, monotonicNow: () => (now += 100) };
    const { printed } = await run(['node-1'], cluster, undefined, { clock: hasty });
    assert.match(printed, /^reports +UNKNOWN +What operators report cannot be read/m);
  });
});

describe('the installation', () => {
  const forecast = async (webhooks: readonly JsonObject[], handshake?: Parameters<typeof run>[2]) => {
    const cluster = aCluster();
    cluster.lists.set(REGISTRATIONS, [
      registration(webhooks, { name: 'ours', labels: { 'reschedule.hook/namespace': 'hooks' } }),
    ]);
    const ran = await run(['node-1', '-o', 'json'], cluster, handshake);
    return { code: ran.code, forecast: forecastIn(ran.printed) };
  };

  test('is not registered', async () => {
    const { code, forecast: seen } = await forecast([]);
    assert.deepEqual([code, results(seen).registered, results(seen).covers], [1, 'wrong', 'wrong']);
  });

  test('does not cover the namespace', async () => {
    const { code, forecast: seen } = await forecast([webhook({ namespaceSelector: { matchLabels: { team: 'b' } } })]);
    assert.deepEqual([code, results(seen).covers], [1, 'wrong']);
    assert.match(checkOf(seen, 'covers')?.text ?? '', /evictions in db:/);
  });

  test('covers it by an expression', async () => {
    const matchExpressions = [{ key: 'team', operator: 'In', values: ['a'] }];
    assert.equal((await forecast([webhook({ namespaceSelector: { matchExpressions } })])).code, 0);
  });

  test('selects objects, which no eviction is', async () => {
    const { forecast: seen } = await forecast([webhook({ objectSelector: { matchLabels: { app: 'couchbase' } } })]);
    assert.equal(results(seen).covers, 'wrong');
  });

  test('has conditions, of which nobody can say', async () => {
    const { code, forecast: seen } = await forecast([
      webhook({ matchConditions: [{ name: 'a', expression: 'true' }] }),
    ]);
    assert.deepEqual([code, results(seen).covers], [0, 'unknown']);
  });

  test('shows a certificate that does not verify', async () => {
    const { code, forecast: seen } = await forecast([webhook()], { kind: 'refused', why: 'CERT_HAS_EXPIRED' });
    assert.deepEqual([code, results(seen).certificate], [1, 'wrong']);
    assert.match(checkOf(seen, 'certificate')?.text ?? '', /CERT_HAS_EXPIRED\. Every eviction would fail/);
  });

  test('has an empty caBundle', async () => {
    const clientConfig = { service: { namespace: 'hooks', name: 'hook' } };
    const { forecast: seen } = await forecast([webhook({ clientConfig, failurePolicy: 'Ignore' })], {
      kind: 'unseen',
      why: 'ENOTFOUND',
    });
    assert.match(checkOf(seen, 'certificate')?.text ?? '', /caBundle is empty\. Protected pods would be evicted/);
  });

  test('is one of several: those of the others are not judged', async () => {
    const cluster = aCluster();
    cluster.lists.set(REGISTRATIONS, [registration(), registration([], { name: 'theirs' })]);
    cluster.put(`${REGISTRATIONS}/ours`, registration());
    const { printed } = await run(['node-1', '--installation', 'ours'], cluster);
    assert.match(printed, /^others +UNKNOWN +The pods of other installations are not judged here: theirs\./m);
    assert.match(
      printed,
      /^Nothing was found that will hold up a drain of node-1, but not all is known \(others\)\. To drain:$/m,
    );
  });

  test('cannot be connected to from here: its ready replicas say it', async () => {
    const { code, forecast: seen } = await forecast([webhook()], { kind: 'unseen', why: 'ENOTFOUND' });
    assert.deepEqual([code, results(seen).reachable, results(seen).certificate], [0, 'ok', 'ok']);
    assert.match(checkOf(seen, 'reachable')?.text ?? '', /ready: 1\./);
  });
});
