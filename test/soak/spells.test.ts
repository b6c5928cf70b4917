import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clocksIn, isSpell, spellsIn } from './spells.ts';

const MINUTE_MS = 60_000;

test('eight hours have an hour of wrong clocks', () => {
  const wrong = spellsIn(480 * MINUTE_MS).filter(({ name }) => name === 'wrong clocks');
  const total = wrong.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  assert.equal(total, 60 * MINUTE_MS);
});

test('a spell holds from its beginning until its end, in a short run too', () => {
  const durationMs = 37 * MINUTE_MS;
  const spells = spellsIn(durationMs);
  assert.equal(spells.length, 3);
  assert.equal(spells.at(-1)?.toMs, durationMs);
  for (const { name, fromMs, toMs } of spells) {
    assert.deepEqual(
      [fromMs - 1, fromMs, toMs - 1].map((at) => isSpell(name, at)),
      [false, true, true],
    );
  }
  assert.ok(!isSpell('wrong clocks', 8.75 * MINUTE_MS));
});

test('two clocks never agree', () => {
  for (let n = 0; n < 20; n++) {
    const [one, other] = clocksIn(n);
    assert.notEqual(one, other);
  }
});
