import { allow, MESSAGES, wait } from '../decision.ts';
import { isDraining } from '../node-state.ts';
import { LOOK_AT_NODE, type Look, nodeOrGone, onceLive, type Subject, seenValue } from '../observation.ts';
import { describeHold, POLICY_KEY, type Policy } from '../policy-annotation.ts';
import { isMarked, type PolicySettings } from '../profiles/profile.ts';
import { notSeenByCache } from './earlier-instance.ts';
import type { Opinion, PodObservation, Rule } from './rule.ts';

/** What people have said, and where. */
interface Said {
  readonly policy: Policy;
  /** For people. */
  readonly on: string;
  /** Where `ignore` was found, and where something else could have been said before it. */
  readonly restsOn: readonly Subject[];
}

/** People overrule the hook for this pod: it lets the pod go, or refuses without a mark. */
export const policyAnnotation: Rule<PodObservation> = (seen, settings) => {
  const said = saidOf(seen, settings);
  if (said === undefined || 'kind' in said) return said;
  const isAboutEarlier = mayHaveLeft(seen, settings);
  if (typeof isAboutEarlier !== 'boolean') return isAboutEarlier;
  // A later rule waits, or ends the drain. None of those marks the pod.
  if (isAboutEarlier) return undefined;
  if (said.policy.policy === 'hold') return hold(seen, said);
  // An instance that the cache has not seen may have come after the one that the request means.
  return notSeenByCache(seen, settings) ?? ignore(seen, said);
};

/** The pod comes before its tracker, and that before its Namespace. */
function saidOf({ pod, tracker, namespace }: PodObservation, settings: PolicySettings): Said | Look | undefined {
  if (pod.value.policy !== undefined) return { policy: pod.value, on: 'the pod', restsOn: ['pod'] };
  const found = seenValue(tracker);
  if (found?.policy !== undefined) {
    return { policy: found, on: `${found.resource.kind} ${found.name}`, restsOn: ['pod', 'tracker'] };
  }
  if (!settings.readsNamespacePolicy) return undefined;
  if (namespace.kind === 'unread') return { kind: 'look', at: 'namespace', live: false };
  const policy = seenValue(namespace);
  if (policy?.policy === undefined) return undefined;
  return { policy, on: `Namespace ${pod.value.namespace}`, restsOn: ['pod', 'tracker', 'namespace'] };
}

/**
 * The request may mean an earlier instance, and the present one is not known to be on a draining node. To let that one go
 * would end a pod that nobody drains.
 */
function mayHaveLeft(seen: PodObservation, { drainTaints }: PolicySettings): boolean | Look {
  const { request, earlier, otherInstallation, cacheKnowsInstance, pod, node } = seen;
  if (request.uid !== undefined) return false;
  if (otherInstallation !== undefined) return true;
  if (earlier === undefined) return !cacheKnowsInstance;
  if (pod.value.node === undefined) return true;
  return node.kind === 'unread' ? LOOK_AT_NODE : !isDraining(nodeOrGone(node), drainTaints);
}

/** A marked pod waits anyway, and the rule of marks says since when. */
function hold({ pod }: PodObservation, { policy, on }: Said): Opinion | undefined {
  if (isMarked(pod.value)) return undefined;
  return wait(
    'Held',
    `${MESSAGES.waiting} (${POLICY_KEY} on ${on} ${describeHold(policy)}, so nobody is asked to move it)`,
  );
}

/**
 * The annotation of a pod is about this instance alone. Once the pod is marked, its operator may replace it at any moment, and
 * an eviction by name could hit the successor (S1). On a tracker or a Namespace it is about the successor, too.
 */
function ignore(seen: PodObservation, { on, restsOn }: Said): Opinion {
  const { request, pod, earlier } = seen;
  const isByName = request.uid === undefined;
  if (isByName && isMarked(pod.value) && restsOn.length === 1) {
    const why = `${POLICY_KEY} on ${on} says ignore, but it is marked: an eviction by name could hit its successor`;
    return wait('Waiting', `${MESSAGES.waiting} (${why}; remove the mark, or name the UID)`);
  }
  return onceLive(seen, isByName && earlier !== undefined ? [...restsOn, 'node'] : restsOn, allow('Ignored'));
}
