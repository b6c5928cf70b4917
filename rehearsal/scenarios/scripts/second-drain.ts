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

/** A drainer that asks in the very moment in which the pod lands is told so, and its drain is over. */
const TRIES = 3;

export async function twoAtOnce(play: Play): Promise<void> {
  for (let run = 1; !(await drainTwo(play, run === TRIES)); run++) {
    await play.calm();
    for (const node of play.nodes()) await play.cordon(node, false);
  }
}

/** False if the first drain was over before there could be a second one. */
async function drainTwo(play: Play, isLast: boolean): Promise<boolean> {
  const first = play.node();
  const name = oneOn(play, first);
  const moves = play.movesOf(name);
  const cut = new AbortController();
  const drain = play.drain(first, { cut: cut.signal });
  const isElsewhere = () => whereIs(play, name) !== undefined && whereIs(play, name) !== first;
  const landed = play.during(drain, play.see('a successor on another node', isElsewhere));
  const isOver = await Promise.race([drain.then(() => true), landed.then(() => false)]).catch(() => false);
  if (isOver && !isLast) return false;
  const isInTime = await play.expectThat('a successor had a node while the first drain still went on', landed);
  const isMarked = isInTime && (await drainWhereItIs(play, name, moves));
  // Nothing would come of it any more.
  if (!isMarked) cut.abort(new Error('in vain'));
  await drain;
  return true;
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

/**
 * Drains the node where a moved pod is now. The hook has to mark it anew, and the operator has to move it once more. False if it was
 * not marked.
 */
async function drainWhereItIs(play: Play, name: string, movedBefore = 0): Promise<boolean> {
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
  const moves = play.movesOf(name) - movedBefore;
  play.expect(
    'it moved once for each of the two drains',
    moves === 2,
    `it moved ${moves === 1 ? 'once' : `${moves} times`}`,
  );
  return isMarked;
}

function oneOn(play: Play, node: string): string {
  const [one] = play.membersOn(node);
  if (one === undefined) throw new Error(`no member is on ${node}`);
  return one.name;
}

const whereIs = (play: Play, wanted: string) => play.members().find(({ name }) => name === wanted)?.node;
