import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Judged, judge } from '../../preflight/judge/judge.ts';
import { BLOCKS, DECOYS, type Decoy, type Hindrance, type Recipe, recipes } from '../../preflight/judge/recipe.ts';
import { lineOf, lineOfNotJudged, scoreOf } from '../../preflight/judge/table.ts';
import { type Rig, startRig } from '../support/rig.ts';

/** What the forecast has to say of each, and nothing else that is bad. */
const WORDS: Readonly<Record<Hindrance, string>> = {
  paused: 'Paused',
  held: 'Held',
  'group-busy': 'GroupBusy',
  'only-member': 'OnlyMember',
  budget: 'Budget',
  'local-volume': 'LocalVolume',
  'no-other-node': 'NoOtherNode',
  'tolerates-cordon': 'ToleratesCordon',
  'no-operator': 'NoOperator',
  terminating: 'Terminating',
  stalled: 'AlreadyMarked',
};
/** The pod of a Deployment that is pinned to its node finds no other one, either. */
const BESIDE: Partial<Readonly<Record<Hindrance, readonly string[]>>> = { 'no-operator': ['NoOtherNode'] };

const OPERATORS: Partial<Readonly<Record<Hindrance, Recipe['operator']>>> = {
  'group-busy': 'tidb-v1-tikv',
  'only-member': 'tidb-v1-pd',
};
const SWAPPED: readonly Decoy[] = ['volume-of-old-name'];
const RANDOM_RUNS = 10;
/** One of ten may be wrong: the forecast promises 95 of 100. */
const WRONG_MAX = 1;
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const plain = (name: string, more: Partial<Recipe> = {}): Recipe => ({
  name,
  operator: 'couchbase',
  process: 'InPlaceUpgrade',
  members: 1,
  memberCpu: 500,
  others: [{ takenCpu: 800 }],
  decoys: [],
  ...more,
});

function withHindrance(hindrance: Hindrance): Recipe {
  const operator = OPERATORS[hindrance] ?? 'couchbase';
  const members = operator === 'tidb-v1-tikv' ? 2 : 1;
  return plain(`with-${hindrance}`, { hindrance, operator, members });
}

const HINDERED = [
  ...Object.keys(WORDS)
    .filter((one) => one !== 'no-other-node')
    .map((one) => withHindrance(one as Hindrance)),
  ...BLOCKS.map((block) =>
    plain(`blocked-by-${block}`, { hindrance: 'no-other-node', others: [{ block, takenCpu: 300 }] }),
  ),
];
const DECEPTIVE = DECOYS.map((decoy) =>
  plain(`like-${decoy}`, { decoys: [decoy], process: SWAPPED.includes(decoy) ? 'SwapRebalance' : 'InPlaceUpgrade' }),
);

let rig: Rig;
let judged: Judged;

before(async () => {
  rig = await startRig({ installCrd: false });
  const all = [...HINDERED, ...DECEPTIVE, ...recipes(RANDOM_RUNS, SEED)];
  judged = await judge(all, { rig, atOnce: all.length, drainSeconds: 120 });
});
after(() => rig?.stop());

const verdictOf = ({ name }: Recipe) => {
  const found = judged.verdicts.find(({ recipe }) => recipe.name === name);
  assert.ok(found, judged.notJudged.find(({ recipe }) => recipe.name === name)?.why);
  return found;
};

describe('a forecast of what will hold up a drain, judged by kubectl, the scheduler and the hook', () => {
  for (const recipe of HINDERED) {
    test(`${recipe.name}: said, and it hangs`, () => {
      const verdict = verdictOf(recipe);
      const { hindrance = 'paused' } = recipe;
      assert.deepEqual(verdict.forecast, [WORDS[hindrance], ...(BESIDE[hindrance] ?? [])], lineOf(verdict));
      assert.ok(verdict.hung, lineOf(verdict));
    });
  }

  for (const recipe of DECEPTIVE) {
    test(`${recipe.name}: nothing is said, and it goes through`, () => {
      const verdict = verdictOf(recipe);
      assert.deepEqual([verdict.forecast, verdict.hung], [[], false], lineOf(verdict));
    });
  }

  test(`${RANDOM_RUNS} random clusters, from SEED=${SEED}`, () => {
    const random = judged.verdicts.filter(({ recipe }) => recipe.name.startsWith('judge-'));
    assert.equal(random.length, RANDOM_RUNS, judged.notJudged.map(lineOfNotJudged).join('\n'));
    const { missed, falseAlarms } = scoreOf(random);
    const wrong = [...missed, ...falseAlarms];
    assert.ok(wrong.length <= WRONG_MAX, [`SEED=${SEED}`, ...wrong.map(lineOf)].join('\n'));
  });
});
