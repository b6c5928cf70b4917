import type { ApiClient, JsonObject } from './client.ts';
import { isServed, servedVersion } from './discovery.ts';
import { ApiError, isNotFound, saysNotFound } from './errors.ts';
import { createGuardedObjects } from './guarded-objects.ts';
import { collectionPath, namespacePath, nodePath, objectPath, podPath, registrationPath, splitPath } from './paths.ts';

/** Live reads of single objects. Undefined if the object does not exist; throws on any other failure. */
export interface Reads {
  pod(namespace: string, name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  /** All pods of a namespace that the selector matches. Throws if they weigh too much for a group. */
  pods(namespace: string, labelSelector: string, signal?: AbortSignal): Promise<readonly JsonObject[]>;
  /** All disruption budgets of a namespace. Throws if they weigh too much. */
  budgets(namespace: string, signal?: AbortSignal): Promise<readonly JsonObject[]>;
  /** Only the metadata, at a fraction of the cost. They suffice to see that the hook does not protect the pod. */
  podMetadata(namespace: string, name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  node(name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  /** Only the metadata. */
  namespace(name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  /** Whether another installation of the hook has a registration of this name. */
  isInstalled(registration: string, signal?: AbortSignal): Promise<boolean>;
  /** A custom resource, in the version that the API server prefers. If its kind is not installed, it does not exist either. */
  custom(kind: GroupAndPlural, namespace: string, name: string, signal?: AbortSignal): Promise<FoundObject | undefined>;
  /** The name of the user that the API server takes the hook for. */
  self(signal?: AbortSignal): Promise<string>;
  /** For a kind that may not be installed. If it is not, the object does not exist either. */
  object(path: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
}

export interface GroupAndPlural {
  readonly group: string;
  readonly plural: string;
}

/** An object, and where it was found. */
export interface FoundObject {
  readonly object: JsonObject;
  readonly path: string;
}

/**
 * Every supported API server can return only the metadata, for every kind:
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-metadata-only
 */
const METADATA_ALONE = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

/** Every registration of the hook carries this label, so no other webhook passes for an installation. */
const NAME_LABEL = 'app.kubernetes.io/name';
const HOOK_NAME = 'reschedule-hook';
export const HOOK_LABEL = `${NAME_LABEL}=${HOOK_NAME}`;
/** On a registration: in which namespace its hook is. */
export const NAMESPACE_LABEL = 'reschedule.hook/namespace';

/** Whether an object with these labels is the hook's. */
export const isOfTheHook = (labels: Readonly<Record<string, string>> = {}) => labels[NAME_LABEL] === HOOK_NAME;

/** Every account may ask who it is (system:basic-user). */
const SELF = '/apis/authentication.k8s.io/v1/selfsubjectreviews';

/** A thousand pods, or a dozen of the largest. */
const GROUP_MAX_BYTES = 16 * 1024 * 1024;

export function createReads(client: ApiClient): Reads {
  const { read } = createGuardedObjects(client);
  // For a kind that it does not serve, the API server sends the same bare 404 as any proxy could.
  const isAbsentWithItsKind = async (path: string, error: unknown, signal = new AbortController().signal) => {
    if (!isNotFound(error)) return false;
    const { apiPath, plural, name } = splitPath(path);
    return saysNotFound(error, plural, name) || !(await isServed(client, apiPath, plural, signal));
  };
  const metadataAlone = async (path: string, signal?: AbortSignal) => {
    try {
      return await read(path, signal, { accept: METADATA_ALONE });
    } catch (error) {
      // A proxy that knows only plain JSON must not hold up every eviction of the cluster.
      if (error instanceof ApiError && error.code === 406) return read(path, signal);
      throw error;
    }
  };
  const list = async (path: string, signal?: AbortSignal, query = {}) => {
    const { items } = await client.json({ method: 'GET', path, query, signal, maxBytes: GROUP_MAX_BYTES });
    if (!Array.isArray(items)) throw new TypeError('the answer to a list has no items');
    return items as readonly JsonObject[];
  };
  const versions = new Map<string, string>();
  const versionOf = async ({ group, plural }: GroupAndPlural, signal = new AbortController().signal) => {
    const known = versions.get(`${plural}.${group}`);
    const version = known ?? (await servedVersion(client, group, plural, signal));
    if (version !== undefined) versions.set(`${plural}.${group}`, version);
    return version;
  };
  const object: Reads['object'] = (path, signal) =>
    read(path, signal, { isAbsent: (error) => isAbsentWithItsKind(path, error, signal) });
  return {
    object,
    async custom(kind, namespace, name, signal) {
      const version = await versionOf(kind, signal);
      if (version === undefined) return undefined;
      const path = objectPath(`/apis/${kind.group}/${version}`, kind.plural, namespace, name);
      const found = await object(path, signal);
      // Operators drop versions.
      if (found === undefined) versions.delete(`${kind.plural}.${kind.group}`);
      return found && { object: found, path };
    },
    pod: (namespace, name, signal) => read(podPath(namespace, name), signal),
    pods: (namespace, labelSelector, signal) =>
      list(collectionPath('/api/v1', 'pods', namespace), signal, { labelSelector }),
    budgets: (namespace, signal) => list(collectionPath('/apis/policy/v1', 'poddisruptionbudgets', namespace), signal),
    podMetadata: (namespace, name, signal) => metadataAlone(podPath(namespace, name), signal),
    node: (name, signal) => read(nodePath(name), signal),
    namespace: (name, signal) => metadataAlone(namespacePath(name), signal),
    async self(signal) {
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
      const answer = await client.json({ method: 'POST', path: SELF, body, signal });
      const { userInfo } = (answer.status ?? {}) as { readonly userInfo?: { readonly username?: unknown } };
      if (typeof userInfo?.username !== 'string' || userInfo.username === '')
        throw new TypeError(`POST ${SELF} names no user`);
      return userInfo.username;
    },
    async isInstalled(registration, signal) {
      const object = await metadataAlone(registrationPath(registration), signal);
      const { labels } = (object?.metadata ?? {}) as { labels?: Record<string, string> };
      return isOfTheHook(labels);
    },
  };
}
