import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './simulate-apart.ts';

/** Each night there are ten times as many, of other seeds. */
const RUNS = 1_000;
/** Every reason of a response to an eviction, without exempt users and requests that are no evictions. */
const REASONS = [
  'CacheBehind',
  'CacheUnsynced',
  'ComesBack',
  'Corpse',
  'Doubt',
  'DrainJustEnded',
  'DryRun',
  'Ending',
  'EndingInstanceNamed',
  'GroupBusy',
  'JobPod',
  'Marked',
  'MarkedAgain',
  'NotSelected',
  'OtherInstallation',
  'OtherInstance',
  'PodGone',
  'Rescheduled',
  'SameNode',
  'Stalled',
  'Waiting',
  'WaitingForReady',
  'WaitingForSchedule',
];

test(`all holds in ${RUNS} runs of the simulation, and they give every answer that there is`, () => {
  const { status, stdout } = simulate(['--runs', `${RUNS}`, '--seed', '1']);
  assert.equal(status, 0, stdout);
  const reasons = /^answers: (.*)$/m.exec(stdout)?.[1]?.split(', ') ?? [];
  assert.deepEqual(reasons.map((reason) => reason.split(' ')[0]).sort(), REASONS);
});
