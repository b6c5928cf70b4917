import type { Profile } from './profile.ts';

/** What decides of a webhook whether it is a rival. Its selectors and conditions do not: they may change, and so may labels. */
export interface RegisteredWebhook {
  readonly name?: string;
  readonly rules?: readonly WebhookRule[];
}

export interface WebhookRule {
  readonly operations?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly apiVersions?: readonly string[];
  readonly resources?: readonly string[];
  /** Absent: as `*`. */
  readonly scope?: string;
}

/** A webhook of somebody else that is asked about evictions, too, and beside which a profile cannot work. */
export interface Rival {
  readonly profile: string;
  /** The name in the profile's `conflicts`. */
  readonly rival: string;
  /** The name of the registration. */
  readonly registration: string;
  readonly webhooks: number;
}

/** How many webhooks of a registration are asked about evictions, by the name of `names` that they or it have. */
export function rivalsIn(
  registration: string,
  webhooks: readonly RegisteredWebhook[],
  names: ReadonlySet<string>,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { name = '', rules = [] } of webhooks) {
    const known = new Set([registration, name].filter((one) => names.has(one)));
    if (known.size === 0 || !rules.some(isAboutEvictions)) continue;
    for (const one of known) counts.set(one, (counts.get(one) ?? 0) + 1);
  }
  return counts;
}

/** Every name with which a profile conflicts. */
export const conflictsOf = (profiles: readonly Pick<Profile, 'conflicts'>[]): ReadonlySet<string> =>
  new Set(profiles.flatMap(({ conflicts }) => conflicts));

const EVICTIONS = ['pods/eviction', 'pods/*', '*/eviction', '*/*'];

/** Whether the API server asks about the creation of `pods/eviction`, as its rules say. `*` is no subresource. */
function isAboutEvictions({ operations, apiGroups, apiVersions, resources, scope = '*' }: WebhookRule): boolean {
  const has = (texts: readonly string[] = [], ...wanted: readonly string[]) =>
    texts.some((text) => text === '*' || wanted.includes(text));
  return (
    has(operations, 'CREATE') &&
    has(apiGroups, '') &&
    has(apiVersions, 'v1') &&
    (resources ?? []).some((text) => EVICTIONS.includes(text)) &&
    scope !== 'Cluster'
  );
}
