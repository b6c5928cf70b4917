import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { namespaceOf, resourceOf } from '../../src/kube/paths.ts';

describe('resourceOf', () => {
  for (const [path, expected] of [
    ['/api/v1/pods', 'pods'],
    ['/api/v1/namespaces/db/pods/cb-0000', 'pods'],
    ['/api/v1/nodes/node-1', 'nodes'],
    ['/api/v1/namespaces/db/events', 'events'],
    ['/api/v1/namespaces', 'namespaces'],
    ['/api/v1/namespaces/db', 'namespaces'],
    ['/apis/couchbase.com/v2/couchbaseclusters', 'couchbaseclusters'],
    ['/apis/couchbase.com/v2/namespaces/db/couchbaseclusters/cb', 'couchbaseclusters'],
    ['/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', 'selfsubjectaccessreviews'],
    ['/apis', 'discovery'],
    ['/apis/couchbase.com/v2', 'discovery'],
    ['/api/v1', 'discovery'],
  ] as const) {
    test(path, () => assert.equal(resourceOf(path), expected));
  }
});

describe('namespaceOf', () => {
  for (const [path, expected] of [
    ['/api/v1/namespaces/db/pods/cb-0000', 'db'],
    ['/api/v1/namespaces/db', 'db'],
    ['/apis/couchbase.com/v2/namespaces/db/couchbaseclusters/cb', 'db'],
    ['/api/v1/nodes/namespaces', ''],
    ['/api/v1/pods', ''],
    ['/apis', ''],
  ] as const) {
    test(`${path}: ${expected}`, () => assert.equal(namespaceOf(path), expected));
  }
});
