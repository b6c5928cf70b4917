import type { TrackerKind } from '../policy/trackers/index.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch';

/** One thing the hook may do, in the words of RBAC. */
export interface Permission {
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

/**
 * Everything the hook asks of the API server. It asks for these before it is ready, and the ClusterRole grants exactly
 * these: test/manifests.test.ts compares them with the calls that the code makes and with what config/ grants. (What
 * everybody may, asking for one's own permissions, is not among them.)
 */
export function permissionsOf(settings: PermissionSettings): readonly Permission[] {
  const { trackerKind, ownCertificates } = settings;
  return [
    ...verbs('', 'pods', ['get', 'list', 'watch', 'patch']),
    ...verbs('', 'nodes', ['get', 'list', 'watch']),
    ...verbs('', 'events', ['create']),
    ...(trackerKind ? verbs(groupOf(trackerKind.apiPath), trackerKind.plural, ['get', 'list', 'watch', 'patch']) : []),
    ...(ownCertificates ? forCertificates(ownCertificates) : []),
  ];
}

export interface PermissionSettings {
  readonly trackerKind?: TrackerKind;
  /** Where the hook makes its certificates itself: what it writes for that. */
  readonly ownCertificates?: OwnCertificates;
}

export interface OwnCertificates {
  readonly namespace: string;
  readonly secret: string;
  readonly registration: string;
}

/** A create cannot be granted by name: the API server does not know the name when it looks. */
function forCertificates({ namespace, secret, registration: name }: OwnCertificates): Permission[] {
  const group = 'admissionregistration.k8s.io';
  const registration = { group, resource: 'validatingwebhookconfigurations', name };
  const secrets = { group: '', resource: 'secrets', namespace };
  return [
    { verb: 'create', ...secrets },
    ...(['get', 'update'] as const).map((verb) => ({ verb, ...secrets, name: secret })),
    ...(['get', 'list', 'watch', 'patch'] as const).map((verb) => ({ verb, ...registration })),
  ];
}

/** Such as `patch couchbaseclusters.couchbase.com` or `get secrets/name in namespace x`. */
export function describePermission({ verb, group, resource, namespace, name }: Permission): string {
  const what = `${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : `/${name}`}`;
  return `${verb} ${what}${namespace === undefined ? '' : ` in namespace ${namespace}`}`;
}

/** The rule that grants it, as it is written in a Role (with a namespace) or a ClusterRole. */
export function ruleFor({ verb, group, resource, name }: Permission): string {
  const names = name === undefined ? '' : `, resourceNames: ["${name}"]`;
  return `{apiGroups: ["${group}"], resources: ["${resource}"]${names}, verbs: ["${verb}"]}`;
}

function verbs(group: string, resource: string, all: readonly Verb[]): Permission[] {
  return all.map((verb) => ({ verb, group, resource }));
}

/** `/apis/<group>/<version>`, or `/api/v1` for the core group. */
const groupOf = (apiPath: string) => /^\/apis\/([^/]+)\//.exec(apiPath)?.[1] ?? '';
