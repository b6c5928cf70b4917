import type { Requirement, Selector } from '../../../src/policy/model.ts';
import type { Profile } from '../../../src/policy/profiles/profile.ts';
import { configMapTracking } from '../../../src/policy/tracking/configmap.ts';
import { NO_TRACKING, type Tracking } from '../../../src/policy/tracking/index.ts';
import { namespaceTracking } from '../../../src/policy/tracking/namespace.ts';
import {
  COUCHBASE,
  type Family,
  type Moves,
  type ProfileSet,
  REQUIRED,
  REST,
  SHARD,
  type SimProfile,
} from '../model/families.ts';
import type { Labels } from '../model/feed.ts';
import { type Installation, OURS, SECOND, SECOND_LABEL, selectorOf } from '../model/installations.ts';
import { HOME } from '../model/objects.ts';
import type { Random } from './random.ts';
import { trackingOf, type Variant } from './variant.ts';

/** How long the operator of any profile has. */
export const STALL_AFTER_MS = 15 * 60_000;

const CONFIG_MAPS = configMapTracking({ namespace: HOME, installation: OURS });

export const COUCHBASE_ALONE: ProfileSet = { families: [COUCHBASE], catchesAll: false, usesConfigMap: false };

/** The values of marks: the same for all pods, or made for each. A `{now}` can only be matched by presence. */
const MARKS: readonly Pick<SimProfile['mark'], 'value' | 'match'>[] = [
  { value: 'true', match: 'exact' },
  { value: '{label:app} {ordinal}', match: 'exact' },
  { value: '{uid}', match: 'exact' },
  { value: 'leave {node}', match: 'exact' },
  { value: 'true', match: 'present' },
  { value: '{now}', match: 'present' },
];
const NAMES: Readonly<Record<Moves, SimProfile['names']>> = {
  any: 'either',
  inPlace: 'reused',
  renames: 'new',
  either: 'either',
  swaps: 'new',
};
const MOVES = ['inPlace', 'inPlace', 'renames', 'either', 'swaps', 'any'] as const;
const SWAPPING: readonly Moves[] = ['swaps', 'any'];
const OTHERS = [
  { prefix: 'kf', app: 'kafka' },
  { prefix: 'ti', app: 'tikv' },
  { prefix: 'es', app: 'search' },
] as const;

/** The profiles of a run, in the order of their precedence. In a third of the runs it is Couchbase's alone. */
export function profileSetOf(random: Random): ProfileSet {
  if (random.below(3) === 0) return COUCHBASE_ALONE;
  const count = 1 + random.below(2);
  const first = random.below(OTHERS.length);
  const others = Array.from({ length: count }, (_, i) =>
    aFamily(OTHERS[(first + i) % OTHERS.length] ?? OTHERS[0], random),
  );
  const families = random.below(3) === 0 ? others.map(tracked) : [...others, COUCHBASE];
  // Couchbase may come first, too.
  return {
    families: random.below(2) === 0 ? families : families.toReversed(),
    catchesAll: random.below(3) === 0,
    usesConfigMap: random.below(3) === 0,
  };
}

/** The tracker of a run has somebody who uses it. */
const tracked = (family: Family): Family => ({ ...family, profile: { ...family.profile, tracking: 'namespace' } });

/** A profile, and an operator that fits it. One that limits how many are under way is for an operator that does not. */
function aFamily({ prefix, app }: (typeof OTHERS)[number], random: Random): Family {
  const moves = random.pick(MOVES);
  const isLimited = random.below(2) === 0;
  const withdraws = !SWAPPING.includes(moves) && random.below(2) === 0;
  const mark = { key: `example.com/move-${prefix}`, ...random.pick(MARKS) };
  const tracking = !isLimited && random.below(5) === 0 ? 'off' : 'namespace';
  const limit = { maxConcurrent: 1 + (random.below(4) === 0 ? 1 : 0) };
  const shards = 1 + random.below(2);
  return {
    prefix,
    app,
    profile: { name: app, mark, names: NAMES[moves], tracking, withdraws, ...(isLimited ? limit : {}) },
    requires: random.below(3) === 0 && moves === 'inPlace',
    moves,
    isGraceful: random.below(2) === 0,
    isSerial: !isLimited && random.below(2) === 0,
    shards: moves === 'inPlace' ? shards : 1,
  };
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
