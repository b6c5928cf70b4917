import { entryKey } from '../../src/policy/entry.ts';
import type { Entry, EvictionRequest, Namespace, Node, Pod, Resource, Tracker } from '../../src/policy/model.ts';
import {
  type CacheTrouble,
  type MarkRecord,
  NOTHING_SEEN,
  type NodeReturns,
  type Observation,
  type Refusal,
  type Sighting,
  type Source,
  UNREAD,
} from '../../src/policy/observation.ts';
import type { Reported } from '../../src/policy/profiles/hindrance.ts';
import { type PolicySettings, type Profile, profileOf } from '../../src/policy/profiles/profile.ts';
import { couchbaseCluster } from '../../src/policy/tracking/couchbasecluster.ts';

const [COUCHBASE] = couchbaseCluster.resources as readonly [Resource];

/** A fixed instant, so that ages in messages are exact. */
export const NOW = Date.parse('2026-01-01T12:00:00Z');

export const MINUTE = 60_000;

export const PROFILE: Profile = {
  name: 'couchbase',
  selectors: [[{ op: 'in', key: 'app', values: ['couchbase'] }]],
  requires: [],
  conflicts: [],
  mark: { key: 'cao.couchbase.com/reschedule', value: 'true', match: 'exact' },
  names: 'byTracker',
  tracking: couchbaseCluster,
  stallAfterMs: 15 * MINUTE,
};

export const SETTINGS: PolicySettings = {
  profiles: [PROFILE],
  installation: 'reschedule-hook',
  drainTaints: ['node.kubernetes.io/unschedulable', 'karpenter.sh/disrupted', 'aws-node-termination-handler/'],
  drainConditions: ['DrainInProgress'],
  replacementCondition: 'scheduled',
  markWhen: 'always',
  exemptUsers: ['system:serviceaccount:kube-system:exempt'],
  retentionMs: 15 * MINUTE,
};

/** The settings with other properties of all profiles. */
export const settingsWith = (profile: Partial<Profile>, settings: PolicySettings = SETTINGS): PolicySettings => ({
  ...settings,
  profiles: settings.profiles.map((one) => ({ ...one, ...profile })),
});

/** A live, protected, unmarked member on node-1. */
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

/** Removes keys, because `exactOptionalPropertyTypes` does not allow `undefined` as an override. */
export function without<T extends object, K extends keyof T>(object: T, ...keys: K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key as K))) as Omit<T, K>;
}

export const aMark = (ageMs = 200_000) => ({ matches: true, at: NOW - ageMs, by: 'reschedule-hook' });

export function aNode(overrides: Partial<Node> = {}): Node {
  const quiet = { unschedulable: false, taints: [], taintedAt: {}, deleting: false };
  return { name: 'node-1', uid: 'uid-node-1', resourceVersion: '50', ...quiet, ...overrides };
}

export function aTracker(overrides: Partial<Tracker> = {}): Tracker {
  return {
    resource: COUCHBASE,
    namespace: 'db',
    name: 'cb',
    uid: 'uid-cluster',
    resourceVersion: '70',
    reusesNames: true,
    entries: {},
    ...overrides,
  };
}

export function aNamespace(overrides: Partial<Namespace> = {}): Namespace {
  return { name: 'db', uid: 'uid-db', resourceVersion: '10', ...overrides };
}

export function aRequest(overrides: Partial<EvictionRequest> = {}): EvictionRequest {
  return { isEviction: true, namespace: 'db', name: 'cb-0000', username: 'admin', dryRun: false, ...overrides };
}

/** A short form of an observation. */
export interface SeenInShort {
  readonly from?: Source;
  readonly now?: number;
  readonly request?: EvictionRequest;
  readonly pod?: Pod | 'absent';
  readonly node?: Node | 'absent' | 'unread';
  /** `off`: tracking is off. */
  readonly tracker?: Tracker | 'off';
  /** Why the pod has no tracker. */
  readonly trackerMissing?: string;
  /** The entry of the pod on the tracker. */
  readonly entry?: Entry | undefined;
  readonly group?: Sighting<readonly Pod[]>;
  /** `unread` by default. */
  readonly namespace?: Namespace | 'absent';
  readonly registration?: Sighting<string>;
  readonly self?: Sighting<string>;
  readonly target?: Observation['target'];
  readonly budgets?: Observation['budgets'];
  readonly profile?: Profile;
  readonly remembered?: Entry;
  readonly ownMarks?: MarkRecord;
  readonly returnsToNode?: NodeReturns;
  readonly refusal?: Refusal;
  readonly reported?: Reported;
  readonly lastWriter?: string;
  readonly terminatingOrFinishedForMs?: number;
  readonly drainEndedForMs?: number;
  readonly cacheKnowsInstance?: boolean;
  readonly cacheTrouble?: CacheTrouble;
}

/** By default: a live observation of `aPod` on a cordoned node, for a request without a UID. */
export function anObservation(seen: SeenInShort = {}): Observation {
  const { from = 'live', request = aRequest(), pod = aPod(), profile = profileFor(pod), ...others } = seen;
  const {
    node: _node,
    tracker: _tracker,
    trackerMissing: _why,
    entry: _entry,
    namespace: _namespace,
    ...known
  } = others;
  return {
    now: NOW,
    ...NOTHING_SEEN,
    cacheKnowsInstance: true,
    ...known,
    request,
    metadata: sightingOf(pod, from),
    pod: sightingOf(pod, from),
    node: nodeOf(seen, from),
    tracker: trackerOf(seen, request, from),
    namespace: namespaceOf(seen, from),
    ...(profile ? { profile } : {}),
  };
}

const profileFor = (pod: Pod | 'absent') => (pod === 'absent' ? undefined : profileOf(pod, SETTINGS));

export function sightingOf<T>(value: T | 'absent', from: Source): Sighting<T> {
  return value === 'absent' ? { kind: 'absent', from } : { kind: 'present', value: value as T, from };
}

function namespaceOf({ namespace }: SeenInShort, from: Source): Sighting<Namespace> {
  return namespace === undefined ? UNREAD : sightingOf(namespace, from);
}

function nodeOf({ pod, node = aNode({ unschedulable: true }) }: SeenInShort, from: Source): Sighting<Node> {
  const isOnNode = typeof pod !== 'object' || pod.node !== undefined;
  return node === 'unread' || !isOnNode ? UNREAD : sightingOf(node, from);
}

function trackerOf(seen: SeenInShort, request: EvictionRequest, from: Source): Sighting<Tracker> {
  const { tracker = aTracker(), trackerMissing, entry } = seen;
  if (trackerMissing !== undefined) return { kind: 'absent', from, why: trackerMissing };
  if (tracker === 'off') return { kind: 'absent', from: 'live' };
  if (entry === undefined) return sightingOf(tracker, from);
  const at = entry.at === undefined ? {} : { at: new Date(entry.at).toISOString() };
  const entries = {
    [entryKey(request.namespace, request.name)]: JSON.stringify({ ...entry, ...at, hook: entry.installation }),
  };
  return sightingOf({ ...tracker, entries }, from);
}
