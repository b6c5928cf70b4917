import { createHash } from 'node:crypto';
import type { Pod, Selector } from '../model.ts';
import { formatSelector, matches } from '../selector.ts';
import { type Profile, selects } from './profile.ts';

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
  const isOfGroup = (one: Pod) =>
    one.namespace === pod.namespace && matches(selector, one.labels) && selects(profile, one);
  return [...among].filter(isOfGroup);
}

/** Selects the pods of the group. Whether they are of the profile, `selects` says. */
export function groupSelector({ maxConcurrent }: Grouped, { labels }: Pick<Pod, 'labels'>): Selector {
  return (maxConcurrent?.by ?? []).map((key) => {
    const value = labels[key];
    return value === undefined ? { op: 'missing', key } : { op: 'in', key, values: [value] };
  });
}
