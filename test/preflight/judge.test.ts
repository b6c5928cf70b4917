import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Batch } from './judge/batch.ts';
import type { Verdict } from './judge/drain.ts';
import { BLOCKS, HINDRANCES, LIMITS, NODE_CPU, type Recipe, recipes } from './judge/recipe.ts';
import { tableOf } from './judge/table.ts';

const SEEDS = Array.from({ length: 20 }, (_, i) => i);

describe('200 random clusters, whatever the seed', () => {
  const countOf = (all: readonly Recipe[], isOne: (recipe: Recipe) => boolean) => all.filter(isOne).length;

  test('half of them have a hindrance, and each is in ten', () => {
    for (const seed of SEEDS) {
      const all = recipes(200, seed);
      assert.equal(
        countOf(all, ({ hindrance }) => hindrance !== undefined),
        100,
      );
      for (const one of HINDRANCES.filter((name) => name !== 'group-busy' && name !== 'only-member')) {
        assert.equal(
          countOf(all, ({ hindrance }) => hindrance === one),
          10,
          one,
        );
      }
    }
  });

  test('a quarter of them is near a limit, and each limit is in seven', () => {
    const all = recipes(200, 17);
    assert.equal(
      countOf(all, ({ limit }) => limit !== undefined),
      50,
    );
    for (const one of LIMITS) assert.ok(countOf(all, ({ limit }) => limit === one) >= 7, one);
  });

  test('everything that keeps a replacement off a node is in them', () => {
    const blocks = new Set(recipes(200, 17).flatMap(({ others }) => others.map(({ block }) => block)));
    assert.deepEqual(
      BLOCKS.filter((block) => !blocks.has(block)),
      [],
    );
  });

  test('what stands on a node has room there', () => {
    for (const recipe of SEEDS.flatMap((seed) => recipes(200, seed))) {
      assert.ok(mostOnFirst(recipe) <= NODE_CPU, JSON.stringify(recipe));
      const isPossible = recipe.others.every(({ takenCpu }) => 0 <= takenCpu && takenCpu <= NODE_CPU);
      assert.ok(isPossible, JSON.stringify(recipe));
    }
  });

  test('one that is judged alone is the same as among the others', () => {
    assert.deepEqual(recipes(40, 17), recipes(200, 17).slice(0, 40));
  });
});

/** Also of another node, if members may be there from the beginning. */
function mostOnFirst({ members, memberCpu, others, heavyCpu = 0, decoys, limit = 'cpu' }: Recipe): number {
  const rivalCpu = decoys.includes('rival') ? 400 : 0;
  const mayBeElsewhere = ['cordon', 'apart', 'spread'].includes(limit);
  const takenCpu = mayBeElsewhere ? Math.max(0, ...others.map((other) => other.takenCpu)) : 0;
  return members * memberCpu + rivalCpu + heavyCpu + takenCpu;
}

describe('a batch', () => {
  test('goes on without a cluster that cannot be made, and says why', async () => {
    const [first, second, third] = recipes(3, 17) as [Recipe, Recipe, Recipe];
    const batch = new Batch([first, second, third]);
    await batch.each('prepared', async (recipe) => {
      if (recipe === second) throw new Error('no room');
    });
    const names = await batch.each('drained', async ({ name }) => name);
    assert.deepEqual([...names.values()], [first.name, third.name]);
    assert.deepEqual(batch.notJudged, [{ recipe: second, why: 'not prepared: no room' }]);
  });

  test('shows how far it is, after each cluster', async () => {
    const seen: string[] = [];
    const batch = new Batch(recipes(2, 17));
    await batch.each('prepared', async () => void seen.push(batch.progress), 1);
    assert.deepEqual(
      [...seen, batch.progress],
      [
        'judge-1 to judge-2: prepared 0 of 2',
        'judge-1 to judge-2: prepared 1 of 2',
        'judge-1 to judge-2: prepared 2 of 2',
      ],
    );
  });
});

test('the table has what was missed and what was a false alarm apart', () => {
  const all = recipes(200, 17);
  const verdict = (recipe: Recipe, hung: boolean, forecast: readonly string[]): Verdict => ({
    recipe,
    hung,
    forecast,
    said: '',
  });
  const near = all.filter(({ limit }) => limit === 'cpu').slice(0, 4);
  const [a, b, c, d] = near as [Recipe, Recipe, Recipe, Recipe];
  const table = tableOf([
    verdict(a, true, []),
    verdict(b, true, ['NoOtherNode']),
    verdict(c, false, []),
    verdict(d, false, ['NoOtherNode']),
  ]).split('\n');
  assert.ok(table.includes('| near: cpu | 4 | 2 | 1 | 1 |'), table.join('\n'));
  assert.equal(table.at(-1), '| **all** | 4 | 2 | 1 (50.0 %) | 1 (50.0 %) |');
});
