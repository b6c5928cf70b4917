import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COUCHBASE, type Family, familyOf, profileFor, REST } from './model/families.ts';
import { profileSetOf } from './runs/profile-sets.ts';
import { Random } from './runs/random.ts';

const SETS = Array.from({ length: 300 }, (_, seed) => profileSetOf(new Random(seed)));
const MADE_UP = SETS.flatMap(({ families }) => families).filter((family) => family !== COUCHBASE);
const drawn = <T>(what: (family: Family) => T) => [...new Set(MADE_UP.map(what))].sort();

describe('the profiles of a run', () => {
  test('of every aspect each kind is drawn', () => {
    assert.deepEqual(
      drawn(({ profile }) => profile.mark.match),
      ['exact', 'present'],
    );
    assert.deepEqual(
      drawn(({ profile }) => profile.mark.value),
      ['leave {node}', 'true', '{label:app} {ordinal}', '{now}', '{uid}'],
    );
    assert.deepEqual(
      drawn(({ profile }) => profile.names),
      ['either', 'new', 'reused'],
    );
    assert.deepEqual(
      drawn(({ profile: { maxConcurrent } }) => maxConcurrent),
      [1, 2, undefined],
    );
    assert.deepEqual(
      drawn(({ profile }) => profile.tracking),
      ['namespace', 'off'],
    );
    for (const is of [
      ({ profile }: Family) => profile.withdraws,
      ({ requires }: Family) => requires,
      ({ isGraceful }: Family) => isGraceful,
      ({ isSerial }: Family) => isSerial,
    ]) {
      assert.deepEqual(drawn(is), [false, true]);
    }
    assert.deepEqual([...new Set(SETS.map(({ families }) => families.length))].sort(), [1, 2, 3]);
    assert.ok(SETS.some(({ families }) => !families.includes(COUCHBASE)));
  });

  test('an operator fits its profile', () => {
    const limited = MADE_UP.filter(({ profile }) => profile.maxConcurrent !== undefined);
    // It would serialise the moves itself.
    assert.ok(limited.every(({ isSerial }) => !isSerial));
    // The entries of a group are its lock.
    assert.ok(limited.every(({ profile }) => profile.tracking === 'namespace'));
    // It would have begun before anything shows on the pod.
    assert.ok(MADE_UP.every(({ profile, moves }) => !profile.withdraws || !['swaps', 'any'].includes(moves)));
  });

  test('a pod is of the first profile that selects it', () => {
    const set = SETS.find(({ families, catchesAll }) => catchesAll && families.some(({ requires }) => requires));
    const family = set?.families.find(({ requires }) => requires);
    if (set === undefined || family === undefined) throw new assert.AssertionError({ message: 'none was drawn' });
    const [carrying, lacking] = [`${family.prefix}-0`, `${family.prefix}-1`];
    assert.equal(profileFor(set, carrying), family.profile);
    assert.equal(profileFor(set, lacking), REST);
    assert.equal(profileFor({ ...set, catchesAll: false }, lacking), undefined);
    assert.equal(familyOf(set, 'web-0'), undefined);
  });
});
