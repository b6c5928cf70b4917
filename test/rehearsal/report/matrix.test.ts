import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { MODELS } from '../../../rehearsal/operator/models/index.ts';
import { matrixOf } from '../../../rehearsal/report/matrix.ts';
import { forModel, SCENARIOS } from '../../../rehearsal/scenarios/catalog.ts';
import { titleOf } from '../../../rehearsal/scenarios/scenario.ts';
import { aRecord } from './a-record.ts';

const named = (name: string, ends?: string) => ({
  name,
  title: `The ${name.split('/')[1]}`,
  about: '',
  ...(ends === undefined ? {} : { ends }),
});
const failed = { holds: false, checks: [{ what: 'it holds', holds: false, problems: ['a | b'] }] };

describe('the table of scenarios and profiles', () => {
  it('has how each ended, a dash for what was not played, and why one is not safe or not proven', () => {
    const records = [
      aRecord({}, { scenario: named('a/one') }),
      aRecord({}, { scenario: named('a/two', 'waits, then safe') }),
      aRecord({}, { scenario: named('a/three') }),
      aRecord({}, { scenario: named('b/two', 'waits, then safe'), ...failed }),
      aRecord({}, { scenario: named('b/one'), ...failed, brokeOff: true }),
    ];
    const table = matrixOf(records)
      .split('\n')
      .filter((line) => line.startsWith('|'));
    assert.deepEqual(table, [
      '|  | `a` | `b` |',
      '| --- | --- | --- |',
      '| The one (`one`) | safe | **NOT PROVEN**: a \\| b |',
      '| The two (`two`) | waits, then safe | **NOT SAFE**: a \\| b |',
      '| The three (`three`) | safe | – |',
    ]);
  });

  it('that is committed has every scenario of every profile, and each ends as its profile says', () => {
    const scenarios = MODELS.flatMap((model) => forModel(SCENARIOS, model));
    const records = scenarios.map((scenario) => aRecord({}, { scenario: titleOf(scenario) }));
    const page = readFileSync(new URL('../../../docs/operators-matrix.md', import.meta.url), 'utf-8');
    assert.equal(page, matrixOf(records));
  });
});
