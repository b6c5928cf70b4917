import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;

before(async () => {
  rig = await startRig();
});
after(() => rig?.stop());

test('what is drawn of an installed hook: the mark, refusals, and the end of the eviction', async () => {
  const { record, lines } = await rig.rehearse({ args: ['--yes', '--period=1s'] });
  assert.equal(record.holds, true, lines.join('\n'));
  const [pod] = record.pods.filter(({ marks }) => marks.marked !== undefined);
  const { marked: [marked = 0] = [], refused = [], released = [] } = pod?.marks ?? {};
  assert.ok(refused.length > 1, lines.join('\n'));
  assert.equal(released.length, 1, lines.join('\n'));
  const inOrder = [marked, ...refused, ...released];
  assert.deepEqual(
    inOrder,
    inOrder.toSorted((a, b) => a - b),
  );
  assert.ok((released[0] ?? 0) <= (record.drains[0]?.endedMs ?? 0));
});
