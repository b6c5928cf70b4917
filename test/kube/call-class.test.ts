import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SELECTORS_MAX } from '../../src/config/profiles/chosen-profiles.ts';
import { classOf, SHARES } from '../../src/kube/call-class.ts';
import { createTracking, TRACKING_TYPES } from '../../src/policy/tracking/index.ts';
import { aCache } from '../support/cache.ts';

const TRACKER = '/apis/couchbase.com/v2/namespaces/db/couchbaseclusters/cb';
const REGISTRATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';

describe('classOf', () => {
  for (const [method, path, expected, query] of [
    ['GET', '/api/v1/pods', 'watch', { limit: 500 }],
    ['GET', '/api/v1/nodes', 'watch', { watch: true }],
    ['GET', REGISTRATIONS, 'watch', { watch: true, fieldSelector: 'metadata.name=x' }],
    ['GET', '/api/v1/namespaces/db/pods/a', 'read'],
    ['GET', '/api/v1/nodes/a', 'read'],
    // An answer about an entry of another installation needs it.
    ['GET', `${REGISTRATIONS}/x`, 'read'],
    ['GET', TRACKER, 'tracker'],
    ['GET', '/api/v1/namespaces/db', 'tracker'],
    ['GET', '/apis', 'tracker'],
    ['GET', '/apis/couchbase.com/v2', 'tracker'],
    ['PATCH', '/api/v1/namespaces/db/pods/a', 'write', { fieldManager: 'reschedule-hook' }],
    ['PATCH', TRACKER, 'write'],
    ['PATCH', '/api/v1/namespaces/db', 'write'],
    ['POST', '/api/v1/namespaces/db/events', 'other'],
    ['POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', 'other'],
    ['GET', '/api/v1/namespaces/x/secrets/y', 'other'],
    ['PUT', '/api/v1/namespaces/x/secrets/y', 'other'],
    // While it is empty protected pods go, and Events can hang behind somebody's webhook.
    ['PATCH', `${REGISTRATIONS}/x`, 'read'],
  ] as const) {
    test(`${method} ${path} ${JSON.stringify(query ?? {})}: ${expected}`, () => {
      assert.equal(classOf({ method, path, ...(query && { query }) }), expected);
    });
  }
});

test('everything that is watched at once has a connection, and so has a list in between', () => {
  const home = { namespace: 'hooks', installation: 'hook' };
  const tracking = createTracking({ type: 'configmap', also: TRACKING_TYPES }, home);
  const kinds = aCache({ tracking })
    .freshness()
    .map(({ kind }) => kind);
  assert.deepEqual(kinds, ['pods', 'nodes', 'configmaps', 'couchbaseclusters', 'namespaces']);
  // Namespaces twice: as what carries entries, and as what ConfigMaps belong to.
  const others = kinds.length;
  const [registration, list] = [1, 1];
  assert.ok(SELECTORS_MAX + others + registration + list <= SHARES.watch.connections);
});
