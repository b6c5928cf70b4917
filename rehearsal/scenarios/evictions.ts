import type { EvictionResponse, History } from '../evidence/history.ts';
import type { Instance } from '../evidence/pod-watch.ts';
import type { EndedBy } from '../operator/model.ts';

/** When an operator has let its pods go, and whose eviction then ends them. */
export interface Leave {
  readonly by: EndedBy;
  /** Whether its operator had said of an instance by then that it may go. */
  hadLetGo(uid: string, at: number): boolean;
  /** The user of the hook. */
  readonly hookUser: string | undefined;
}

/**
 * The instances that were rightly evicted, by UID, with when. Their operator had let them go before. Every
 * eviction of them that was allowed came from whoever is to end them: the hook itself, or else a drainer.
 */
export function rightlyEvicted(
  { responses, stays }: Pick<History, 'responses' | 'stays'>,
  members: readonly Instance[],
  leave: Leave,
): ReadonlyMap<string, number> {
  const gone = new Set(members.filter(({ isGone }) => isGone).map(({ uid }) => uid));
  return new Map(
    stays.flatMap(({ uid, name, from, to }): [string, number][] => {
      const ofIt = responses.filter((one) => isEviction(one) && one.pod === name && from <= one.to && one.from <= to);
      const last = ofIt.at(-1);
      const isRight = gone.has(uid) && ofIt.every((one) => leave.hadLetGo(uid, one.to) && isIn(leave, one));
      return isRight && last !== undefined ? [[uid, last.to]] : [];
    }),
  );
}

/** An eviction that was allowed, and not of what is ending already. */
const isEviction = ({ code, endsNothing }: EvictionResponse) => code === 201 && endsNothing !== true;

function isIn({ by, hookUser }: Leave, { user }: EvictionResponse): boolean {
  const isOfHook = hookUser !== undefined && user === hookUser;
  return by !== 'operator' && isOfHook === (by === 'hook');
}
