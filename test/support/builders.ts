import type { Observation } from '../../src/policy/decision.ts';
import type { EvictionRequest, Node, Pod, PolicySettings, Tracker } from '../../src/policy/model.ts';

/** A fixed instant, so that ages in messages are exact. */
export const NOW = Date.parse('2026-01-01T12:00:00Z');

export const MINUTE = 60_000;

export const SETTINGS: PolicySettings = {
  selector: [{ op: 'in', key: 'app', values: ['couchbase'] }],
  annotationValue: 'true',
  drainTaints: ['node.kubernetes.io/unschedulable', 'karpenter.sh/disrupted', 'aws-node-termination-handler/'],
  replacementCondition: 'scheduled',
  exemptUsers: ['system:serviceaccount:kube-system:exempt'],
  stallAfterMs: 15 * MINUTE,
  retentionMs: 15 * MINUTE,
};

/** A live, selected, unmarked member on node-1. */
export function aPod(overrides: Partial<Pod> = {}): Pod {
  return {
    namespace: 'db',
    name: 'cb-0000',
    uid: 'uid-a',
    resourceVersion: '100',
    labels: { app: 'couchbase', couchbase_cluster: 'cb' },
    owner: { apiVersion: 'couchbase.com/v2', kind: 'CouchbaseCluster', name: 'cb' },
    node: 'node-1',
    ready: true,
    ...overrides,
  };
}

/** Without the keys that are named: `exactOptionalPropertyTypes` has no other way to take one out. */
export function without<T extends object, K extends keyof T>(object: T, ...keys: K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key as K))) as Omit<T, K>;
}

export const aMark = (ageMs = 200_000) => ({ value: 'true', at: NOW - ageMs, by: 'reschedule-hook' });

export function aNode(overrides: Partial<Node> = {}): Node {
  return { name: 'node-1', resourceVersion: '50', unschedulable: false, taints: [], deleting: false, ...overrides };
}

export function aTracker(overrides: Partial<Tracker> = {}): Tracker {
  return {
    kind: 'couchbasecluster',
    namespace: 'db',
    name: 'cb',
    uid: 'uid-cluster',
    resourceVersion: '70',
    reusesNames: true,
    entries: {},
    ...overrides,
  };
}

export function aRequest(overrides: Partial<EvictionRequest> = {}): EvictionRequest {
  return { isEviction: true, namespace: 'db', name: 'cb-0000', username: 'admin', dryRun: false, ...overrides };
}

/** A live observation of `aPod` on a cordoned node, asked for by name. */
export function anObservation(overrides: Partial<Observation> = {}): Observation {
  return {
    evidence: 'live',
    now: NOW,
    request: aRequest(),
    pod: aPod(),
    node: aNode({ unschedulable: true }),
    tracker: aTracker(),
    cacheKnowsInstance: true,
    isCacheStale: false,
    ...overrides,
  };
}
