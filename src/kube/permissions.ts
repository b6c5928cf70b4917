export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch';

/** One thing that may be done, in the words of RBAC. */
export interface Grant {
  readonly verb: Verb;
  /** Empty: the core group. */
  readonly group: string;
  /** The plural. */
  readonly resource: string;
  /** Absent: in every namespace, or of a resource that has none. */
  readonly namespace?: string;
  /** Absent: of every name. */
  readonly name?: string;
}

/** One thing the hook asks to be granted, and for what. */
export interface Permission extends Grant {
  readonly purpose: Purpose;
}

/**
 * `answers`: without it the hook could not answer an eviction as it should, and is not ready. `upkeep`: Events and
 * certificates; what cannot be served for lack of it is a reason of its own not to be ready.
 */
export type Purpose = 'answers' | 'upkeep';
export const PURPOSES: readonly Purpose[] = ['answers', 'upkeep'];

/**
 * Everything the hook asks of the API server. It asks for these at start, and the ClusterRole grants exactly
 * these: test/manifests.test.ts compares them with the calls that the code makes and with what config/ grants. (What
 * everybody may, asking for one's own permissions, is not among them.)
 */
export function permissionsOf(settings: PermissionSettings): readonly Permission[] {
  const { tracking, ownCertificates } = settings;
  return [
    ...verbs('answers', '', 'pods', ['get', 'list', 'watch', 'patch']),
    ...verbs('answers', '', 'nodes', ['get', 'list', 'watch']),
    ...verbs('upkeep', '', 'events', ['create']),
    ...tracking.resources.flatMap(forTracking),
    ...(ownCertificates ? forCertificates(ownCertificates) : []),
  ];
}

export interface PermissionSettings {
  /** Where entries are kept. */
  readonly tracking: { readonly resources: readonly TrackedResource[] };
  /** Where the hook makes its certificates itself: what it writes for that. */
  readonly ownCertificates?: OwnCertificates;
}

interface TrackedResource {
  readonly apiPath: string;
  readonly plural: string;
}

export interface OwnCertificates {
  readonly namespace: string;
  readonly secret: string;
  readonly registration: string;
}

/** The entry is written before the pod is marked, so an answer waits for that too. */
const forTracking = ({ apiPath, plural }: TrackedResource) =>
  verbs('answers', groupOf(apiPath), plural, ['get', 'list', 'watch', 'patch']);

/** A create cannot be granted by name: the API server does not know the name when it looks. */
function forCertificates({ namespace, secret, registration: name }: OwnCertificates): Permission[] {
  const purpose = 'upkeep';
  const group = 'admissionregistration.k8s.io';
  const registration = { purpose, group, resource: 'validatingwebhookconfigurations', name } as const;
  const secrets = { purpose, group: '', resource: 'secrets', namespace } as const;
  return [
    { verb: 'create', ...secrets },
    ...(['get', 'update'] as const).map((verb) => ({ verb, ...secrets, name: secret })),
    ...(['get', 'list', 'watch', 'patch'] as const).map((verb) => ({ verb, ...registration })),
  ];
}

/** Such as `patch couchbaseclusters.couchbase.com` or `get secrets/name in namespace x`. */
export function describePermission({ verb, group, resource, namespace, name }: Grant): string {
  const what = `${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : `/${name}`}`;
  return `${verb} ${what}${namespace === undefined ? '' : ` in namespace ${namespace}`}`;
}

/** The rule that grants it, as it is written in a Role (with a namespace) or a ClusterRole. */
export function ruleFor({ verb, group, resource, name }: Grant): string {
  const names = name === undefined ? '' : `, resourceNames: ["${name}"]`;
  return `{apiGroups: ["${group}"], resources: ["${resource}"]${names}, verbs: ["${verb}"]}`;
}

function verbs(purpose: Purpose, group: string, resource: string, all: readonly Verb[]): Permission[] {
  return all.map((verb) => ({ verb, group, resource, purpose }));
}

/** `/apis/<group>/<version>`, or `/api/v1` for the core group. */
const groupOf = (apiPath: string) => /^\/apis\/([^/]+)\//.exec(apiPath)?.[1] ?? '';
