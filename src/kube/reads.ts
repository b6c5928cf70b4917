import type { ApiClient, JsonObject } from './client.ts';
import { isServed } from './discovery.ts';
import { ApiError, isNotFound, saysNotFound } from './errors.ts';
import { createGuardedObjects } from './guarded-objects.ts';
import { collectionPath, namespacePath, nodePath, podPath, registrationPath, splitPath } from './paths.ts';

/** Live reads of single objects. Undefined if the object does not exist; throws on any other failure. */
export interface Reads {
  pod(namespace: string, name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  /** All pods of a namespace that the selector matches. Throws if they weigh too much for a group. */
  pods(namespace: string, labelSelector: string, signal?: AbortSignal): Promise<readonly JsonObject[]>;
  /** Only the metadata, at a fraction of the cost. They suffice to see that the hook does not protect the pod. */
  podMetadata(namespace: string, name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  node(name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  /** Only the metadata. */
  namespace(name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  /** Whether another installation of the hook has a registration of this name. */
  isInstalled(registration: string, signal?: AbortSignal): Promise<boolean>;
  /** The name of the user that the API server takes the hook for. */
  self(signal?: AbortSignal): Promise<string>;
  /** For a kind that may not be installed. If it is not, the object does not exist either. */
  object(path: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
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
  return {
    object: (path, signal) => read(path, signal, { isAbsent: (error) => isAbsentWithItsKind(path, error, signal) }),
    pod: (namespace, name, signal) => read(podPath(namespace, name), signal),
    async pods(namespace, labelSelector, signal) {
      const path = collectionPath('/api/v1', 'pods', namespace);
      const query = { labelSelector };
      const { items } = await client.json({ method: 'GET', path, query, signal, maxBytes: GROUP_MAX_BYTES });
      if (!Array.isArray(items)) throw new TypeError('the answer to a list has no items');
      return items as readonly JsonObject[];
    },
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
