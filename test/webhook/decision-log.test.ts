import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LOG } from '../../src/log/messages.ts';
import type { Decision } from '../../src/policy/decision.ts';
import { createDecisionLog, logDecision } from '../../src/webhook/decision-log.ts';
import { aPod, aRequest } from '../support/builders.ts';
import { aLog } from '../support/log.ts';

const deny = (code: 404 | 409 | 429 | 500, reason: Extract<Decision, { kind: 'deny' }>['reason']): Decision => ({
  kind: 'deny',
  rule: '7',
  reason,
  code,
  message: 'm',
});
const annotation = { key: 'a', value: 'true' };
const marked = { kind: 'mark', reason: 'Marked', message: 'm', pod: aPod(), annotation, note: {} } as const;
const mark: Decision = { ...marked, rule: '9' };

/** Each decision, the level and message of its line, and the fields beyond those that all have. */
const LINES: readonly [string, Decision, string[], Record<string, unknown>][] = [
  ['a mark', mark, [`info ${LOG.marked}`], { uid: 'uid-a', node: 'node-1' }],
  [
    'a mark without an entry',
    { ...mark, trackerMissing: 'no CouchbaseCluster db/cb' },
    [`info ${LOG.marked}`, `warn ${LOG.untracked}`],
    { uid: 'uid-a', node: 'node-1', why: 'no CouchbaseCluster db/cb' },
  ],
  ['waiting on', deny(429, 'Waiting'), [`debug ${LOG.waiting}`], { code: 429, answer: 'm' }],
  ['a drain that may end', deny(404, 'Rescheduled'), [`info ${LOG.released}`], { code: 404, answer: 'm' }],
  ['doubt', deny(429, 'Doubt'), [`warn ${LOG.doubt}`], { code: 429, answer: 'm' }],
  ['a cache without pods', deny(429, 'CacheUnsynced'), [`warn ${LOG.doubt}`], { code: 429, answer: 'm' }],
  ['a conflict', deny(409, 'OtherInstance'), [`info ${LOG.refused}`], { code: 409, answer: 'm' }],
  ['not ours', { kind: 'allow', rule: '3', reason: 'NotSelected' }, [`debug ${LOG.allowed}`], {}],
  ['a corpse', { kind: 'allow', rule: '6', reason: 'Corpse' }, [`info ${LOG.allowed}`], {}],
  ['a dry run', { kind: 'allow', rule: '5', reason: 'DryRun', warning: 'w' }, [`info ${LOG.dryRun}`], { warning: 'w' }],
];

describe('logDecision', () => {
  for (const [what, decision, lines, details] of LINES) {
    test(`${what}: ${lines.join(', ')}`, () => {
      const log = aLog();
      logDecision(log, aRequest(), decision, 7, 'review-1');
      assert.deepEqual(
        log.lines.map(({ level, message }) => `${level} ${message}`),
        lines,
      );
      const { kind, rule, reason } = decision;
      const review = 'review-1';
      const common = {
        pod: 'cb-0000',
        namespace: 'db',
        user: 'admin',
        decision: kind,
        rule,
        reason,
        review,
        durationMs: 7,
      };
      assert.deepEqual(log.lines[0]?.fields, { ...common, ...details });
    });
  }
});

test('a doubt that lasts is warned of once a minute for each pod and cause, whatever numbers are in it', () => {
  const log = aLog();
  let now = 0;
  const say = createDecisionLog(log, () => now);
  const doubt = (message: string, name = 'cb-0000', reason: 'Doubt' | 'CacheUnsynced' = 'Doubt') => {
    say(aRequest({ name }), { kind: 'deny', rule: 'S6', reason, code: 429, message }, 7);
    return log.lines.at(-1)?.level;
  };
  assert.deepEqual(
    [doubt('no answer in 5 ms'), doubt('no answer in 17 ms'), doubt('no answer in 5 ms', 'cb-0001'), doubt('refused')],
    ['warn', 'debug', 'warn', 'warn'],
  );
  const unsynced = () => doubt(`synced ${now} ms ago`, `cb-${now}`, 'CacheUnsynced');
  assert.deepEqual([unsynced(), unsynced()], ['warn', 'debug']);
  now = 59_999;
  assert.deepEqual([doubt('no answer in 5 ms'), unsynced()], ['debug', 'debug']);
  now = 60_000;
  assert.deepEqual([doubt('no answer in 5 ms'), unsynced()], ['warn', 'warn']);
  for (let n = 0; n < 1_000; n++) doubt('refused', `cb-${n}`);
  assert.equal(doubt('no answer in 5 ms'), 'warn', 'the oldest are forgotten');
});
