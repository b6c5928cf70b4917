import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { DRAINERS } from '../../rehearsal/drainers/models/index.ts';
import { kubernetesVersions } from '../../testkit/control-plane/versions.ts';
import { KINDS } from './kinds.ts';
import { endOf, limitOf, pageOf, timeOf, titleOf } from './page.ts';
import { type AtLimit, isShown, merged, type Outcome, PAGE, type Results, readResults } from './results.ts';

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
    const limited = DRAINERS.filter(({ limit }) => limit !== undefined).map(({ name }) => name);
    const drains = DRAINERS.flatMap(({ name }) => KINDS.map(({ profile }) => `${name} ${profile}`));
    const own = kubernetesVersions().flatMap((version) => KINDS.map(({ profile }) => `kubectl ${version} ${profile}`));
    assert.deepEqual(
      [...drains, ...own, ...limited].filter((key) => !isShown(results, key)),
      [],
      'npm run drainers -- --missing plays what is missing',
    );
  });

  test('has no pod that was lost, told of wrongly, or moved twice', () => {
    for (const { drainer, profile, problems, pods } of results.drains) {
      assert.deepEqual([problems, pods === 'deleted'], [[], false], `${drainer} ${profile}`);
    }
  });

  test('has drainers that wait for ever, or leave pods behind, only where nobody asks for pods or tells the operator', () => {
    const odd = results.drains.filter(({ end, pods }) => end !== 'ended' || pods !== 'moved');
    const isKnown = ({ drainer, profile }: Outcome) =>
      /^cluster-api-(skip|wait)$/.test(drainer) || profile === 'foundationdb-taints';
    assert.deepEqual(
      odd.filter((one) => !isKnown(one)),
      [],
    );
  });

  test('has no drain that waits for pods that nobody protects', () => {
    assert.deepEqual(
      results.drains.filter(({ end, pods }) => end === 'waits' && pods === 'moved'),
      [],
    );
  });

  test('says of each limit what its model says', () => {
    for (const { drainer, pods, end, nodeIsBack } of results.limits) {
      const model = DRAINERS.find(({ name }) => name === drainer);
      assert.equal(pods, model?.limit?.atEnd === 'deletes' ? 'deleted' : 'stay', drainer);
      assert.equal(end, model?.limit?.atEnd === 'deletes' ? 'ended' : 'failed', drainer);
      assert.equal(nodeIsBack, model?.rollsBack === true, drainer);
    }
  });
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

  test('of what was not played', () => assert.equal(endOf(undefined), '**not played**'));

  test('of a limit', () => {
    assert.match(limitOf(atLimit({ pods: 'deleted', end: 'ended' })), /deletes the pod/);
    assert.match(limitOf(atLimit({ nodeIsBack: true })), /^rolled back/);
    assert.match(limitOf(atLimit()), /^it gives up/);
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
