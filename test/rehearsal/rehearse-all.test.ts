import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { check } from '../../rehearsal/evidence/verdict.ts';
import { rehearseAll } from '../../rehearsal/rehearse-all.ts';
import { reportOf } from '../../rehearsal/report/page.ts';
import { scenariosNamed } from '../../rehearsal/scenarios/catalog.ts';
import type { Scenario } from '../../rehearsal/scenarios/scenario.ts';
import { endOf } from '../../rehearsal/terminal/summary.ts';
import { plainView } from '../../rehearsal/terminal/view.ts';
import { UsageError } from '../../src/command-line.ts';
import { QUICK } from './play-embedded.ts';

const SILENT = plainView(() => undefined);

const scenario = (name: string, script: Scenario['script']): Scenario => ({
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
    const records = await rehearseAll([broken, fine], QUICK, SILENT, signal);
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
    await assert.rejects(rehearseAll([wrong], QUICK, SILENT, signal), { message: 'not so' });
  });
});
