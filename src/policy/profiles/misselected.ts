import type { PodMetadata } from '../model.ts';
import { isProtected, type PolicySettings, selects } from './profile.ts';

/**
 * Operators whose pods must not be selected, because they answer evictions themselves or guard them by disruption budgets.
 * docs/operators.md has what each does, and to set instead.
 */
const SELF_SUFFICIENT = [
  { name: 'KubeVirt', key: 'kubevirt.io', value: 'virt-launcher' },
  { name: 'CloudNativePG', key: 'cnpg.io/podRole', value: 'instance' },
  { name: 'Rook', key: 'app', value: 'rook-ceph-osd' },
  { name: 'Longhorn', key: 'longhorn.io/component', value: 'instance-manager' },
] as const;

/** The operator that needs nothing of the hook, or `SeveralProfiles`: the first of them counts. */
export type Misselection = (typeof SELF_SUFFICIENT)[number]['name'] | 'SeveralProfiles';
export const MISSELECTIONS: readonly Misselection[] = [...SELF_SUFFICIENT.map(({ name }) => name), 'SeveralProfiles'];

/** The labels that show it. */
export const MISSELECTION_LABELS: readonly string[] = SELF_SUFFICIENT.map(({ key }) => key);

/** Why a protected pod should not be one, or not of its profile alone; empty for all others. */
export function misselectionsOf(pod: PodMetadata, settings: Pick<PolicySettings, 'profiles'>): readonly Misselection[] {
  if (!isProtected(pod, settings)) return [];
  const found = SELF_SUFFICIENT.find(({ key, value }) => pod.labels[key] === value);
  const isOfSeveral = settings.profiles.filter((one) => !one.isLeaving && selects(one, pod)).length > 1;
  return [...(found === undefined ? [] : [found.name]), ...(isOfSeveral ? (['SeveralProfiles'] as const) : [])];
}
