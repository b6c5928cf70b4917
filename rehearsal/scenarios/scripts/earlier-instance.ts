import { ApiError, describeError } from '../../../src/kube/errors.ts';
import { podPath } from '../../../src/kube/paths.ts';
import type { Reason } from '../../../src/policy/decision.ts';
import type { Play } from '../play.ts';
import { versions } from './hook-writes.ts';

/** Drains, and then requests the eviction of an instance that the operator has moved, like a drainer that is late. */
export async function drainByInstance(play: Play): Promise<void> {
  const node = play.node();
  const [earlier] = play.membersOn(node);
  await play.drain(node);
  await play.calm();
  if (earlier === undefined) throw new Error(`no member is on ${node}`);
  const { namespace, name, uid } = earlier;
  play.log(`asks for the eviction of ${name} by the UID that it had before`);
  const before = await versions(play);
  const since = play.mark;
  const deleteOptions = { preconditions: { uid } };
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, deleteOptions };
  const path = `${podPath(namespace, name)}/eviction`;
  const response = await play.client.json({ method: 'POST', path, body }).then(
    () => '201',
    (error: unknown) => (error instanceof ApiError ? String(error.code) : describeError(error)),
  );
  play.expect('an eviction by the UID of the earlier instance got 409', response === '409', `it got ${response}`);
  const isIt: Reason = 'OtherInstance';
  const said = play.hookSays(({ pod, code, reason }) => pod === name && code === 409 && reason === isIt, since);
  await play.expectThat('it was the hook that refused it', said);
  play.expect('nothing was written for it', before === (await versions(play)), 'a pod or the cluster has changed');
}
