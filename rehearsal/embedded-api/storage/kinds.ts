import type { ApiObject, Json } from './object.ts';
import { recordAt } from './object.ts';

/** A kind of object that this API serves. */
export interface Kind {
  /** Empty: the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly namespaced: boolean;
  /** Whether the status is written through its own path only. */
  readonly hasStatus: boolean;
  /** Only answers, never stored: `create` is the one verb. */
  readonly isReview?: boolean;
}

export interface SubresourceKind {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

export const STORED_VERBS = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
] as const;

const builtin = (
  group: string,
  kind: string,
  plural: string,
  more: Partial<Kind> & { readonly shortNames?: readonly string[] } = {},
): Kind => ({
  group,
  version: 'v1',
  kind,
  plural,
  singular: kind.toLowerCase(),
  namespaced: true,
  hasStatus: false,
  ...more,
});

const ALL = { categories: ['all'] };

export const POD = builtin('', 'Pod', 'pods', { hasStatus: true, shortNames: ['po'], ...ALL });
export const NODE = builtin('', 'Node', 'nodes', { hasStatus: true, shortNames: ['no'], namespaced: false });
export const NAMESPACE = builtin('', 'Namespace', 'namespaces', {
  hasStatus: true,
  shortNames: ['ns'],
  namespaced: false,
});
export const EVENT = builtin('', 'Event', 'events', { shortNames: ['ev'] });
export const SERVICE_ACCOUNT = builtin('', 'ServiceAccount', 'serviceaccounts', { shortNames: ['sa'] });
export const DEPLOYMENT = builtin('apps', 'Deployment', 'deployments', {
  hasStatus: true,
  shortNames: ['deploy'],
  ...ALL,
});
export const REPLICA_SET = builtin('apps', 'ReplicaSet', 'replicasets', {
  hasStatus: true,
  shortNames: ['rs'],
  ...ALL,
});
export const DAEMON_SET = builtin('apps', 'DaemonSet', 'daemonsets', { hasStatus: true, shortNames: ['ds'], ...ALL });
export const JOB = builtin('batch', 'Job', 'jobs', { hasStatus: true, ...ALL });
export const BUDGET = builtin('policy', 'PodDisruptionBudget', 'poddisruptionbudgets', {
  hasStatus: true,
  shortNames: ['pdb'],
});
export const WEBHOOKS = builtin(
  'admissionregistration.k8s.io',
  'ValidatingWebhookConfiguration',
  'validatingwebhookconfigurations',
  {
    namespaced: false,
    categories: ['api-extensions'],
  },
);
export const DEFINITION = builtin('apiextensions.k8s.io', 'CustomResourceDefinition', 'customresourcedefinitions', {
  namespaced: false,
  hasStatus: true,
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
});
const ACCESS_REVIEW = builtin('authorization.k8s.io', 'SelfSubjectAccessReview', 'selfsubjectaccessreviews', {
  namespaced: false,
  isReview: true,
});

export const SELF_REVIEW = builtin('authentication.k8s.io', 'SelfSubjectReview', 'selfsubjectreviews', {
  namespaced: false,
  isReview: true,
});

const BUILTIN: readonly Kind[] = [
  EVENT,
  NAMESPACE,
  NODE,
  POD,
  builtin('', 'ConfigMap', 'configmaps', { shortNames: ['cm'] }),
  builtin('', 'Secret', 'secrets'),
  builtin('', 'Service', 'services', { shortNames: ['svc'], hasStatus: true, ...ALL }),
  SERVICE_ACCOUNT,
  DAEMON_SET,
  DEPLOYMENT,
  REPLICA_SET,
  JOB,
  BUDGET,
  builtin('coordination.k8s.io', 'Lease', 'leases'),
  WEBHOOKS,
  DEFINITION,
  ACCESS_REVIEW,
  SELF_REVIEW,
];

/** The kinds that are served now: the built-in ones and those of the definitions in the store. */
export class KindRegistry {
  #custom = new Map<string, readonly Kind[]>();

  get all(): readonly Kind[] {
    return [...BUILTIN, ...[...this.#custom.values()].flat()];
  }

  get groups(): readonly string[] {
    return [...new Set(this.all.map(({ group }) => group))].filter((group) => group !== '');
  }

  in(group: string, version: string): readonly Kind[] {
    return this.all.filter((kind) => kind.group === group && kind.version === version);
  }

  find(group: string, version: string, plural: string): Kind | undefined {
    return this.in(group, version).find((kind) => kind.plural === plural);
  }

  /** The kind that an owner reference names. */
  named(apiVersion: string, name: string): Kind | undefined {
    return this.all.find((kind) => kind.kind === name && apiVersionOf(kind) === apiVersion);
  }

  define(definition: ApiObject): void {
    this.#custom.set(definition.metadata.name, kindsOf(definition));
  }

  undefine(name: string): readonly Kind[] {
    const gone = this.#custom.get(name) ?? [];
    this.#custom.delete(name);
    return gone;
  }
}

export const apiVersionOf = ({ group, version }: Kind) => (group === '' ? version : `${group}/${version}`);

export function subresourcesOf(kind: Kind): readonly SubresourceKind[] {
  const { group, version, kind: name } = kind;
  const eviction = { name: 'eviction', group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] };
  const status = { name: 'status', group, version, kind: name, verbs: ['get', 'patch', 'update'] };
  return [...(kind === POD ? [eviction] : []), ...(kind.hasStatus ? [status] : [])];
}

function kindsOf(definition: ApiObject): readonly Kind[] {
  const spec = recordAt(definition, 'spec');
  const names = recordAt(spec, 'names') as { kind: string; plural: string; singular?: string; shortNames?: string[] };
  const versions = (spec.versions ?? []) as readonly { name: string; served?: boolean; subresources?: Json }[];
  return versions
    .filter(({ served }) => served !== false)
    .map(({ name, subresources }) => ({
      group: String(spec.group),
      version: name,
      kind: names.kind,
      plural: names.plural,
      singular: names.singular ?? names.kind.toLowerCase(),
      ...(names.shortNames ? { shortNames: names.shortNames } : {}),
      namespaced: spec.scope === 'Namespaced',
      hasStatus: subresources?.status !== undefined,
    }));
}
