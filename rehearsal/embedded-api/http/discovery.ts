import { apiVersionOf, type Kind, type KindRegistry, STORED_VERBS, subresourcesOf } from '../storage/kinds.ts';
import type { Json } from '../storage/object.ts';
import { openApi } from './openapi.ts';

/** The Kubernetes release whose answers this API gives. */
const VERSION = { major: '1', minor: '36', gitVersion: 'v1.36.3-embedded', platform: 'embedded' };
export const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** What a client asks before it asks for objects; undefined where the path is none of that. */
export function discover(kinds: KindRegistry, path: string, accept: string): Json | undefined {
  const isAggregated = accept.includes('as=APIGroupDiscoveryList');
  switch (path) {
    case '/version':
      return { ...VERSION, gitCommit: '', gitTreeState: '', buildDate: '', goVersion: '', compiler: '' };
    case '/api':
      return isAggregated
        ? aggregated(kinds, [''])
        : { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
    case '/apis':
      return isAggregated ? aggregated(kinds, kinds.groups) : groupList(kinds);
    default:
      return inGroup(kinds, path) ?? openApi(kinds, path);
  }
}

function inGroup(kinds: KindRegistry, path: string): Json | undefined {
  if (path === '/api/v1') return resourceList(kinds, '', 'v1');
  const [, group, version] = /^\/apis\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? [];
  if (group === undefined || !kinds.groups.includes(group)) return undefined;
  return version === undefined
    ? { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(kinds, group) }
    : resourceList(kinds, group, version);
}

function groupList(kinds: KindRegistry): Json {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: kinds.groups.map((group) => groupOf(kinds, group)) };
}

function groupOf(kinds: KindRegistry, group: string) {
  const versions = versionsOf(kinds, group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

const versionsOf = (kinds: KindRegistry, group: string) => [
  ...new Set(kinds.all.filter((kind) => kind.group === group).map(({ version }) => version)),
];

function resourceList(kinds: KindRegistry, group: string, version: string): Json | undefined {
  const found = kinds.in(group, version);
  const [first] = found;
  if (first === undefined) return undefined;
  const resources = found.flatMap((kind) => [
    {
      name: kind.plural,
      singularName: kind.singular,
      namespaced: kind.namespaced,
      kind: kind.kind,
      verbs: verbsOf(kind),
      ...namesOf(kind),
    },
    ...subresourcesOf(kind).map((sub) => ({
      name: `${kind.plural}/${sub.name}`,
      singularName: '',
      namespaced: kind.namespaced,
      // Only what differs from the list's own is said: this is how kubectl knows the version of an eviction.
      ...(sub.group === group ? {} : { group: sub.group, version: sub.version }),
      kind: sub.kind,
      verbs: sub.verbs,
    })),
  ]);
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersionOf(first),
    resources,
  };
}

function aggregated(kinds: KindRegistry, groups: readonly string[]): Json {
  const items = groups.map((group) => ({
    metadata: group === '' ? {} : { name: group },
    versions: versionsOf(kinds, group).map((version) => ({
      version,
      resources: kinds.in(group, version).map(aggregatedResource),
      freshness: 'Current',
    })),
  }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

function aggregatedResource(kind: Kind) {
  const subresources = subresourcesOf(kind).map(({ name, group, version, kind: responseKind, verbs }) => ({
    subresource: name,
    responseKind: { group, version, kind: responseKind },
    verbs,
  }));
  return {
    resource: kind.plural,
    responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: verbsOf(kind),
    ...namesOf(kind),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}

const verbsOf = ({ isReview }: Kind) => (isReview ? ['create'] : STORED_VERBS);

const namesOf = ({ shortNames, categories }: Kind) => ({
  ...(shortNames ? { shortNames } : {}),
  ...(categories ? { categories } : {}),
});
