import type { Decision } from '../../src/policy/decision.ts';
import type { DrainFacts, ProtectedPod } from '../../src/preflight/forecast/facts.ts';
import type { Finding } from '../../src/preflight/forecast/findings.ts';
import { forecastPods } from '../../src/preflight/forecast/forecast.ts';
import type {
  NodeObject,
  ObjectMeta,
  PodObject,
  PodSpec,
  SchedulingWorld,
} from '../../src/preflight/scheduling/objects.ts';
import { aPod, aTracker, NOW, PROFILE } from '../support/builders.ts';

export const MARKED: Decision = {
  kind: 'mark',
  rule: '9',
  profile: 'couchbase',
  reason: 'Marked',
  message: 'Reschedule annotation added to pod',
  pod: aPod(),
  annotation: { key: 'cao.couchbase.com/reschedule', value: 'true' },
  note: {},
};

export const waits = (reason: Decision['reason']): Decision => ({
  kind: 'deny',
  rule: '7',
  reason,
  code: 429,
  message: 'Pod waiting to be rescheduled (so it is)',
});

export function node(name: string, spec: NodeObject['spec'] = {}, cpu = '4', labels = {}): NodeObject {
  const metadata = { name, labels: { 'kubernetes.io/hostname': name, ...labels } };
  return { metadata, spec, status: { allocatable: { cpu, memory: '8Gi', pods: '10' } } };
}

interface PodInShort {
  readonly metadata?: Partial<ObjectMeta>;
  readonly spec?: Partial<PodSpec>;
  readonly status?: PodObject['status'];
}

const OWNER = { apiVersion: 'couchbase.com/v2', kind: 'CouchbaseCluster', name: 'cb', controller: true };

export function object(name: string, { metadata, spec, status }: PodInShort = {}): PodObject {
  return {
    metadata: { namespace: 'db', name, labels: { app: 'couchbase' }, ownerReferences: [OWNER], ...metadata },
    spec: { nodeName: 'node-1', containers: [{ resources: { requests: { cpu: '1' } } }], ...spec },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], ...status },
  };
}

export function member(
  short: PodInShort & Partial<Omit<ProtectedPod, 'object'>> & { readonly name?: string } = {},
): ProtectedPod {
  const { name = 'cb-0000', metadata, spec, status, ...known } = short;
  const raw = object(name, { ...(metadata && { metadata }), ...(spec && { spec }), ...(status && { status }) });
  return {
    object: raw,
    pod: aPod({ name }),
    profile: PROFILE,
    decision: MARKED,
    tracker: aTracker(),
    siblings: 3,
    busyElsewhere: true,
    ...known,
  };
}

interface Case {
  readonly members?: readonly ProtectedPod[];
  readonly others?: readonly PodObject[];
  /** Pods of other nodes. */
  readonly elsewhere?: readonly PodObject[];
  readonly nodes?: readonly NodeObject[];
  readonly budgets?: DrainFacts['budgets'];
  readonly world?: Partial<SchedulingWorld>;
  readonly drained?: readonly string[];
  readonly immovable?: readonly PodObject[];
}

export function factsOf(given: Case): DrainFacts {
  const { members = [], others = [], elsewhere = [], nodes = [node('node-1'), node('node-2')] } = given;
  const pods = [...members.map((one) => one.object), ...others];
  return {
    now: NOW,
    nodes: given.drained ?? ['node-1'],
    pods,
    protectedPods: members,
    immovable: new Set(given.immovable),
    budgets: given.budgets ?? [],
    world: { nodes, pods: [...pods, ...elsewhere], claims: [], volumes: [], namespaces: new Map(), ...given.world },
  };
}

/** `what verdict` of each finding, over all pods. */
export const found = (given: Case): string[] =>
  forecastPods(factsOf(given)).flatMap(({ findings }) =>
    findings.map(({ what, verdict }: Finding) => `${what} ${verdict}`),
  );
