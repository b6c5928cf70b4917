import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Caster } from './caster.ts';

const MINUTE_MS = 60_000;
const BOOKMARK = '{"type":"BOOKMARK","object":{}}';

function aCaster() {
  const seen = { atMs: 0, ahead: [] as number[], isRefused: false };
  const order = async ({ aheadMs }: { readonly aheadMs: number }) => {
    if (seen.isRefused) throw new Error('not followed');
    seen.ahead.push(aheadMs);
    seen.atMs += 1_000;
  };
  const aTarget = () => ({ gate: { event: (_: string) => true }, order });
  const targets = [aTarget(), aTarget()] as const;
  const caster = new Caster(targets, () => seen.atMs);
  const castAt = (minutes: number) => {
    seen.atMs = minutes * MINUTE_MS;
    return caster.cast();
  };
  return { seen, targets, caster, castAt };
}

test('clocks are wrong from when both replicas have followed until both are right, and not as planned', async () => {
  const { seen, caster, castAt } = aCaster();
  await castAt(4);
  assert.deepEqual(seen.ahead, []);
  await castAt(6);
  await castAt(8);
  assert.equal(new Set(seen.ahead).size, 4);
  await castAt(11);
  assert.deepEqual(seen.ahead.slice(4), [0, 0]);
  await castAt(12);
  const [fromMs, toMs] = [6 * MINUTE_MS + 2_000, 11 * MINUTE_MS + 2_000];
  assert.deepEqual(caster.until(12 * MINUTE_MS), [{ name: 'wrong clocks', fromMs, toMs }]);
});

test('bookmarks are kept back until the first round after the spell', async () => {
  const { targets, caster, castAt } = aCaster();
  const passes = () => targets.map(({ gate }) => gate.event(BOOKMARK));
  await castAt(14);
  assert.deepEqual(passes(), [true, true]);
  await castAt(16);
  assert.deepEqual(passes(), [false, false]);
  assert.ok(targets[0].gate.event('{"type":"ADDED"}'));
  assert.deepEqual(caster.until(17 * MINUTE_MS), [
    { name: 'no bookmarks', fromMs: 16 * MINUTE_MS, toMs: 17 * MINUTE_MS },
  ]);
  await castAt(21);
  assert.deepEqual(passes(), [true, true]);
  assert.equal(caster.until(30 * MINUTE_MS)[0]?.toMs, 21 * MINUTE_MS);
});

test('a spell that a long round skipped, or that no replica followed, is not written down', async () => {
  const { seen, caster, castAt } = aCaster();
  await castAt(4);
  await castAt(11);
  seen.isRefused = true;
  await assert.rejects(castAt(36));
  assert.deepEqual(caster.until(40 * MINUTE_MS), []);
});
