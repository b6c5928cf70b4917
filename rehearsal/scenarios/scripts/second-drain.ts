import type { Play } from '../play.ts';

/** Drains of a pod that has been moved before: the entry of the first move must not end the second drain. */

export async function twoInARow(play: Play): Promise<void> {
  const first = play.node();
  const name = oneOn(play, first);
  await play.drain(first);
  await play.calm();
  await play.cordon(first, false);
  await drainWhereItIs(play, name);
}

export async function twoAtOnce(play: Play): Promise<void> {
  const first = play.node();
  const name = oneOn(play, first);
  const drain = play.drain(first);
  const hasLanded = () => whereIs(play, name) !== undefined && whereIs(play, name) !== first;
  const landed = play.during(drain, play.see('a successor on another node', hasLanded));
  if (await play.expectThat('a successor had a node while the first drain still went on', landed)) {
    await drainWhereItIs(play, name);
  }
  await drain;
}

export async function interrupted(play: Play): Promise<void> {
  const endPause = await play.options.pause.begin();
  const cut = new AbortController();
  const since = play.mark;
  const node = play.node();
  const name = oneOn(play, node);
  const drain = play.drain(node, { cut: cut.signal, heldFor: 0 });
  await play.during(drain, play.marked(since));
  play.log('kills the drainer', node);
  cut.abort(new Error('killed'));
  await drain;
  endPause();
  await play.see('the pod on another node', () => play.membersOn(node).length === 0);
  await play.calm();
  await play.drain(node);
  await drainWhereItIs(play, name);
}

export async function oneAfterTheOther(play: Play): Promise<void> {
  const first = play.node();
  const name = oneOn(play, first);
  await play.drain(first);
  await play.calm();
  await drainWhereItIs(play, name);
}

/** Drains the node where a moved pod is now. The hook has to mark it anew, and the operator has to move it once more. */
async function drainWhereItIs(play: Play, name: string): Promise<void> {
  const node = whereIs(play, name);
  if (node === undefined) throw new Error(`${name} is nowhere`);
  const cut = new AbortController();
  const since = play.mark;
  const drain = play.drain(node, { cut: cut.signal });
  const marked = play.during(drain, play.marked(since, name, node));
  const isMarked = await play.expectThat(
    'the moved pod was marked anew for the drain of the node where it was',
    marked,
  );
  // Nothing would come of it any more.
  if (!isMarked) cut.abort(new Error('in vain'));
  await drain;
  const moves = play.movesOf(name);
  play.expect(
    'it moved once for each of the two drains',
    moves === 2,
    `it moved ${moves === 1 ? 'once' : `${moves} times`}`,
  );
}

function oneOn(play: Play, node: string): string {
  const [one] = play.membersOn(node);
  if (one === undefined) throw new Error(`no member is on ${node}`);
  return one.name;
}

const whereIs = (play: Play, wanted: string) => play.members().find(({ name }) => name === wanted)?.node;
