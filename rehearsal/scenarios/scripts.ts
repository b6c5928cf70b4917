import { LOG } from '../../src/log/messages.ts';
import type { Reason } from '../../src/policy/decision.ts';
import { entriesOnCluster } from '../../testkit/couchbase/workload.ts';
import { CLUSTER, type Play } from './play.ts';
import { anEvent, countEvents, noEntry } from './written.ts';

/** What several scenarios do, or what is too long to stand between them. */

export const drainOne = async (play: Play) => {
  await play.drain(play.node());
};

/** Drains; goes on when it has come about, or the drain has ended without it; and waits for the end of the drain. */
export async function drainWhile(
  play: Play,
  node: string,
  it: Promise<unknown>,
  goOn: (hasWaited: boolean) => Promise<void>,
): Promise<void> {
  const drain = play.drain(node);
  await goOn(await Promise.race([it.then(() => true), drain.then(() => false)]));
  await drain;
}

/** Drains while nobody moves pods, waits until what shows that has come about, and lets them be moved. */
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

/** Waits until the hook has said in all its ways that the operator does not act. */
export async function drainStalled(play: Play): Promise<void> {
  play.tell('hangs the operator');
  const letGo = await play.options.hold.take();
  const since = play.mark;
  const stalled: Reason = 'Stalled';
  const signs = async () => {
    const told = play.hookSays(({ message }) => message === LOG.stalled, since);
    await play.expectThat('the hook said that the operator did not act', told);
    await play.expectThat('an Event RescheduleStalled told of it', anEvent(play, 'RescheduleStalled'));
    const refused = play.hookSays(({ code, reason }) => code === 429 && reason === stalled, since);
    await play.expectThat('so did what the drainer was told', refused);
  };
  await drainAgainst(play, signs(), async () => {
    play.tell('lets the operator go on');
    letGo();
  });
}

/** No node takes the successor until the others are given back. */
export async function drainWithoutRoom(play: Play): Promise<void> {
  const node = play.node();
  const others = play.options.stage.cluster.nodes.filter((one) => one !== node);
  for (const other of others) await play.cordon(other, true);
  await drainWhile(play, node, waitForHomeless(play), async (hasWaited) => {
    play.expect('the drain waited while the successor had no node', hasWaited, 'it had ended');
    for (const other of others) await play.cordon(other, false);
  });
}

/** A successor without a node, and then an answer of the hook that says that the drain waits for just that. */
async function waitForHomeless(play: Play): Promise<void> {
  const homeless = () => play.members().find(({ node }) => node === undefined);
  await play.see('a successor without a node', () => homeless() !== undefined);
  const name = homeless()?.name;
  const isIt: Reason = 'WaitingForSchedule';
  await play.hookSays(({ pod, code, reason }) => pod === name && code === 429 && reason === isIt, play.mark);
}

/** Drains, waits until what was remembered of it is forgotten, and counts what was told of it. */
export async function drainAndForget(play: Play): Promise<void> {
  const before = new Set(play.members().map(({ uid }) => uid));
  await play.drain(play.node());
  // Before the operator has done all that it does, the time may be over.
  const { stage } = play.options;
  const remembered = Object.keys(await entriesOnCluster(stage.client, play.namespace, CLUSTER)).length;
  play.expect('the move was remembered when the drain ended', remembered > 0, 'there was no tracking entry');
  await play.calm();
  await play.expectThat('each entry was pruned after TRACKING_RETENTION', noEntry(play));
  const moved = play.members().filter(({ uid }) => !before.has(uid));
  const told = await countEvents(play, 'Rescheduled');
  const wrong = moved.filter(({ uid }) => told.get(uid) !== 1).map(({ name, uid }) => `${name}: ${told.get(uid) ?? 0}`);
  play.expect('one Event Rescheduled told of each move', wrong.length === 0, wrong.join(', '));
  const others = [...told.keys()].filter((uid) => !moved.some((one) => one.uid === uid)).length;
  play.expect('and none of anything else', others === 0, `${others} Events were about other instances`);
}
