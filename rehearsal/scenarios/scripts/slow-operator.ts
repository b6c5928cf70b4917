import { LOG } from '../../../src/log/messages.ts';
import type { Reason } from '../../../src/policy/decision.ts';
import type { Play } from '../play.ts';
import { anEvent } from './hook-writes.ts';

/** Drains that have to wait, because the operator does not act or finds no room. */

/** Drains; calls `goOn` when `it` has come about, or when the drain ended without it; and waits for the end of the drain. */
async function drainWhile(
  play: Play,
  node: string,
  it: Promise<unknown>,
  goOn: (hasWaited: boolean) => Promise<void>,
): Promise<void> {
  const drain = play.drain(node);
  await goOn(await Promise.race([it.then(() => true), drain.then(() => false)]));
  await drain;
}

/** Drains while nobody moves pods, waits until `sign` shows that, and lets the operator move them. */
async function drainAgainst(play: Play, sign: Promise<unknown>, resume: () => Promise<void>): Promise<void> {
  const node = play.node();
  const all = play.membersOn(node).length;
  await drainWhile(play, node, sign, async (hasWaited) => {
    const left = play.membersOn(node).length;
    play.expect('while nobody moved the pods they stayed', left === all, `${left} of ${all} were left`);
    play.expect('the drain waited meanwhile', hasWaited, 'it had ended');
    await resume();
  });
}

export async function drainPaused(play: Play): Promise<void> {
  await play.pauseCluster(true);
  await drainAgainst(play, play.refusedAgain(play.mark), () => play.pauseCluster(false));
}

export async function drainOutOfSync(play: Play): Promise<void> {
  await play.setInSync(false);
  await drainAgainst(play, play.refusedAgain(play.mark), () => play.setInSync(true));
}

/** Waits until the hook has reported in all its ways that the operator does not act. */
export async function drainStalled(play: Play): Promise<void> {
  play.log('hangs the operator');
  const endPause = await play.options.pause.begin();
  const since = play.mark;
  const stalled: Reason = 'Stalled';
  const signs = async () => {
    const stalls = play.hookSays(({ message }) => message === LOG.stalled, since);
    await play.expectThat('the hook said that the operator did not act', stalls);
    await play.expectThat('an Event RescheduleStalled told of it', anEvent(play, 'RescheduleStalled'));
    const refused = play.hookSays(({ code, reason }) => code === 429 && reason === stalled, since);
    await play.expectThat('so did what the drainer was told', refused);
  };
  await drainAgainst(play, signs(), async () => {
    play.log('lets the operator go on');
    endPause();
  });
}

/** No node takes the successor until the others are given back. */
export async function drainWithoutRoom(play: Play): Promise<void> {
  const node = play.node();
  const others = play.place.nodes.filter((one) => one !== node);
  for (const other of others) await play.cordon(other, true);
  await drainWhile(play, node, waitForHomeless(play), async (hasWaited) => {
    play.expect('the drain waited while the successor had no node', hasWaited, 'it had ended');
    for (const other of others) await play.cordon(other, false);
  });
}

/** Waits for a successor without a node, and then for a response of the hook that names this as the reason. */
async function waitForHomeless(play: Play): Promise<void> {
  const homeless = () => play.members().find(({ node }) => node === undefined);
  await play.see('a successor without a node', () => homeless() !== undefined);
  const name = homeless()?.name;
  const isIt: Reason = 'WaitingForSchedule';
  await play.hookSays(({ pod, code, reason }) => pod === name && code === 429 && reason === isIt, play.mark);
}
