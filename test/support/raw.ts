import type { JsonObject } from '../../src/kube/client.ts';

export const RESCHEDULE = 'cao.couchbase.com/reschedule';

interface RawOverrides {
  readonly metadata?: Record<string, unknown>;
  readonly spec?: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
}

/** The raw object of the builders' `aPod()`. */
export function aRawPod({ metadata, spec, status }: RawOverrides = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: 'db',
      name: 'cb-0000',
      uid: 'uid-a',
      resourceVersion: '100',
      labels: { app: 'couchbase', couchbase_cluster: 'cb' },
      ownerReferences: [{ apiVersion: 'couchbase.com/v2', kind: 'CouchbaseCluster', name: 'cb', controller: true }],
      ...metadata,
    },
    spec: { nodeName: 'node-1', ...spec },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], ...status },
  };
}

export function aRawNode({ metadata, spec, status }: RawOverrides = {}): JsonObject {
  const identity = { name: 'node-1', uid: 'uid-node-1', resourceVersion: '50' };
  return { apiVersion: 'v1', kind: 'Node', metadata: { ...identity, ...metadata }, spec, status };
}

/** A CouchbaseCluster whose operator reuses names. */
export function aRawCluster({ metadata, spec }: RawOverrides = {}): JsonObject {
  return {
    apiVersion: 'couchbase.com/v2',
    kind: 'CouchbaseCluster',
    metadata: { namespace: 'db', name: 'cb', uid: 'uid-cluster', resourceVersion: '70', ...metadata },
    spec: { upgradeProcess: 'InPlaceUpgrade', ...spec },
  };
}

/** The managed fields of a pod that `manager` marked. */
export const markedBy = (manager: string, time: string, annotation = RESCHEDULE) => [
  { manager: 'kubelet', time: '2026-01-01T00:00:00Z', fieldsV1: { 'f:status': {} } },
  { manager, time, fieldsV1: { 'f:metadata': { 'f:annotations': { [`f:${annotation}`]: {} } } } },
];
