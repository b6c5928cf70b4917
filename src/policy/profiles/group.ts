import { createHash } from 'node:crypto';
import type { Pod, Requirement, Selector } from '../model.ts';
import { formatSelector, matches } from '../selector.ts';
import { immovable, type Profile, selects } from './profile.ts';

type Grouped = Pick<Profile, 'selectors' | 'maxConcurrent'>;

/** Which group of the profile the pod is of. Whatever the profile is called, it stays the same. */
export function groupKey({ selectors, maxConcurrent }: Grouped, { labels }: Pick<Pod, 'labels'>): string {
  const values = maxConcurrent?.by.map((key) => labels[key] ?? null);
  const text = JSON.stringify([selectors.map(formatSelector), values]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** The pods of the group, itself among them. */
export function podsOfGroup(pod: Pod, profile: Profile, among: Iterable<Pod>): Pod[] {
  const selector = groupSelector(profile, pod);
  // A backup Job may carry the labels of the members, and is none.
  const isOfGroup = (one: Pod) =>
    one.namespace === pod.namespace &&
    matches(selector, one.labels) &&
    selects(profile, one) &&
    immovable(one) === undefined;
  return [...among].filter(isOfGroup);
}

/** Selects the pods of the group. If the profile has several selectors, also others: `podsOfGroup` leaves them out. */
export function groupSelector({ selectors, maxConcurrent }: Grouped, { labels }: Pick<Pod, 'labels'>): Selector {
  const [only = [], ...others] = selectors;
  const ofGroup = (maxConcurrent?.by ?? []).map((key): Requirement => {
    const value = labels[key];
    return value === undefined ? { op: 'missing', key } : { op: 'in', key, values: [value] };
  });
  return others.length > 0 ? ofGroup : [...only, ...ofGroup];
}
