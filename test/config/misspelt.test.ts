import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { misspelt } from '../../src/config/misspelt.ts';
import { SETTINGS } from '../../src/config/settings.ts';

describe('a variable whose name is almost that of a setting', () => {
  for (const [variable, meant] of [
    ['LOG_LEVLE', 'LOG_LEVEL'],
    ['LOG_LVL', 'LOG_LEVEL'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['log_level', 'LOG_LEVEL'],
    ['DRAIN_TAINT', 'DRAIN_TAINTS'],
    ['DRAIN_CONDITION', 'DRAIN_CONDITIONS'],
    ['DRAIN_CONDTIONS', 'DRAIN_CONDITIONS'],
    ['EXEMPT_USRES', 'EXEMPT_USERS'],
    ['POD_LABEL_SELECTR_KEY', 'POD_LABEL_SELECTOR_KEY'],
    ['REPLACMENT_CONDITON', 'REPLACEMENT_CONDITION'],
    ['TRACK_RESHEDULED_PODS', 'TRACK_RESCHEDULED_PODS'],
    ['HEALT_PORT', 'HEALTH_PORT'],
    ['WEB_HOOK_PORT', 'WEBHOOK_PORT'],
    ['POD_NAME_SPACE', 'POD_NAMESPACE'],
    ['WEBHOOK_CONFIGURATOIN', 'WEBHOOK_CONFIGURATION'],
    ['CLIENT_NAME', 'CLIENT_NAMES'],
    ['LOG_FORAMT', 'LOG_FORMAT'],
  ] as const) {
    test(`${variable} means ${meant}`, () => assert.deepEqual(misspelt({ [variable]: 'x' }), [{ variable, meant }]));
  }

  test('only the nearest setting is named', () => {
    assert.deepEqual(misspelt({ TLS_KET_FILE: 'x' }), [{ variable: 'TLS_KET_FILE', meant: 'TLS_KEY_FILE' }]);
  });

  test('the settings themselves are none, nor is the misspelt one of the reference', () => {
    const names = [...SETTINGS.map(({ name }) => name), 'TRACK_RESCHEULED_PODS'];
    assert.deepEqual(misspelt(Object.fromEntries(names.map((name) => [name, 'x']))), []);
  });

  test('one that is empty counts as not set', () => assert.deepEqual(misspelt({ LOG_LEVLE: '' }), []));

  test('others mean something else', () => {
    const images = [
      'PATH',
      'HOSTNAME',
      'HOME',
      'TZ',
      'SSL_CERT_FILE',
      'NODE_VERSION',
      'NODE_OPTIONS',
      'NODE_EXTRA_CA_CERTS',
    ];
    const clouds = [
      'AWS_ROLE_ARN',
      'AWS_REGION',
      'GOOGLE_APPLICATION_CREDENTIALS',
      'KUBECONFIG',
      'HTTPS_PROXY',
      'NO_PROXY',
    ];
    const words = [
      'DEVICE_NAME',
      'SERVER_NAME',
      'SERVICE_NODE',
      'SERVICE_HOME',
      'LOG_LABEL',
      'LOG_LEVEL_2',
      'LOG_DIR',
      'X_LOG_LEVEL',
      'DD_SERVICE_NAME',
      'OTEL_SERVICE_NAME',
      'OTEL_LOG_LEVEL',
      'INSTALL_AFTER',
      'JOB_NAMESPACE',
      'WATCH_NAMESPACE',
      'HTTP_PORT',
      'METRICS_PORT',
      'CRL_FILE',
      'TLS_CA_FILE',
      'FIND_ADDRESS',
    ];
    const people = ['POD_NAME', 'POD_IP', 'NAMESPACE', 'LOG_FILE', 'DB_SECRET', 'MY_SECRET', 'PORT', 'SERVICE_ACCOUNT'];
    for (const variable of [...images, ...clouds, ...words, ...people])
      assert.deepEqual(misspelt({ [variable]: 'x' }), []);
  });

  test('nor does Kubernetes mean a setting when it names the Services of a namespace', () => {
    const service = {
      HEALTHY_SERVICE_HOST: '10.0.0.1',
      HEALTHY_SERVICE_PORT: '80',
      HEALTHY_PORT: 'tcp://10.0.0.1:80',
      HEALTHY_PORT_80_TCP: 'tcp://10.0.0.1:80',
      HEALTHY_PORT_80_TCP_PROTO: 'tcp',
      HEALTHY_PORT_80_TCP_PORT: '80',
      HEALTHY_PORT_80_TCP_ADDR: '10.0.0.1',
      WEB_HOOK_SERVICE_HOST: '10.0.0.2',
      WEB_HOOK_PORT: 'tcp://10.0.0.2:443',
      LOG_SERVICE_HOST: '10.0.0.3',
      LOG_SERVICE_PORT: '24224',
      KUBERNETES_SERVICE_HOST: '10.0.0.4',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      KUBERNETES_PORT_443_TCP: 'tcp://10.0.0.4:443',
    };
    assert.deepEqual(misspelt(service), []);
    assert.deepEqual(misspelt({ HEALTHY_PORT: '80' }), [{ variable: 'HEALTHY_PORT', meant: 'HEALTH_PORT' }]);
  });
});
