import type { EvictionResponse, History } from '../evidence/history.ts';
import type { Instance } from '../evidence/pod-watch.ts';
import type { EndedBy } from '../operator/model.ts';

/** When an operator has let its pods go, and whose eviction then ends them. */
export interface Leave {
  readonly by: EndedBy;
  /** When its operator said of an instance that it may go, by UID. */
  readonly letGoAt: ReadonlyMap<string, number>;
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
      const isRight = gone.has(uid) && ofIt.every((one) => isIn(leave, one, leave.letGoAt.get(uid)));
      return isRight && last !== undefined ? [[uid, last.to]] : [];
    }),
  );
}

/** An eviction that was allowed, and not of what is ending already. */
const isEviction = ({ code, endsNothing }: EvictionResponse) => code === 201 && endsNothing !== true;

function isIn({ by, hookUser }: Leave, { user, to }: EvictionResponse, letGoAt = Number.POSITIVE_INFINITY): boolean {
  const isOfHook = hookUser !== undefined && user === hookUser;
  return letGoAt <= to && by !== 'operator' && isOfHook === (by === 'hook');
}
