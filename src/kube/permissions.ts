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
export function permissionsOf({ trackerKind }: { readonly trackerKind?: TrackerKind }): readonly Permission[] {
  return [
    ...verbs('', 'pods', ['get', 'list', 'watch', 'patch']),
    ...verbs('', 'nodes', ['get', 'list', 'watch']),
    ...verbs('', 'events', ['create']),
    ...(trackerKind ? verbs(groupOf(trackerKind.apiPath), trackerKind.plural, ['get', 'list', 'watch', 'patch']) : []),
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
