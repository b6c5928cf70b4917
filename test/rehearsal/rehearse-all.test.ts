import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { check } from '../../rehearsal/evidence/verdict.ts';
import { rehearseAll } from '../../rehearsal/rehearse-all.ts';
import { reportOf } from '../../rehearsal/report/page.ts';
import { scenariosNamed } from '../../rehearsal/scenarios/catalog.ts';
import type { Scenario } from '../../rehearsal/scenarios/scenario.ts';
import { plainOutput } from '../../rehearsal/terminal/output.ts';
import { Show } from '../../rehearsal/terminal/show.ts';
import { totalOf } from '../../rehearsal/terminal/summary.ts';
import { UsageError } from '../../src/command-line.ts';
import { QUICK } from './play-embedded.ts';

function aShow(scenarios: readonly Scenario[]) {
  const lines: string[] = [];
  const output = plainOutput((line) => lines.push(line));
  return { lines, show: new Show({ output, scenarios, atOnce: 3, isVerbose: false, monotonicNow: () => 0 }) };
}

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
    const { lines, show } = aShow([broken, fine]);
    const records = await rehearseAll([broken, fine], QUICK, show, signal);
    assert.deepEqual(
      records.map(({ scenario, holds }) => [scenario.name, holds]),
      [
        ['broken', false],
        ['fine', true],
      ],
    );
    const at = lines.findIndex((line) => /^\? broken +0s {2}[12] of 2 {2}NOT PROVEN, it broke off$/.test(line));
    assert.equal(lines[at + 1], '    problem:             it broke off: the node fell over', lines.join('\n'));
    assert.match(lines[at + 2] ?? '', /^ {4}embedded API ready at /, 'the log of that one');
    assert.ok(lines.some((line) => /^✔ fine +0s {2}[12] of 2 {2}safe, 1 of 1 checks hold$/.test(line)));
    assert.equal(totalOf(records), '1 of 2 safe, 1 not proven');
    assert.match(reportOf(records), /it broke off: the node fell over/);
  });

  test('are none where one cannot begin as it was asked for', async ({ signal }) => {
    const wrong = scenario('wrong', () => Promise.reject(new UsageError('not so')));
    await assert.rejects(rehearseAll([wrong], QUICK, aShow([wrong]).show, signal), { message: 'not so' });
  });
});
