import { podPath } from '../../../src/kube/paths.ts';
import { LOG } from '../../../src/log/messages.ts';
import type { Reason } from '../../../src/policy/decision.ts';
import { createPdb } from '../../../testkit/couchbase/workload.ts';
import type { LogLine } from '../../../testkit/log-lines.ts';
import { NotYet } from '../../../testkit/until.ts';
import { type Annotation, endedBy } from '../../operator/model.ts';
import type { Play } from '../play.ts';

/** Drains with marks that come, go, or are of somebody else, while the operator is held until the drainer has met them. */

const FOREIGN = 'of-somebody-else';

function markOf(play: Play): Annotation {
  const { annotation } = play.options.site;
  if (annotation === undefined) throw new Error('pods of this operator carry no mark');
  return annotation;
}

/** Another name than a drainer and the hook writes the annotation of a pod, or takes it away. */
async function annotate(play: Play, name: string, value: string | null): Promise<void> {
  const { key } = markOf(play);
  play.log(value === null ? `takes the mark of ${name} away` : `writes ${key}=${value} on ${name}`);
  const body = { metadata: { annotations: { [key]: value } } };
  const path = podPath(play.namespace, name);
  await play.client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
}

function oneOn(play: Play, node: string) {
  const [one] = play.protectedOn(node);
  if (one === undefined) throw new Error(`no member is on ${node}`);
  return one;
}

/** Somebody takes the mark away before the operator has acted: the hook writes it again. */
export async function markDropped(play: Play): Promise<void> {
  const endPause = await play.options.pause.begin();
  const node = play.node();
  const { name } = oneOn(play, node);
  const since = play.mark;
  const drain = play.drain(node, { heldFor: 0 });
  await play.during(drain, play.marked(since, name));
  const dropped = play.mark;
  await annotate(play, name, null);
  await play.expectThat('the hook wrote the mark again', play.during(drain, play.marked(dropped, name)));
  await play.during(drain, play.refusedAgain(play.mark)).catch(() => undefined);
  endPause();
  await drain;
}

/** Somebody else has written the annotation, with a value of their own. */
export async function foreignMark(play: Play): Promise<void> {
  const { key, value, isAny } = markOf(play);
  const endPause = await play.options.pause.begin();
  const node = play.node();
  const { name, uid } = oneOn(play, node);
  await annotate(play, name, FOREIGN);
  const since = play.mark;
  const drain = play.drain(node, { heldFor: 0 });
  await play.during(drain, play.refusedAgain(since)).catch(() => undefined);
  const found = play.members().find((one) => one.uid === uid)?.annotations[key];
  const expected = isAny ? FOREIGN : value;
  const what = isAny ? 'the hook left the value of somebody else alone' : 'the hook wrote the value that is a mark';
  play.expect(what, found === expected, `it is ${found ?? 'gone'}`);
  endPause();
  await drain;
}

/** Somebody marks a pod on a node that nobody drains. It is the operator's affair; a later drain is not misled by it. */
export async function markedEarly(play: Play): Promise<void> {
  const node = play.node();
  const { name, uid } = oneOn(play, node);
  const { value, isAny } = markOf(play);
  const isThere = () => play.members().some((one) => one.uid === uid);
  await annotate(play, name, isAny ? FOREIGN : value);
  if (endedBy(play.place.model) === 'operator') {
    await play.see('the move of the pod', () => !isThere());
  } else {
    await play.see('the report on the pod', () => play.options.operator.letGoAt.has(uid));
  }
  await play.calm();
  if (play.options.operator.letGoAt.has(uid)) play.expect('nobody evicted the pod', isThere(), 'it is gone');
  const entries = await play.entries();
  play.expect('the hook remembered nothing of it', entries.length === 0, `there is ${entries.join(', ')}`);
  await play.drain(play.node());
}

/** A cordon keeps new pods away, and says nothing of those that are there. Some operators mark them all the same. */
export async function cordonedAlone(play: Play): Promise<void> {
  const node = play.node();
  const { name, uid } = oneOn(play, node);
  const { value, isAny } = markOf(play);
  await play.cordon(node, true);
  if (!play.place.model.followsCordon) await annotate(play, name, isAny ? FOREIGN : value);
  await play.see('the report on the pod', () => play.options.operator.letGoAt.has(uid));
  await play.calm();
  play.expect(
    'nobody evicted the pod',
    play.members().some((one) => one.uid === uid),
    'it is gone',
  );
  await play.drain(node);
}

/**
 * The operator reports that the pod may go, and takes that back before the pod is evicted: a disruption budget has kept it until
 * then, and the mark has gone. The pod stays until the operator reports once more.
 */
export async function reportWithdrawn(play: Play): Promise<void> {
  const node = play.node();
  const { name, uid } = oneOn(play, node);
  const { operator } = play.options;
  const { namespace, client, place } = play;
  const size = play.members().length + 1;
  await createPdb(client, { namespace, cluster: place.cluster, size, matchLabels: place.memberLabels });
  const since = play.mark;
  const drain = play.drain(node, { heldFor: 0 });
  await play.during(
    drain,
    play.hookSays(({ message, pod }) => message === LOG.evictionRefused && pod === name, since),
  );
  await annotate(play, name, null);
  await play.during(
    drain,
    play.see('the report to go', () => !operator.letGoAt.has(uid)),
  );
  const isThere = play.members().some((one) => one.uid === uid);
  play.expect('nobody evicted the pod', isThere, 'it is gone');
  await play.during(drain, play.refusedAgain(play.mark));
  const path = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/${place.cluster}-pdb`;
  await client.json({ method: 'DELETE', path });
  await drain;
}

/**
 * All pods that leave the node are bound to it again, as by a local volume, and tolerate its cordon. A drainer that lists the
 * pods once does not see those with new names.
 */
export async function comesBack(play: Play): Promise<void> {
  const node = play.node();
  const { name } = oneOn(play, node);
  const isRenamed = play.options.names.process === 'swap';
  play.log('binds the successors to the node');
  play.options.pin.node = node;
  play.options.pin.names = isRenamed ? undefined : new Set([name]);
  // A drainer that evicted the pod itself takes another instance of its name for another pod, too.
  const isOver = isRenamed || endedBy(play.place.model) === 'drainer';
  await (isOver ? drainPastSuccessors(play, node) : drainInVain(play, node));
  delete play.options.pin.node;
  await play.cordon(node, false);
  await play.until('the end of every move', async () => {
    const left = play.members().filter(({ ready, terminating }) => !ready || terminating);
    if (left.length > 0) throw new NotYet(left.map((one) => one.name).join(', '));
  });
}

async function drainInVain(play: Play, node: string): Promise<void> {
  const cut = new AbortController();
  const since = play.mark;
  const isIt: Reason = 'ComesBack';
  const said = play.hookSays((line) => line.code === 429 && line.reason === isIt, since);
  const drain = drainAgainAndAgain(play, node, cut.signal);
  await play.expectThat('the hook said that the pod comes back, and did not mark it again', play.during(drain, said));
  const marks = play.hook.process.lines.slice(since).filter((line) => isMarkOf(line, play)).length;
  play.expect('it had marked twice, and no more', marks === 2, `it marked ${marks} times`);
  play.log('ends the drain, because nobody else can help');
  cut.abort(new Error('in vain'));
  await drain;
}

/** A drainer that asks while the name is gone for a moment is done. Somebody who sees the pod there again drains once more. */
async function drainAgainAndAgain(play: Play, node: string, cut: AbortSignal): Promise<void> {
  for (let code = await play.drain(node, { cut }); code === 0 && !cut.aborted; ) {
    await play.see('the pod on the node again', () => cut.aborted || play.membersOn(node).length > 0);
    if (!cut.aborted) code = await play.drain(node, { cut, heldFor: 0 });
  }
}

const isMarkOf = ({ message, namespace }: LogLine, play: Play) =>
  message === LOG.marked && namespace === play.namespace;

async function drainPastSuccessors(play: Play, node: string): Promise<void> {
  const before = play.membersOn(node).length;
  const code = await play.drain(node);
  play.expect('the drain ended without an error', code === 0, `exit code ${code}`);
  const isBack = play.see('the successors', () => play.membersOn(node).length === before);
  await play.expectThat('as many members are on the node as before', isBack);
}
