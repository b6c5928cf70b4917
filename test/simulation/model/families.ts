import type { MarkOfProfile } from '../../../src/policy/profiles/mark.ts';
import type { Names } from '../../../src/policy/profiles/profile.ts';
import { RESCHEDULE } from '../../support/raw.ts';

/** What the hook is told of one operator, as far as the simulation needs it. */
export interface SimProfile {
  readonly name: string;
  readonly mark: MarkOfProfile;
  readonly names: Names;
  /** Where its entries are: on the tracker of the variant, on the Namespace, or nowhere. */
  readonly tracking: 'variant' | 'namespace' | 'off';
  readonly withdraws?: boolean;
  /** How many of a group may be under way. */
  readonly maxConcurrent?: number;
}

/**
 * How an operator moves marked pods. `any`: in place or by a swap, as it likes. `swaps`: the new pod comes first, under a new
 * name. `renames`: the old pod goes first, and the next one has a new name. `either`: that, or in place.
 */
export type Moves = 'any' | 'inPlace' | 'renames' | 'either' | 'swaps';

/** The pods of one operator, and how that moves them. */
export interface Family {
  /** Its pods are called so, with a number. */
  readonly prefix: string;
  readonly app: string;
  readonly profile: SimProfile;
  /** Whether the profile requires an annotation, which every third pod lacks. */
  readonly requires: boolean;
  readonly moves: Moves;
  /** Whether it deletes pods with their grace. */
  readonly isGraceful: boolean;
  /** Whether it moves one pod at a time, and none while another one is not in place. If not, it takes every marked pod. */
  readonly isSerial: boolean;
  /** In how many groups its pods are. */
  readonly shards: number;
}

/** The profiles of a run, and the pods of their operators. */
export interface ProfileSet {
  readonly families: readonly Family[];
  /** Whether a last profile selects all their pods, too. It gets those that no other one takes. */
  readonly catchesAll: boolean;
  /** Whether their entries are in a ConfigMap of the hook, and not on the Namespace. */
  readonly usesConfigMap: boolean;
}

export const COUCHBASE: Family = {
  prefix: 'cb',
  app: 'couchbase',
  profile: {
    name: 'couchbase',
    mark: { key: RESCHEDULE, value: 'true', match: 'exact' },
    names: 'byTracker',
    tracking: 'variant',
  },
  requires: false,
  moves: 'any',
  isGraceful: false,
  isSerial: false,
  shards: 1,
};

/** The profile that comes last. */
export const REST: SimProfile = {
  name: 'rest',
  mark: { key: 'example.com/rest', value: 'go', match: 'exact' },
  names: 'either',
  tracking: 'namespace',
};

/** What a family may require of its pods. */
export const REQUIRED = 'example.com/managed';
/** The label that makes groups. */
export const SHARD = 'example.com/shard';

export const ordinalIn = (name: string) => Number(/^[a-z]+-(\d+)/.exec(name)?.[1] ?? 0);

/** Whether the pod of that name carries what its profile requires. */
export const isCarrying = (name: string) => ordinalIn(name) % 3 !== 1;

export function shardOf({ shards }: Family, name: string): string {
  return `${ordinalIn(name) % shards}`;
}

export function familyOf({ families }: Pick<ProfileSet, 'families'>, name: string): Family | undefined {
  return families.find(({ prefix }) => name.startsWith(`${prefix}-`));
}

/** The first profile that selects the member of that name, by what is known of the names. */
export function profileFor(
  { families, catchesAll }: Omit<ProfileSet, 'usesConfigMap'>,
  name: string,
): SimProfile | undefined {
  const family = familyOf({ families }, name);
  if (family === undefined) return undefined;
  if (!family.requires || isCarrying(name)) return family.profile;
  return catchesAll ? REST : undefined;
}

interface Marked {
  readonly name: string;
  readonly uid: string;
  readonly node?: string | undefined;
}

/** The value of the mark that the pod gets, without `{now}`; deliberately without the product's own code. */
export function valueFor({ mark }: SimProfile, app: string, { name, uid, node = '' }: Marked): string {
  return mark.value
    .replace('{uid}', uid)
    .replace('{node}', node)
    .replace('{ordinal}', /-(\d+)$/.exec(name)?.[1] ?? '')
    .replace('{label:app}', app);
}

/** Whether a pod with that value is marked. */
export function isMarkValue(profile: SimProfile, app: string, value: string, pod: Marked): boolean {
  return profile.mark.match === 'present' || value === valueFor(profile, app, pod);
}
