export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** One permitted action, in the terms of RBAC. */
export interface Grant {
  readonly verb: Verb;
  /** Empty for the core group. */
  readonly group: string;
  /** The plural, with a subresource after a slash. */
  readonly resource: string;
  /** Absent: every namespace, or a cluster-scoped resource. */
  readonly namespace?: string;
  /** Absent: every name. */
  readonly name?: string;
}

/** One permission that the hook needs, and its purpose. */
export interface Permission extends Grant {
  readonly purpose: Purpose;
}

/**
 * `answers`: without it the hook cannot decide evictions correctly, and is not ready. `upkeep`: Events and
 * certificates. Without a certificate to serve, the hook is not ready for that reason alone.
 */
export type Purpose = 'answers' | 'upkeep';
export const PURPOSES: readonly Purpose[] = ['answers', 'upkeep'];

/**
 * Every permission that the hook needs. The hook checks them at start, and the ClusterRole grants exactly these. A test
 * (test/manifests.test.ts) compares them with the calls of the code and with the grants in config/. The check of one's
 * own permissions is not among them, because every account may do it.
 */
export function permissionsOf(settings: PermissionSettings): readonly Permission[] {
  const {
    tracking,
    readsNamespaces,
    reporters = [],
    requests = [],
    respectsBudgets,
    evicts,
    hasConflicts,
    ownSecret,
    ownRegistration,
  } = settings;
  return [
    ...verbs('answers', '', 'pods', ['get', 'list', 'watch', 'patch']),
    ...verbs('answers', '', 'nodes', ['get', 'list', 'watch']),
    ...verbs('upkeep', '', 'events', ['create']),
    ...verbs('upkeep', 'admissionregistration.k8s.io', 'validatingwebhookconfigurations', ['get']),
    ...forTracking(tracking.resources, readsNamespaces),
    ...reporters.flatMap(({ group, plural }) => verbs('upkeep', group, plural, ['list', 'watch'])),
    ...requests.flatMap(({ group, plural }) => verbs('answers', group, plural, ['get', 'patch'])),
    ...(respectsBudgets ? verbs('answers', 'policy', 'poddisruptionbudgets', ['list']) : []),
    ...(evicts ? verbs('answers', '', 'pods/eviction', ['create']) : []),
    ...(hasConflicts
      ? verbs('upkeep', 'admissionregistration.k8s.io', 'validatingwebhookconfigurations', ['list', 'watch'])
      : []),
    ...(ownSecret ? forSecret(ownSecret) : []),
    ...(ownRegistration === undefined ? [] : forRegistration(ownRegistration)),
  ];
}

export interface PermissionSettings {
  /** The resources that carry entries. */
  readonly tracking: { readonly resources: readonly TrackedResource[] };
  /** Whether Namespaces may say what becomes of evictions. */
  readonly readsNamespaces?: boolean;
  /** What says why operators do not act. Absent: nothing is read of it. */
  readonly reporters?: readonly { readonly group: string; readonly plural: string }[];
  /** The objects on which profiles ask for moves. */
  readonly requests?: readonly { readonly group: string; readonly plural: string }[];
  /** Whether a profile respects disruption budgets. */
  readonly respectsBudgets?: boolean;
  /** Whether a profile makes the hook itself evict pods. */
  readonly evicts?: boolean;
  /** Whether a profile conflicts with webhooks of others, which the hook then looks for in all registrations. */
  readonly hasConflicts?: boolean;
  /** Of its own certificate authority. Absent if it does not make its certificates itself. */
  readonly ownSecret?: { readonly namespace: string; readonly name: string };
  /** The name of the registration that it fills. Absent if it never writes one. */
  readonly ownRegistration?: string;
}

interface TrackedResource {
  readonly apiPath: string;
  readonly plural: string;
  /** The namespace of objects that the hook creates itself. */
  readonly own?: { readonly namespace: string };
}

/**
 * The hook writes the entry before it marks the pod, so a response needs these permissions too. It believes an object of
 * its own only if that belongs to the Namespace that has its name now.
 */
function forTracking(resources: readonly TrackedResource[], mayHavePolicy = false): Permission[] {
  const readsNamespaces =
    (mayHavePolicy || resources.some(({ own }) => own)) && resources.every(({ plural }) => plural !== 'namespaces');
  return [
    ...(readsNamespaces ? verbs('answers', '', 'namespaces', ['get', 'list', 'watch']) : []),
    ...resources.flatMap(({ apiPath, plural, own }) => {
      const group = groupOf(apiPath);
      if (!own) return verbs('answers', group, plural, ['get', 'list', 'watch', 'patch']);
      const { namespace } = own;
      const answers = verbs('answers', group, plural, ['get', 'list', 'watch', 'create', 'patch']);
      return [...answers, ...verbs('upkeep', group, plural, ['delete'])].map((one) => ({ ...one, namespace }));
    }),
  ];
}

/**
 * RBAC cannot restrict `create` by name, because the API server does not know the name when it authorizes the request.
 */
function forSecret({ namespace, name }: NonNullable<PermissionSettings['ownSecret']>): Permission[] {
  const secrets = { purpose: 'upkeep', group: '', resource: 'secrets', namespace } as const;
  return [{ verb: 'create', ...secrets }, ...(['get', 'update'] as const).map((verb) => ({ verb, ...secrets, name }))];
}

function forRegistration(name: string): Permission[] {
  const group = 'admissionregistration.k8s.io';
  const one = { purpose: 'upkeep', group, resource: 'validatingwebhookconfigurations', name } as const;
  return (['get', 'list', 'watch', 'patch'] as const).map((verb) => ({ verb, ...one }));
}

/** Such as `patch couchbaseclusters.couchbase.com` or `get secrets/name in namespace x`. */
export function describePermission({ verb, group, resource, namespace, name }: Grant): string {
  const what = `${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : `/${name}`}`;
  return `${verb} ${what}${namespace === undefined ? '' : ` in namespace ${namespace}`}`;
}

/** The rule that grants it, as a Role (with a namespace) or a ClusterRole has it. */
export function ruleFor({ verb, group, resource, name }: Grant): string {
  const names = name === undefined ? '' : `, resourceNames: ["${name}"]`;
  return `{apiGroups: ["${group}"], resources: ["${resource}"]${names}, verbs: ["${verb}"]}`;
}

function verbs(purpose: Purpose, group: string, resource: string, all: readonly Verb[]): Permission[] {
  return all.map((verb) => ({ verb, group, resource, purpose }));
}

/** `/apis/<group>/<version>`, or `/api/v1` for the core group. */
const groupOf = (apiPath: string) => /^\/apis\/([^/]+)\//.exec(apiPath)?.[1] ?? '';
