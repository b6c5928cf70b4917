import type { Play } from '../play.ts';
import { countEvents, noEntry } from './hook-writes.ts';

/** Drains, waits until the entries of that drain are pruned, and counts the Events about it. */
export async function drainAndForget(play: Play): Promise<void> {
  const before = new Set(play.members().map(({ uid }) => uid));
  await play.drain(play.node());
  // When the operator has done all that it does, the time may be over.
  const remembered = (await play.entries()).length;
  play.expect('the move was remembered when the drain ended', remembered > 0, 'there was no tracking entry');
  await play.calm();
  await play.expectThat('each entry was pruned after TRACKING_RETENTION', noEntry(play));
  const moved = play.members().filter(({ uid }) => !before.has(uid));
  const counts = await countEvents(play, 'Rescheduled');
  const wrong = moved
    .filter(({ uid }) => counts.get(uid) !== 1)
    .map(({ name, uid }) => `${name}: ${counts.get(uid) ?? 0}`);
  play.expect('one Event Rescheduled told of each move', wrong.length === 0, wrong.join(', '));
  const others = [...counts.keys()].filter((uid) => !moved.some((one) => one.uid === uid)).length;
  play.expect('and none of anything else', others === 0, `${others} Events were about other instances`);
}
