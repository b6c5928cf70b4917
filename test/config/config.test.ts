import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError, readConfig } from '../../src/config/config.ts';
import { DEFAULT_DRAIN_TAINTS, describeSettings, SETTINGS } from '../../src/config/settings.ts';

/** The problems that an environment has; none where it is right. */
function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
}

/** Where the only profile keeps its entries. */
const trackingBy = (env: Record<string, string>) => readConfig(env).profiles[0]?.tracking;

const settingOf = (problem: string) => problem.split(' ')[0];

describe('configuration', () => {
  test('defaults are those of the reference', () => {
    const { profiles, ...config } = readConfig({});
    assert.deepEqual(profiles, [
      {
        name: 'couchbase',
        selectors: [[{ op: 'in', key: 'app', values: ['couchbase'] }]],
        requires: [],
        conflicts: [],
        mark: { key: 'cao.couchbase.com/reschedule', value: 'true', match: 'exact' },
        names: 'byTracker',
        tracking: { type: 'couchbasecluster', also: [] },
        stallAfterMs: 900_000,
      },
    ]);
    assert.deepEqual(config, {
      labelSelectors: ['app in (couchbase)'],
      profilesFile: '',
      certificates: 'files',
      podNamespace: '',
      podName: '',
      serviceName: 'reschedule-hook-server',
      servicePort: 443,
      registration: undefined,
      protectNamespaces: { text: 'all' },
      failurePolicy: 'Fail',
      caSecret: 'reschedule-hook-ca',
      webhookConfiguration: 'reschedule-hook',
      certificateLifetimeMs: 7 * 24 * 3_600_000,
      caLifetimeMs: 365 * 24 * 3_600_000,
      clientCaFile: '',
      clientNames: [],
      tlsCertFile: '/etc/webhook/certs/tls.crt',
      tlsKeyFile: '/etc/webhook/certs/tls.key',
      tlsCaFile: '',
      drainTaints: DEFAULT_DRAIN_TAINTS,
      drainConditions: [],
      replacementCondition: 'scheduled',
      markWhen: 'always',
      retentionMs: 900_000,
      shutdownDelayMs: 8_000,
      exemptUsers: [],
      readsNamespacePolicy: false,
      bindAddress: '',
      webhookPort: 8443,
      healthPort: 8080,
      logLevel: 'info',
      logFormat: 'text',
    });
  });

  test('every problem is named at once', () => {
    const problems = problemsOf({
      POD_LABEL_SELECTOR: 'a in b',
      TRACKING_RESOURCE_TYPE: 'secret',
      TRACKING_ALSO_READ: 'namespace,pods',
      TRACK_RESCHEDULED_PODS: 'maybe',
      STALL_AFTER: '15',
      TRACKING_RETENTION: '1s',
      WEBHOOK_PORT: '99999',
      HEALTH_PORT: '-1',
      LOG_LEVEL: 'loud',
      LOG_FORMAT: 'xml',
      REPLACEMENT_CONDITION: 'running',
      RESCHEDULE_ANNOTATION_KEY: 'no key/at/all',
    });
    assert.deepEqual(problems.map(settingOf).sort(), [
      'HEALTH_PORT',
      'LOG_FORMAT',
      'LOG_LEVEL',
      'POD_LABEL_SELECTOR',
      'REPLACEMENT_CONDITION',
      'RESCHEDULE_ANNOTATION_KEY',
      'STALL_AFTER',
      'TRACKING_ALSO_READ',
      'TRACKING_RESOURCE_TYPE',
      'TRACKING_RETENTION',
      'TRACK_RESCHEDULED_PODS',
      'WEBHOOK_PORT',
    ]);
  });

  test('entries are written to one type, and read at others', () => {
    const env = { TRACKING_RESOURCE_TYPE: 'configmap', TRACKING_ALSO_READ: 'couchbasecluster, namespace' };
    assert.deepEqual(trackingBy(env), { type: 'configmap', also: ['couchbasecluster', 'namespace'] });
    assert.deepEqual(trackingBy({}), { type: 'couchbasecluster', also: [] });
    assert.deepEqual(problemsOf({ TRACKING_ALSO_READ: 'namespace,pods' }), [
      'TRACKING_ALSO_READ has "pods", which is not one of couchbasecluster, namespace, configmap',
    ]);
  });

  test('when to mark, and when a drain may end, take a few words each', () => {
    const { markWhen, replacementCondition } = readConfig({ MARK_WHEN: 'draining', REPLACEMENT_CONDITION: 'left' });
    assert.deepEqual({ markWhen, replacementCondition }, { markWhen: 'draining', replacementCondition: 'left' });
    assert.deepEqual(problemsOf({ MARK_WHEN: 'never' }), ['MARK_WHEN is "never"; it must be always or draining']);
  });

  test('the misspelt name of the reference works, and the right one is preferred (fault 25)', () => {
    const misspelt = 'TRACK_RESCHEULED_PODS';
    assert.equal(trackingBy({ [misspelt]: 'false' })?.type, 'off');
    assert.equal(trackingBy({ [misspelt]: 'false', TRACK_RESCHEDULED_PODS: 'true' })?.type, 'couchbasecluster');
    assert.deepEqual(problemsOf({ [misspelt]: 'yes' }), [`${misspelt} is "yes"; it must be true or false`]);
  });

  test('a full selector takes the place of key and value, and does not stand beside them', () => {
    const fullSelector = { POD_LABEL_SELECTOR: 'app=couchbase,tier in (a,b)' };
    assert.equal(readConfig(fullSelector).labelSelectors[0], 'app in (couchbase),tier in (a,b)');
    const empty = { ...fullSelector, POD_LABEL_SELECTOR_KEY: '', POD_LABEL_SELECTOR_VALUE: '' };
    assert.equal(readConfig(empty).labelSelectors[0], 'app in (couchbase),tier in (a,b)');
    assert.deepEqual(problemsOf({ ...fullSelector, POD_LABEL_SELECTOR_KEY: 'tier', POD_LABEL_SELECTOR_VALUE: 'a' }), [
      'POD_LABEL_SELECTOR is set beside POD_LABEL_SELECTOR_KEY and POD_LABEL_SELECTOR_VALUE; set one or the other',
    ]);
    assert.deepEqual(problemsOf({ ...fullSelector, POD_LABEL_SELECTOR_VALUE: 'couchbase' }), [
      'POD_LABEL_SELECTOR is set beside POD_LABEL_SELECTOR_VALUE; set one or the other',
    ]);
  });

  test('a selector that only excludes is refused: it would select almost every pod', () => {
    for (const text of ['!skip', 'app!=web', 'app notin (a,b),!skip']) {
      assert.deepEqual(problemsOf({ POD_LABEL_SELECTOR: text }), [
        `POD_LABEL_SELECTOR is "${text}", which only excludes pods; add a label that the pods have, as in app=couchbase`,
      ]);
    }
    for (const text of ['app,!skip', 'app=,tier!=web', 'app in (a),!skip']) {
      assert.deepEqual(problemsOf({ POD_LABEL_SELECTOR: text }), []);
    }
  });

  describe('the namespaces to protect', () => {
    const protectedBy = (text: string) => readConfig({ PROTECT_NAMESPACES: text }).protectNamespaces.text;

    test('are all or used, in capitals or with white space around it, too', () => {
      for (const text of ['all', 'All', ' ALL ', 'all\n', '\tall\r\n']) assert.equal(protectedBy(text), 'all');
      for (const text of ['used', 'Used', 'used ']) assert.equal(protectedBy(text), 'used');
    });

    test('are those of a label selector, which says a value or has a key with a domain', () => {
      for (const [text, written] of [
        ['team=db\n', 'team in (db)'],
        ['team in (db,web)', 'team in (db,web)'],
        ['reschedule.hook/protect', 'reschedule.hook/protect'],
        ['!skip', '!skip'],
        ['all=true', 'all in (true)'],
        ['team,team!=false', 'team,team notin (false)'],
        ['kubernetes.io/metadata.name in (db,web)', 'kubernetes.io/metadata.name in (db,web)'],
      ] as const) {
        assert.equal(protectedBy(text), written);
      }
    });

    for (const [text, keys] of [
      ['db', 'db'],
      ['everything', 'everything'],
      [' db , web ', 'db,web'],
      ['all,!skip', 'all'],
      ['all,kubernetes.io/metadata.name!=web', 'all'],
      ['team,env=prod', 'team'],
    ] as const) {
      test(`are not "${text}", which would protect hardly any`, () => {
        const [key] = keys.split(',');
        assert.deepEqual(problemsOf({ PROTECT_NAMESPACES: text }), [
          `PROTECT_NAMESPACES has a label without a value: ${keys}; write all, used, team=db for a label, kubernetes.io/metadata.name in (${keys}) for namespaces by name, or ${key},${key}!=false for a label of any other value`,
        ]);
        assert.notEqual(protectedBy(`kubernetes.io/metadata.name in (${keys})`), '');
        assert.notEqual(protectedBy(`${key},${key}!=false`), '');
      });
    }
  });

  test('a key with an empty part in its domain, or one that is too long, is refused: the API server would, later', () => {
    for (const key of ['a..b/c', 'a.-b/c', `${'a.'.repeat(127)}a/b`]) {
      assert.match(problemsOf({ RESCHEDULE_ANNOTATION_KEY: key })[0] ?? '', /which is not an annotation key$/);
      assert.match(problemsOf({ POD_LABEL_SELECTOR_KEY: key })[0] ?? '', /which is not a label key$/);
    }
  });

  test('a shutdown delay that no timer could take is refused', () => {
    assert.equal(readConfig({ SHUTDOWN_DELAY: '1h' }).shutdownDelayMs, 3_600_000);
    assert.deepEqual(problemsOf({ SHUTDOWN_DELAY: '600h' }), ['SHUTDOWN_DELAY is 600h; it must be at most 1h']);
  });

  test('a pod is not stalled at once', () => {
    assert.equal(readConfig({ STALL_AFTER: '1s' }).profiles[0]?.stallAfterMs, 1_000);
    for (const text of ['0s', '999ms', '0h0m']) {
      assert.deepEqual(problemsOf({ STALL_AFTER: text }), [
        `STALL_AFTER is ${text}; it must be at least 1s, and longer than the operator takes to move a pod`,
      ]);
    }
  });

  test('an empty variable is as if not set', () => {
    assert.equal(readConfig({ WEBHOOK_PORT: '', LOG_LEVEL: '' }).webhookPort, 8443);
  });

  test('one port cannot be both', () => {
    assert.deepEqual(problemsOf({ WEBHOOK_PORT: '8080' }), [
      'WEBHOOK_PORT and HEALTH_PORT are both 8080; give them different ports',
    ]);
    assert.deepEqual(problemsOf({ WEBHOOK_PORT: '0', HEALTH_PORT: '0' }), []);
  });

  test('a setting that is wrong makes no problem of others', () => {
    assert.deepEqual(problemsOf({ WEBHOOK_PORT: 'x', HEALTH_PORT: '8443' }), [
      'WEBHOOK_PORT is "x"; it must be a port from 0 to 65535',
    ]);
    assert.equal(problemsOf({ WEBHOOK_PORT: 'x', HEALTH_PORT: 'x' }).length, 2);
    assert.equal(problemsOf({ CERTIFICATE_LIFETIME: '1s', CA_LIFETIME: '5s' }).length, 1);
    assert.equal(problemsOf({ CERTIFICATE_LIFETIME: '9000h', CA_LIFETIME: '1s' }).length, 1);
    assert.deepEqual(problemsOf({ POD_LABEL_SELECTOR: '=', POD_LABEL_SELECTOR_KEY: '!' }).map(settingOf), [
      'POD_LABEL_SELECTOR_KEY',
      'POD_LABEL_SELECTOR',
      'POD_LABEL_SELECTOR',
    ]);
  });

  test('no two settings share a name or a property', () => {
    for (const field of ['name', 'key'] as const) {
      assert.equal(new Set(SETTINGS.map((setting) => setting[field])).size, SETTINGS.length);
    }
  });

  test('the settings of certificates have to go together', () => {
    assert.deepEqual(problemsOf({ CERTIFICATE_LIFETIME: '1h', CA_LIFETIME: '2h' }), [
      'CA_LIFETIME is too short; it must be at least three times CERTIFICATE_LIFETIME',
    ]);
    assert.deepEqual(problemsOf({ CLIENT_NAMES: 'front-proxy-client' }), [
      'CLIENT_NAMES is set without CLIENT_CA_FILE, so nothing would look at the names',
    ]);
    const wrong = { CERTIFICATES: 'cert-manager', CERTIFICATE_LIFETIME: '1s', POD_NAMESPACE: 'a.b', CA_SECRET: '_' };
    assert.deepEqual(problemsOf(wrong), [
      'CERTIFICATES is "cert-manager"; it must be files or self',
      'POD_NAMESPACE is "a.b", which is not a namespace',
      'CA_SECRET is "_", which is not the name of a Secret',
      'CERTIFICATE_LIFETIME is 1s; it must be at least 5s',
    ]);
  });

  test('lists are split at commas', () => {
    const config = readConfig({ EXEMPT_USERS: ' a , b,', DRAIN_TAINTS: 'x/' });
    assert.deepEqual(config.exemptUsers, ['a', 'b']);
    assert.deepEqual(config.drainTaints, ['x/']);
    for (const name of ['EXEMPT_USERS', 'DRAIN_TAINTS', 'CLIENT_NAMES']) {
      assert.equal(problemsOf({ [name]: ' , ', CLIENT_CA_FILE: 'ca.crt' })[0], `${name} is ",", which names nothing`);
    }
  });

  test('taints are written as kubectl writes them', () => {
    const right = ['a', 'a.b/C', 'a:NoExecute', 'a.b/c:NoSchedule', 'a=1:NoSchedule', 'a=:PreferNoSchedule', 'a.b/'];
    assert.deepEqual(readConfig({ DRAIN_TAINTS: right.join(',') }).drainTaints, right);
    for (const wrong of [
      ...['a:noschedule', 'a:', 'a=b', 'a:NoSchedule-', 'a=b=c:NoSchedule', 'a:NoSchedule:NoExecute', '=a:NoSchedule'],
      ...[
        'Example.com/X',
        'Example.com/',
        'a b',
        'a;b',
        '/',
        'a/b/',
        'a..b/',
        `${'a'.repeat(254)}/`,
        '*',
        'a.b/:NoExecute',
      ],
    ]) {
      assert.deepEqual(problemsOf({ DRAIN_TAINTS: `ok,${wrong}` }), [
        `DRAIN_TAINTS has "${wrong}", which is not a taint; write key, key:Effect, key=value:Effect or prefix/`,
      ]);
    }
    assert.match(
      problemsOf({ DRAIN_TAINTS: 'Example.com/X ; foo,b,c:d' })[0] ?? '',
      /has "Example.com\/X ; foo", "c:d"/,
    );
  });

  test('types of node conditions are names, and Ready is none that can mean a drain', () => {
    const right = ['DrainInProgress', 'example.com/Leaving', 'Drained'];
    assert.deepEqual(readConfig({ DRAIN_CONDITIONS: right.join(', ') }).drainConditions, right);
    assert.deepEqual(readConfig({ DRAIN_CONDITIONS: '' }).drainConditions, []);
    for (const wrong of ['Ready', 'DrainInProgress=True', 'Drain In Progress', 'a/b/c', 'DrainInProgress:True']) {
      assert.deepEqual(problemsOf({ DRAIN_CONDITIONS: `DrainInProgress,${wrong}` }), [
        `DRAIN_CONDITIONS has "${wrong}", which is not the type of a node condition that can mean a drain; write it like DrainInProgress`,
      ]);
    }
  });

  test('names of users and clients are checked one by one', () => {
    const right = [
      'system:admin',
      'system:serviceaccount:kube-system:job.controller',
      'jane@example.com',
      'a/b=c+d',
      'CN',
      'John Doe',
      "https://idp#o'brien",
    ];
    assert.deepEqual(readConfig({ EXEMPT_USERS: right.join(',') }).exemptUsers, right);
    const clients = { CLIENT_CA_FILE: 'ca.crt', CLIENT_NAMES: 'system:kube-apiserver,kube.example.com' };
    assert.deepEqual(readConfig(clients).clientNames, ['system:kube-apiserver', 'kube.example.com']);
    const wrongAccounts = [
      'system:serviceaccount:kube-system',
      'system:serviceaccount:a/b',
      'system:serviceaccount:Ns:a',
    ];
    for (const wrong of [...wrongAccounts, 'a;b', '"a"', 'system:*', 'a\u0007', 'system:serviceaccount:n:*']) {
      assert.deepEqual(problemsOf({ EXEMPT_USERS: `${wrong},ok` }), [
        `EXEMPT_USERS has ${JSON.stringify(wrong)}, which is not the name of a user; a service account is system:serviceaccount:NAMESPACE:NAME`,
      ]);
    }
    for (const wrong of ['a;b', '*.example.com']) {
      assert.deepEqual(problemsOf({ ...clients, CLIENT_NAMES: `ok,${wrong}` }), [
        `CLIENT_NAMES has "${wrong}", which is not a common name or DNS name`,
      ]);
    }
  });

  test('--help names every setting', () => {
    for (const { name } of SETTINGS) assert.ok(describeSettings().includes(name));
  });
});
