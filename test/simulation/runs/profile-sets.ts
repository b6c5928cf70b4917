import { COUCHBASE, type Family, type Moves, type ProfileSet, type SimProfile } from '../model/families.ts';
import type { Random } from './random.ts';

/** How long the operator of any profile has. */
export const STALL_AFTER_MS = 15 * 60_000;

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
