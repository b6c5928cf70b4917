import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { endOf } from '../../../rehearsal/evidence/summary.ts';
import { check } from '../../../rehearsal/evidence/verdict.ts';
import { readFlags } from '../../../rehearsal/flags.ts';
import { reportOf } from '../../../rehearsal/report/page.ts';
import { playAll, scenariosNamed } from '../../../rehearsal/scenarios/all.ts';
import type { Definition } from '../../../rehearsal/scenarios/definitions.ts';
import { UsageError } from '../../../rehearsal/usage-error.ts';

const scenario = (name: string, script: Definition['script']): Definition => ({
  name,
  title: name,
  about: 'One of several.',
  script,
  rules: [() => check('it is so', [])],
});

describe('several scenarios', { concurrency: true }, () => {
  test('are named with commas, each once, in the order that is asked for', () => {
    const names = scenariosNamed('swap,in-place,swap').map(({ name }) => name);
    assert.deepEqual(names, ['swap', 'in-place']);
    for (const wrong of ['', 'swap,', 'swap, in-place', 'all,swap']) {
      assert.throws(() => scenariosNamed(wrong), UsageError, wrong);
    }
  });

  test('are all told of where one breaks off', async ({ signal }) => {
    const broken = scenario('broken', () => Promise.reject(new Error('the node fell over')));
    const fine = scenario('fine', () => Promise.resolve());
    const records = await playAll([broken, fine], readFlags(['--period=200ms']), { write: () => undefined, signal });
    assert.deepEqual(
      records.map(({ scenario, holds }) => [scenario.name, holds]),
      [
        ['broken', false],
        ['fine', true],
      ],
    );
    const lines = endOf(records, true);
    assert.ok(lines.includes('  FAILS  it was played to its end'));
    assert.ok(lines.includes('problem:             it broke off: the node fell over'));
    assert.equal(lines.at(-1), '1 of 2 safe');
    assert.match(reportOf(records), /it broke off: the node fell over/);
  });

  test('are none where one cannot begin as it was asked for', async ({ signal }) => {
    const wrong = scenario('wrong', () => Promise.reject(new UsageError('not so')));
    const flags = readFlags(['--period=200ms']);
    await assert.rejects(playAll([wrong], flags, { write: () => undefined, signal }), { message: 'not so' });
  });
});
