import type { PolicySettings } from '../../../src/policy/profiles/profile.ts';
import { COUCHBASE, type Family, type ProfileSet, profileFor } from '../model/families.ts';
import type { Second } from '../model/installations.ts';
import { profileSetOf } from './profile-sets.ts';
import type { Random } from './random.ts';

const MINUTE = 60_000;

/** A node condition that means a drain. */
export const DRAIN_CONDITION = 'DrainInProgress';

/**
 * The configuration of the hook and its environment. `inPlace` and `upgradePath`: a cluster whose operator reuses
 * names, by the older or the newer field of its spec. `missing`: tracking is on, and the tracker does not exist.
 */
export type Tracking = 'inPlace' | 'upgradePath' | 'namespace' | 'swap' | 'missing' | 'off';

export interface Variant extends ProfileSet {
  readonly tracking: Tracking;
  readonly condition: PolicySettings['replacementCondition'];
  /** Pod names so long that the key of an entry must be cut. */
  readonly longNames: boolean;
  readonly replicas: number;
  /** Whether a pod returns to the node of the last pod of its name, if possible. With a local volume it must. */
  readonly keepsNodes: boolean;
  /** Whether a member can run on its first node only, as with a local volume: elsewhere it is never scheduled. */
  readonly pinsPods: boolean;
  /** Whether failed pods stay at the end, until somebody evicts them. */
  readonly leavesCorpses: boolean;
  /** The grace period of every pod. */
  readonly graceSeconds: number;
  readonly drainers: readonly DrainerKind[];
  /** How far the clock of the first replica is ahead of the API server's; the others are in time. */
  readonly aheadMs: number;
  /** Whether pods tolerate the cordon: in the end they are put back on the node that they had to leave. */
  readonly toleratesCordon: boolean;
  /** Whether a tenant makes up entries, and removes those of the hook. */
  readonly forges: boolean;
  /** Whether there is a second installation of the hook, on the same tracker. */
  readonly second: Second;
  /** Whether somebody takes every mark of the hook away for a while in the end: before the operator acts, or every 5 minutes. */
  readonly stripsMarks: 'never' | 'at once' | 'later';
  /** Whether somebody else marks pods, too. In the end the operator leaves these marks alone for a while. */
  readonly marksByHand: boolean;
  /** Whether whole classes of calls hang now and then. Named: this class also hangs until every drain has ended. */
  readonly hangs: 'never' | 'now and then' | 'watch' | 'tracker' | 'other';
}

/** The behaviour of a drainer, as far as it matters to the hook. The scheduler decides its pace. */
export interface DrainerKind {
  readonly name: string;
  readonly marksBy: 'cordon' | 'nothing' | string;
  readonly namesUid: boolean;
  /** Whether it lists the node again and again, and so requests the pods that are there now. */
  readonly relists: boolean;
  /** Whether it retries errors other than 429. If not, it gives up the pod. */
  readonly retriesErrors: boolean;
  /** It tries each pod once, and does not wait. */
  readonly asksOnce: boolean;
  readonly dryRun: boolean;
  readonly graceSeconds?: number;
}

const PATIENT = { namesUid: false, relists: false, retriesErrors: true, asksOnce: false, dryRun: false };

export const DRAINERS = {
  kubectl: { ...PATIENT, name: 'kubectl', marksBy: 'cordon', retriesErrors: false },
  clusterApi: { ...PATIENT, name: 'cluster-api', marksBy: 'cordon' },
  windows: { ...PATIENT, name: 'windows', marksBy: 'cordon', relists: true },
  karpenter: { ...PATIENT, name: 'karpenter', marksBy: 'karpenter.sh/disrupted', namesUid: true, relists: true },
  hasty: { ...PATIENT, name: 'hasty', marksBy: 'cordon', namesUid: true, relists: true, graceSeconds: 0 },
  /** It gives less grace than the pods have. */
  brisk: { ...PATIENT, name: 'brisk', marksBy: 'cordon', namesUid: true, relists: true, graceSeconds: 5 },
  curt: { ...PATIENT, name: 'curt', marksBy: 'cordon', graceSeconds: 5 },
  autoscaler: { ...PATIENT, name: 'autoscaler', marksBy: 'ToBeDeletedByClusterAutoscaler' },
  descheduler: { ...PATIENT, name: 'descheduler', marksBy: 'nothing', asksOnce: true },
  dryRun: { ...PATIENT, name: 'dry-run', marksBy: 'nothing', asksOnce: true, dryRun: true },
} as const satisfies Record<string, DrainerKind>;

const AHEAD_MS = [0, 0, 6 * MINUTE, 120 * MINUTE, -400 * 24 * 60 * MINUTE];
const HANGS = ['never', 'never', 'never', 'never', 'now and then', 'watch', 'tracker', 'other'] as const;
const SECONDS = ['none', 'none', 'none', 'none', 'none', 'apart', 'overlapping', 'overlapping'] as const;
const STRIPS = ['at once', 'later', ...Array.from({ length: 10 }, () => 'never' as const)] as const;
const TRACKINGS: readonly Tracking[] = ['inPlace', 'inPlace', 'upgradePath', 'namespace', 'swap', 'missing', 'off'];
const MOSTLY: readonly DrainerKind[] = [DRAINERS.kubectl, ...Object.values(DRAINERS)];

/** The variant of a seed. `clocks` and `sets` are other streams of chance, so that seeds go on to find what they have found. */
export function variantOf(random: Random, clocks: Random, sets: Random): Variant {
  const surroundings = {
    aheadMs: clocks.pick(AHEAD_MS),
    toleratesCordon: clocks.below(6) === 0,
    hangs: clocks.pick(HANGS),
    forges: clocks.below(4) === 0,
    second: clocks.pick(SECONDS),
  };
  const pinsPods = clocks.below(5) === 0 && !surroundings.toleratesCordon;
  const endsOnLeft = clocks.below(6) === 0;
  const interference = { stripsMarks: clocks.pick(STRIPS), marksByHand: clocks.below(6) === 0 };
  const saysByCondition = clocks.below(2) === 0;
  const condition = (): Variant['condition'] => (random.below(3) === 0 ? 'ready' : 'scheduled');
  const variant = {
    ...surroundings,
    pinsPods,
    ...interference,
    ...profileSetOf(sets),
    tracking: random.pick(TRACKINGS),
    condition: condition(),
    longNames: random.below(8) === 0,
    replicas: 1 + random.below(3),
    keepsNodes: random.below(2) === 0,
    leavesCorpses: random.below(2) === 0,
    graceSeconds: random.pick([0, 30, 30, 3_600, 3_600]),
    drainers: Array.from({ length: 1 + random.below(3) }, () => random.pick(MOSTLY)),
  };
  const drawn = saysByCondition ? { ...variant, drainers: variant.drainers.map(sayingByCondition) } : variant;
  return endsOnLeft ? { ...drawn, condition: 'left' } : drawn;
}

/** The same drainer, if it taints nodes, with a condition of the node in the place of its taint. */
function sayingByCondition(drainer: DrainerKind): DrainerKind {
  if (drainer.marksBy === 'cordon' || drainer.marksBy === 'nothing') return drainer;
  return { ...drainer, name: `${drainer.name} by a condition`, marksBy: DRAIN_CONDITION };
}

/** Without pods of Couchbase nobody uses the tracker of a CouchbaseCluster. */
export function withFittingTracker(variant: Variant): Variant {
  return variant.families.includes(COUCHBASE) ? variant : { ...variant, tracking: 'namespace' };
}

export const RETENTION_MS = 15 * MINUTE;

/** Whether the operator of that member may use its name again, as far as the hook is told and can remember. */
export function comesBack(variant: Variant, name: string): boolean {
  const profile = profileFor(variant, name);
  if (profile === undefined || profile.tracking === 'off') return false;
  const { tracking } = variant;
  if (profile.names === 'byTracker') return ['inPlace', 'upgradePath', 'namespace'].includes(tracking);
  return profile.names !== 'new';
}

/** Whether the hook must write an entry for a mark of that member. */
export function wantsEntry(variant: Variant, name: string): boolean {
  return comesBack(variant, name) || profileFor(variant, name)?.maxConcurrent !== undefined;
}

/** When the tracker of that member was created; undefined if there is none. */
export function trackedSince(variant: Variant, name: string, trackerSince: number | undefined): number | undefined {
  return profileFor(variant, name)?.tracking === 'namespace' ? -1 : trackerSince;
}

export function describeVariant(variant: Variant): string {
  const { tracking, condition, replicas, drainers, families } = variant;
  const sets = families.map(describeFamily).join('; ');
  const notable: readonly (readonly [boolean, string])[] = [
    [variant.longNames, 'long names'],
    [variant.graceSeconds !== 30, `grace of ${variant.graceSeconds} s`],
    [variant.leavesCorpses, 'corpses are left'],
    [variant.aheadMs !== 0, `r0 is ${variant.aheadMs / MINUTE} minutes ahead`],
    [variant.toleratesCordon, 'pods tolerate the cordon'],
    [variant.forges, 'a tenant makes up entries'],
    [variant.second !== 'none', `a second hook, ${variant.second}`],
    [variant.hangs !== 'never', `calls hang: ${variant.hangs}`],
    [variant.stripsMarks !== 'never', `marks are taken away ${variant.stripsMarks}`],
    [variant.marksByHand, 'somebody else marks, too'],
    [variant.pinsPods, 'pods are pinned'],
    [variant.keepsNodes, 'pods go back to their nodes'],
    [variant.usesConfigMap, 'entries in a ConfigMap'],
    [variant.catchesAll, 'the last profile selects all'],
  ];
  const more = notable.filter(([holds]) => holds).map(([, text]) => text);
  const what = [`tracking ${tracking}`, condition, `${replicas} replicas`, ...more].join(', ');
  return `${what}; drainers ${drainers.map(({ name }) => name).join(', ')}; profiles ${sets}`;
}

function describeFamily({ prefix, profile, requires, moves, isGraceful, isSerial, shards }: Family): string {
  if (prefix === COUCHBASE.prefix) return profile.name;
  const { mark, maxConcurrent, withdraws, tracking } = profile;
  const notable: readonly (readonly [boolean | undefined, string])[] = [
    [requires, 'requires an annotation'],
    [withdraws, 'withdraws'],
    [maxConcurrent !== undefined, `${maxConcurrent} at once of ${shards} groups`],
    [isSerial, 'one at a time'],
    [isGraceful, 'with grace'],
    [tracking === 'off', 'untracked'],
  ];
  const more = notable.filter(([holds]) => holds).map(([, text]) => text);
  return [`${prefix} ${moves}`, `${mark.value} ${mark.match}`, ...more].join(', ');
}
