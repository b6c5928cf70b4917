import { MESSAGES, wait } from '../decision.ts';
import { entryFoundBy, type PodObservation, type Rule } from './rule.ts';

/**
 * Two installations of the hook select the pod, and the other one keeps its entry. A mark of this one could move the pod
 * twice, so it refuses without a mark until a human narrows one of the selectors. What this process itself saw of the pod
 * counts before that. The drainer gets the first denial. If that were always this one, its drain would never end, and the
 * other installation would move the pod whenever it prunes the entry.
 */
export const otherInstallation: Rule<PodObservation> = (seen) => {
  const other = seen.otherInstallation;
  if (other === undefined) return undefined;
  const where = `the installation ${other} of this hook has an entry for it on ${entryFoundBy(seen)?.on}`;
  return wait('OtherInstallation', `${MESSAGES.waiting} (${where}: both select the pod)`);
};
