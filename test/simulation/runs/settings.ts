import type { Requirement, Selector } from '../../../src/policy/model.ts';
import type { PolicySettings, Profile } from '../../../src/policy/profiles/profile.ts';
import { configMapTracking } from '../../../src/policy/tracking/configmap.ts';
import { couchbaseCluster } from '../../../src/policy/tracking/couchbasecluster.ts';
import { NO_TRACKING, type Tracking } from '../../../src/policy/tracking/index.ts';
import { namespaceTracking } from '../../../src/policy/tracking/namespace.ts';
import { COUCHBASE, type Family, type ProfileSet, REQUIRED, REST, SHARD, type SimProfile } from '../model/families.ts';
import { type Installation, OURS, SECOND, SECOND_LABEL, selectorOf } from '../model/installations.ts';
import { HOME } from '../model/objects.ts';
import { STALL_AFTER_MS } from './profile-sets.ts';
import { DRAIN_CONDITION, RETENTION_MS, type Variant } from './variant.ts';

type Labels = Readonly<Record<string, string>>;

const CONFIG_MAPS = configMapTracking({ namespace: HOME, installation: OURS });

export function settingsOf(variant: Variant, installation: Installation = OURS): PolicySettings {
  return {
    profiles: profilesOf(variant, installation),
    installation,
    drainTaints: ['node.kubernetes.io/unschedulable', 'ToBeDeletedByClusterAutoscaler', 'karpenter.sh/disrupted'],
    drainConditions: [DRAIN_CONDITION],
    replacementCondition: variant.condition,
    markWhen: 'always',
    exemptUsers: [],
    retentionMs: RETENTION_MS,
  };
}

export function trackingOf({ tracking }: Variant): Tracking {
  if (tracking === 'off') return NO_TRACKING;
  return tracking === 'namespace' ? namespaceTracking : couchbaseCluster;
}

/** The profiles as the hook of that installation has them. A second installation has Couchbase's alone. */
export function profilesOf(variant: Variant, installation: Installation = OURS): Profile[] {
  if (installation === SECOND) return [profileOf(variant, COUCHBASE, [selectorOf(variant.second, SECOND)])];
  const own = variant.families.map((family) => profileOf(variant, family, [selectorFor(variant, [family])]));
  if (!variant.catchesAll) return own;
  const all = { ...COUCHBASE, profile: REST };
  return [...own, profileOf(variant, all, [selectorFor(variant, variant.families)])];
}

function profileOf(variant: Variant, { profile, requires }: Family, selectors: readonly Selector[]): Profile {
  const { name, mark, names, withdraws = false, maxConcurrent } = profile;
  return {
    name,
    selectors,
    requires: requires ? [{ key: REQUIRED }] : [],
    conflicts: [],
    mark,
    names,
    tracking: trackingFor(variant, profile),
    stallAfterMs: STALL_AFTER_MS,
    withdraws,
    ...(maxConcurrent === undefined ? {} : { maxConcurrent: { pods: maxConcurrent, by: [SHARD] } }),
  };
}

function selectorFor({ second }: Variant, families: readonly Family[]): Selector {
  const [only] = families;
  if (families.length === 1 && only?.prefix === COUCHBASE.prefix) return selectorOf(second, OURS);
  const apart: readonly Requirement[] = second === 'apart' ? [{ op: 'missing', key: SECOND_LABEL }] : [];
  return [{ op: 'in', key: 'app', values: families.map(({ app }) => app) }, ...apart];
}

function trackingFor(variant: Variant, { tracking }: SimProfile): Profile['tracking'] {
  if (tracking === 'off') return NO_TRACKING;
  return tracking === 'namespace' ? otherTrackingOf(variant) : trackingOf(variant);
}

/** Of each list and watch of pods that an installation has: two profiles may have the same selector. */
export function podSelectorsOf(variant: Variant, installation: Installation): ((labels: Labels) => boolean)[] {
  const all = profilesOf(variant, installation).flatMap(({ selectors }) => selectors);
  const byText = new Map(all.map((selector) => [JSON.stringify(selector), selector]));
  return [...byText.values()].map((selector) => (labels) => selector.every((one) => meets(one, labels)));
}

/** Only the requirements that profiles have here. */
function meets(requirement: Requirement, labels: Labels): boolean {
  const value = labels[requirement.key];
  if (requirement.op === 'in') return value !== undefined && requirement.values.includes(value);
  return (value === undefined) === (requirement.op === 'missing');
}

/** Where the entries of the profiles are that are made up. */
export function otherTrackingOf({ usesConfigMap }: Pick<ProfileSet, 'usesConfigMap'>): Tracking {
  return usesConfigMap ? CONFIG_MAPS : namespaceTracking;
}

/** Whether a Namespace or a ConfigMap carries entries, and is not the tracker of the variant. */
export function hasOtherTracker(variant: Variant): boolean {
  const { tracking, families, catchesAll, usesConfigMap } = variant;
  const isUsed = catchesAll || families.some(({ profile }) => profile.tracking === 'namespace');
  return isUsed && (usesConfigMap || tracking !== 'namespace');
}

/** Whether the tracker of the variant is that of some profile. */
export function usesTracker({ families, usesConfigMap }: ProfileSet): boolean {
  return families.includes(COUCHBASE) || !usesConfigMap;
}
