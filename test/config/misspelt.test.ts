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
    ['EXEMPT_USRES', 'EXEMPT_USERS'],
    ['POD_LABEL_SELECTR_KEY', 'POD_LABEL_SELECTOR_KEY'],
    ['REPLACMENT_CONDITON', 'REPLACEMENT_CONDITION'],
    ['TRACK_RESHEDULED_PODS', 'TRACK_RESCHEDULED_PODS'],
    ['HEALT_PORT', 'HEALTH_PORT'],
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
    const people = ['POD_NAME', 'POD_IP', 'NAMESPACE', 'LOG_FILE', 'DB_SECRET', 'MY_SECRET', 'PORT', 'SERVICE_ACCOUNT'];
    for (const variable of [...images, ...clouds, ...people]) assert.deepEqual(misspelt({ [variable]: 'x' }), []);
  });

  test('nor does Kubernetes mean a setting when it names the Services of a namespace', () => {
    const service = {
      HEALTHY_SERVICE_HOST: '10.0.0.1',
      HEALTHY_SERVICE_PORT: '80',
      HEALTHY_PORT: 'tcp://10.0.0.1:80',
      HEALTHY_PORT_80_TCP: 'tcp://10.0.0.1:80',
      HEALTHY_PORT_80_TCP_PROTO: 'tcp',
    };
    assert.deepEqual(misspelt(service), []);
    assert.deepEqual(misspelt({ HEALTHY_PORT: '80' }), [{ variable: 'HEALTHY_PORT', meant: 'HEALTH_PORT' }]);
  });
});
