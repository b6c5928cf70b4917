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

const settingOf = (problem: string) => problem.split(' ')[0];

describe('configuration', () => {
  test('defaults are those of the reference', () => {
    const { selector: _selector, tracking, ...config } = readConfig({});
    assert.equal(tracking.type, 'couchbasecluster');
    assert.deepEqual(config, {
      labelSelector: 'app in (couchbase)',
      annotationKey: 'cao.couchbase.com/reschedule',
      annotationValue: 'true',
      certificates: 'files',
      podNamespace: '',
      serviceName: 'reschedule-hook-server',
      caSecret: 'reschedule-hook-ca',
      webhookConfiguration: 'reschedule-hook',
      certificateLifetimeMs: 7 * 24 * 3_600_000,
      caLifetimeMs: 365 * 24 * 3_600_000,
      clientCaFile: '',
      clientNames: [],
      tlsCertFile: '/etc/webhook/certs/tls.crt',
      tlsKeyFile: '/etc/webhook/certs/tls.key',
      drainTaints: DEFAULT_DRAIN_TAINTS,
      replacementCondition: 'scheduled',
      markWhen: 'always',
      retentionMs: 900_000,
      stallAfterMs: 900_000,
      shutdownDelayMs: 8_000,
      exemptUsers: [],
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
      TRACKING_RESOURCE_TYPE: 'configmap',
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
      'TRACKING_RESOURCE_TYPE',
      'TRACKING_RETENTION',
      'TRACK_RESCHEDULED_PODS',
      'WEBHOOK_PORT',
    ]);
  });

  test('when to mark, and when a drain may end, take a few words each', () => {
    const { markWhen, replacementCondition } = readConfig({ MARK_WHEN: 'draining', REPLACEMENT_CONDITION: 'left' });
    assert.deepEqual({ markWhen, replacementCondition }, { markWhen: 'draining', replacementCondition: 'left' });
    assert.deepEqual(problemsOf({ MARK_WHEN: 'never' }), ['MARK_WHEN is "never"; it must be always or draining']);
  });

  test('the misspelt name of the reference works, and the right one is preferred (fault 25)', () => {
    const misspelt = 'TRACK_RESCHEULED_PODS';
    assert.equal(readConfig({ [misspelt]: 'false' }).tracking.type, 'off');
    assert.equal(readConfig({ [misspelt]: 'false', TRACK_RESCHEDULED_PODS: 'true' }).tracking.type, 'couchbasecluster');
    assert.deepEqual(problemsOf({ [misspelt]: 'yes' }), [`${misspelt} is "yes"; it must be true or false`]);
  });

  test('a full selector takes the place of key and value, also of wrong ones', () => {
    const config = readConfig({ POD_LABEL_SELECTOR: 'app=couchbase,tier in (a,b)', POD_LABEL_SELECTOR_KEY: '!!' });
    assert.equal(config.labelSelector, 'app in (couchbase),tier in (a,b)');
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
  });

  test('--help names every setting', () => {
    for (const { name } of SETTINGS) assert.ok(describeSettings().includes(name));
  });
});
