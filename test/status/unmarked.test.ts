import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Judge } from '../../src/installed/view.ts';
import type { JsonObject } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { type Answer, allow, wait } from '../../src/policy/decision.ts';
import { JUDGE_EVERY_MS, UnmarkedPods } from '../../src/status/unmarked.ts';
import { aPod, SETTINGS } from '../support/builders.ts';
import { aCache } from '../support/cache.ts';
import { FakeClock } from '../support/time.ts';
import { member, NODES } from './scene.ts';

const ON_NODE_1 = [member('cb-0000', { node: 'node-1' })];

function anUnmarked(answer: () => Answer, pods: readonly JsonObject[] = ON_NODE_1, namespace?: string) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const judge: unknown = async ({ name }: { name: string }) => {
    asked.push(name);
    return { decision: { ...answer(), rule: '9' }, seen: {} };
  };
  const unmarked = new UnmarkedPods({
    cache: aCache({ pods, nodes: NODES }),
    judge: judge as Judge,
    settings: SETTINGS,
    ...(namespace === undefined ? {} : { namespace }),
    clock,
    stop: new AbortController().signal,
  });
  return { unmarked, asked, clock };
}

const MARK: Answer = { kind: 'mark', reason: 'Marked', message: 'm', pod: aPod(), note: {} };
const REQUEST = { kind: 'Kafka', name: 'k', path: '/k', resourceVersion: '1', changes: [] };

describe('pods without a mark on a draining node', () => {
  for (const [what, answer, expected] of [
    ['held', wait('Held', 'held by people'), { reason: 'Held', why: 'held by people' }],
    ['of a busy group', wait('GroupBusy', 'one moves'), { reason: 'GroupBusy', why: 'one moves' }],
    ['under a budget', wait('BudgetExhausted', 'none left'), { reason: 'BudgetExhausted', why: 'none left' }],
    ['of a profile without mark', { ...MARK, reason: 'Held' }, { reason: 'Held', why: 'm' }],
    ['that nobody has evicted', MARK, { reason: 'NotMarkedYet', why: 'the next eviction marks it' }],
    [
      'of a profile that asks elsewhere',
      { ...MARK, request: REQUEST } as Answer,
      { reason: 'NotMarkedYet', why: 'the next eviction asks for its move on Kafka k' },
    ],
    ['that people let go', allow('Ignored'), undefined],
  ] as const) {
    test(`${what}: ${expected === undefined ? 'no drain waits for it' : expected.reason}`, async () => {
      const { unmarked } = anUnmarked(() => answer);
      await unmarked.refresh();
      assert.deepEqual([...unmarked.found.values()], expected === undefined ? [] : [expected]);
    });
  }

  test('without the right to look: what is missing', async () => {
    const { unmarked } = anUnmarked(() => {
      throw new ApiError(403, 'GET /x', { message: 'pods is forbidden' });
    });
    await unmarked.refresh();
    const [found] = [...unmarked.found.values()];
    assert.equal(found?.reason, 'Unknown');
    assert.match(found?.why ?? '', /^not known: .*forbidden/);
  });

  test('only those are asked about, and only in the namespace', async () => {
    const pods = [
      ...ON_NODE_1,
      member('cb-0001', { node: 'node-2' }),
      member('cb-0002'),
      member('cb-0003', { node: 'node-1', markedMs: 1 }),
      member('cb-0004', { node: 'node-1', deleting: true }),
      member('cb-0005', { node: 'node-9' }),
    ];
    const { unmarked, asked } = anUnmarked(() => MARK, pods);
    await unmarked.refresh();
    assert.deepEqual(asked, ['cb-0000', 'cb-0005']);
    const other = anUnmarked(() => MARK, pods, 'other');
    await other.unmarked.refresh();
    assert.deepEqual(other.asked, []);
  });

  test('who watches asks again after a while, and is told when', async () => {
    let answer: Answer = MARK;
    const { unmarked, asked, clock } = anUnmarked(() => answer);
    assert.equal(await unmarked.refresh(), undefined);
    answer = wait('Held', 'held');
    await clock.advance(1_000);
    assert.equal(await unmarked.refresh(), JUDGE_EVERY_MS - 1_000);
    assert.equal(asked.length, 1);
    await clock.advance(JUDGE_EVERY_MS - 1_000);
    assert.equal(await unmarked.refresh(), undefined);
    assert.deepEqual(unmarked.found.get('uid-cb-0000'), { reason: 'Held', why: 'held' });
  });

  test('more than a hundred are not all asked about', async () => {
    const pods = Array.from({ length: 103 }, (_, i) => member(`cb-${i}`, { node: 'node-1' }));
    const { unmarked, asked } = anUnmarked(() => MARK, pods);
    await unmarked.refresh();
    assert.equal(asked.length, 100);
    assert.equal([...unmarked.found.values()].filter(({ why }) => /^not looked at/.test(why)).length, 3);
  });
});
