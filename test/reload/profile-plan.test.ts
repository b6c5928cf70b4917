import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConfiguredProfile } from '../../src/config/profiles/configured-profile.ts';
import { LEAVING_MS, type ProfilePlan, planProfiles, profilesInForce } from '../../src/reload/profile-plan.ts';
import { aProfile } from './profiles.ts';

/** Names in their order; those that leave have a minus. */
const inForce = (plan: ProfilePlan) =>
  profilesInForce(plan).map(({ name, isLeaving }) => `${name}${isLeaving ? '-' : ''}`);

/** What a row of files, each read at its time, puts in force in the end. */
function after(...files: readonly [at: number, profiles: readonly ConfiguredProfile[]][]): readonly string[] {
  const [[, first], ...others] = files as [(typeof files)[number], ...(typeof files)[number][]];
  const start: ProfilePlan = { written: first, leaving: [] };
  return inForce(others.reduce((plan, [at, profiles]) => planProfiles(plan, profiles, at), start));
}

const [A, B, C] = [aProfile('a'), aProfile('b'), aProfile('c')];
const wide = { ...A, selectors: [...A.selectors, ...B.selectors] };

describe('profiles in force after the file has changed', () => {
  for (const [what, expected, ...files] of [
    ['an addition counts at once', ['a', 'b'], [0, [A]], [1, [A, B]]],
    ['an order is followed at once', ['b', 'a'], [0, [A, B]], [1, [B, A]]],
    ['a removal waits', ['b', 'a-'], [0, [A, B]], [1, [B]]],
    ['a removal waits while the file stays', ['b', 'a-'], [0, [A, B]], [1, [B]], [LEAVING_MS, [B]]],
    ['a removal counts after five minutes', ['b'], [0, [A, B]], [1, [B]], [LEAVING_MS + 1, [B]]],
    ['each removal has its own time', ['c', 'b-'], [0, [A, B, C]], [1, [B, C]], [9, [C]], [LEAVING_MS + 1, [C]]],
    ['a removal is taken back', ['b', 'a'], [0, [A, B]], [1, [B]], [2, [B, A]]],
    [
      'a removal that is done twice waits anew',
      ['b', 'a-'],
      [0, [A, B]],
      [1, [B]],
      [9, [A, B]],
      [10, [B]],
      [LEAVING_MS + 9, [B]],
    ],
    ['another mark counts at once', ['a'], [0, [A]], [1, [{ ...A, mark: { key: 'a', value: 'now', match: 'exact' } }]]],
    ['another name counts at once', ['c'], [0, [A]], [1, [{ ...A, name: 'c' }]]],
    ['another selector waits beside the new one', ['a', 'a-'], [0, [A]], [1, [{ ...B, name: 'a' }]]],
    ['a selector more counts at once', ['a'], [0, [A]], [1, [wide]]],
    ['a selector less waits', ['a', 'a-'], [0, [wide]], [1, [A]]],
    ['another requirement waits', ['a', 'a-'], [0, [A]], [1, [{ ...A, requires: [{ key: 'moves' }] }]]],
  ] as const satisfies readonly (readonly [string, readonly string[], ...[number, readonly ConfiguredProfile[]][]])[]) {
    test(what, () => assert.deepEqual(after(...files), expected));
  }
});
