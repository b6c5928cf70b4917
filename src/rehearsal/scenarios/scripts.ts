import type { Reason } from '../../policy/decision.ts';
import type { Play } from './play.ts';

/** What several scenarios do, or what is too long to stand between them. */

export const drainOne = async (play: Play) => {
  await play.drain(play.node());
};

/** Starts a drain, does something once the first pod is marked, and waits for the end of the drain. */
export const disturb = (what: (play: Play) => Promise<void>) => async (play: Play) => {
  const since = play.mark;
  const drain = play.drainUntilDone(play.node());
  await Promise.all([drain, play.marked(since).then(() => what(play))]);
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
export async function drainAgainst(play: Play, sign: Promise<unknown>, resume: () => Promise<void>): Promise<void> {
  const node = play.node();
  const all = play.membersOn(node).length;
  await drainWhile(play, node, sign, async (hasWaited) => {
    const left = play.membersOn(node).length;
    play.expect('while nobody moved the pods they stayed', left === all, `${left} of ${all} were left`);
    play.expect('the drain waited meanwhile', hasWaited, 'it had ended');
    await resume();
  });
}

/** A successor without a node, and then an answer of the hook that says that the drain waits for just that. */
export async function waitForHomeless(play: Play): Promise<void> {
  const homeless = () => play.members().find(({ node }) => node === undefined);
  await play.see('a successor without a node', () => homeless() !== undefined);
  const name = homeless()?.name;
  const isIt: Reason = 'WaitingForSchedule';
  await play.hookSays(
    ({ namespace, pod, code, reason }) =>
      namespace === play.namespace && pod === name && code === 429 && reason === isIt,
    play.mark,
  );
}
