import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { DrainerModel } from '../../rehearsal/drainers/model.ts';
import { DRAINERS } from '../../rehearsal/drainers/models/index.ts';
import { kubernetesVersions } from '../../testkit/control-plane/versions.ts';
import { isLate, wrongAtLimit, wrongIn } from './expected.ts';
import { KINDS } from './kinds.ts';
import { endOf, limitOf, pageOf, timeOf, titleOf } from './page.ts';
import { requestIn } from './play.ts';
import { type AtLimit, isShown, merged, modelKey, type Outcome, PAGE, type Results, readResults } from './results.ts';

const results = readResults();

describe('docs/drainers.md', () => {
  const page = readFileSync(PAGE, 'utf-8');

  test('is what `npm run drainers` wrote: nobody has changed it by hand', () => {
    assert.equal(page, pageOf(results), 'npm run drainers -- --page writes it again');
  });

  test('has a row for every drainer, and a column for every kind', () => {
    const header = `|  | ${KINDS.map(({ profile }) => `\`${profile}\``).join(' | ')} |`;
    assert.ok(page.includes(header));
    for (const model of DRAINERS) assert.ok(page.includes(`| ${titleOf(model)} | `), model.name);
  });

  test('has what happened in every drain, and at every limit', () => {
    const limited = [
      ...DRAINERS.filter(({ limit }) => limit !== undefined).map(({ name }) => name),
      ...kubernetesVersions().map((version) => `kubectl ${version}`),
    ];
    const drains = DRAINERS.flatMap(({ name }) => KINDS.map(({ profile }) => `${name} ${profile}`));
    const own = kubernetesVersions().flatMap((version) => KINDS.map(({ profile }) => `kubectl ${version} ${profile}`));
    assert.deepEqual(
      [...drains, ...own, ...limited].filter((key) => !isShown(results, key)),
      [],
      'npm run drainers -- --missing plays what is missing, if all have been built: npm run cluster:build -- --kubernetes all',
    );
  });

  test('has no pod that was lost, told of wrongly, or moved twice', () => {
    for (const { drainer, profile, problems, pods } of results.drains) {
      assert.deepEqual([problems, pods === 'deleted'], [[], false], `${drainer} ${profile}`);
    }
  });

  test('has drainers that wait for ever, or leave pods behind, only where nobody asks for pods or tells the operator', () => {
    for (const one of results.drains) assert.deepEqual(wrongIn(one), [], `${one.drainer} ${one.profile}`);
  });

  test('says of each limit what its model says', () => {
    for (const one of results.limits) {
      assert.deepEqual(wrongAtLimit(one), [], one.drainer);
      assert.ok(!isLate(one), `${one.drainer} after ${one.afterS} s: play it again on a quiet machine`);
    }
  });
});

test('no refusal is taken for a request, whoever words it', () => {
  for (const { name, tells } of DRAINERS) {
    const refusal = tells.refusal.replace('{namespace}', 'db').replace('{pod}', 'cb-0');
    assert.equal(requestIn(refusal), undefined, name);
  }
  assert.equal(requestIn('evicting pod db/cb-0'), 'cb-0');
});

describe('what is wrong with a drain', () => {
  for (const [what, fields, isWrong] of [
    ['that is as it should be', {}, false],
    ['that waits for ever', { end: 'waits', pods: 'stay' }, true],
    ['that fails', { end: 'failed' }, true],
    ['that ends too early', { pods: 'stay' }, true],
    ['that deletes', { pods: 'deleted' }, true],
    ['of which nobody tells the operator', { end: 'waits', pods: 'stay', profile: 'foundationdb-taints' }, false],
    ['that deletes, and of which nobody tells the operator', { pods: 'deleted', profile: 'foundationdb-taints' }, true],
    ['that asks for nothing', { end: 'waits', pods: 'stay', drainer: 'cluster-api-wait' }, false],
    ['that waits for pods that have moved', { end: 'waits', drainer: 'cluster-api-wait' }, true],
    ['with a problem', { problems: ['x'] }, true],
  ] as const) {
    test(what, () => assert.equal(wrongIn(outcome(fields)).length > 0, isWrong));
  }
});

describe('what is wrong at a limit', () => {
  const deletes = { drainer: 'eks-force', pods: 'deleted', end: 'ended' } as const;
  for (const [what, fields, wrong] of [
    ['that comes when it should', { ...deletes, afterS: 910 }, 0],
    ['that comes too early', { ...deletes, afterS: 60 }, 1],
    ['at which the pod stays, against its model', { ...deletes, pods: 'stay', end: 'failed', afterS: 910 }, 2],
    ['after which the node is back, against its model', { ...deletes, afterS: 910, nodeIsBack: true }, 1],
    [
      'that has it wait, as its model says',
      { drainer: 'cluster-api-timeout', pods: 'stay', end: 'waits', afterS: 3_610 },
      0,
    ],
    ['of kubectl', { drainer: 'kubectl 1.36', afterS: 20.1 }, 0],
    ['of kubectl that comes too early', { drainer: 'kubectl 1.36', afterS: 1 }, 1],
  ] as const) {
    test(what, () => assert.equal(wrongAtLimit(atLimit(fields)).length, wrong));
  }
});

test('a result does not outlive its model, but for what is only said of that', () => {
  const [model] = DRAINERS;
  assert.ok(model);
  const drains = [outcome({ drainer: model.name, ...modelKey(model) })];
  const isShownOf = (change: Partial<DrainerModel>) =>
    isShown({ drains, limits: [] }, `${model.name} p`, [{ ...model, ...change }]);
  assert.deepEqual(
    [isShownOf({}), isShownOf({ leavesOut: ['x'], claims: [] }), isShownOf({ marks: [] })],
    [true, true, false],
  );
});

const outcome = (fields: Partial<Outcome> = {}): Outcome => ({
  drainer: 'a',
  profile: 'p',
  kubernetes: '1.36',
  end: 'ended',
  pods: 'moved',
  requests: 3,
  lateS: 12.34,
  problems: [],
  refusal: '',
  ...fields,
});
const atLimit = (fields: Partial<AtLimit> = {}): AtLimit => ({
  drainer: 'a',
  kubernetes: '1.36',
  afterS: 60,
  end: 'failed',
  pods: 'stay',
  nodeIsBack: false,
  lastLine: '',
  ...fields,
});

describe('a cell', () => {
  for (const [what, fields, shown] of [
    ['that is as it should be', {}, 'ends, 12 s, 3 requests'],
    ['of a drain that never ends', { end: 'waits', pods: 'stay' }, '**waits for ever**: the operator is not told'],
    [
      'of one that asks for nothing',
      { end: 'waits', pods: 'stay', requests: 0 },
      '**waits for ever**: nobody is asked',
    ],
    [
      'of one that waits for something else',
      { end: 'waits', requests: 0 },
      '**waits for ever**, though the pods have moved',
    ],
    ['of one that gives up', { end: 'failed', pods: 'stay' }, '**fails** after 3 requests; the pods stay'],
    ['of pods that stay', { pods: 'stay' }, '**ends, and the pod is still there**'],
    ['of a pod that is lost', { pods: 'deleted' }, '**NOT SAFE**: a pod was deleted'],
    ['of a problem', { problems: ['x'] }, '**NOT SAFE**: x'],
  ] as const) {
    test(what, () => assert.equal(endOf(outcome(fields)), shown));
  }

  test('of a drain that waits for its limit', () => {
    const limit = atLimit({ pods: 'deleted', end: 'ended' });
    assert.match(
      endOf(outcome({ end: 'waits', pods: 'stay' }), limit),
      /^\*\*waits for its limit\*\*: the operator is not told; then \*\*it deletes the pod\*\*/,
    );
  });

  test('of what was not played', () => assert.equal(endOf(undefined), '**not played**'));

  test('of a limit', () => {
    assert.match(limitOf(atLimit({ pods: 'deleted', end: 'ended' })), /deletes the pod/);
    assert.match(limitOf(atLimit({ nodeIsBack: true })), /^it rolls back/);
    assert.match(limitOf(atLimit()), /^it gives up/);
    assert.match(limitOf(atLimit({ end: 'waits' })), /^it asks no more, and waits/);
  });

  test('of a time', () => {
    assert.deepEqual([0.14, 12.4, 90, 510, 7_200].map(timeOf), ['0.1 s', '12 s', '90 s', '8.5 min', '2 h']);
  });
});

describe('the Kubernetes that all was played on', () => {
  const drains = [outcome(), outcome({ drainer: 'b' }), outcome({ drainer: 'c' })];

  test('is one for all', () => assert.match(pageOf({ drains, limits: [atLimit()] }), /\(Kubernetes 1\.36\) each/));

  test('or the page says what was played on another one', () => {
    const odd = {
      drains: [outcome({ kubernetes: '1.37' }), ...drains.slice(1)],
      limits: [atLimit({ kubernetes: '1.35' })],
    };
    assert.match(pageOf(odd), /\(Kubernetes 1\.36; 1\.37 for `a` with `p`; 1\.35 for `a` at its limit\) each/);
  });
});

test('a later run takes the place of an earlier one, and what was not played stays', () => {
  const before: Results = { drains: [outcome(), outcome({ drainer: 'b' })], limits: [atLimit()] };
  const now = { drains: [outcome({ requests: 9, kubernetes: '1.37' })], limits: [] };
  const all = merged(before, now);
  assert.deepEqual(
    all.drains.map(({ drainer, requests, kubernetes }) => [drainer, requests, kubernetes]),
    [
      ['a', 9, '1.37'],
      ['b', 3, '1.36'],
    ],
  );
  assert.deepEqual(all.limits, before.limits);
  assert.deepEqual(
    ['a p', 'b p', 'c p', 'a', 'b'].map((key) => isShown(all, key)),
    [true, true, false, true, false],
  );
});
