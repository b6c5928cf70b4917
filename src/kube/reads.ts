import type { ApiClient, JsonObject } from './client.ts';
import { isServed } from './discovery.ts';
import { ApiUnreachableError, isNotFound, saysNotFound } from './errors.ts';
import { nodePath, podPath, splitPath } from './paths.ts';

/** Live reads of single objects. Undefined if the object does not exist; throws on any other failure. */
export interface Reads {
  pod(namespace: string, name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  /** Only the metadata, at a fraction of the cost. They suffice to see that the hook does not protect the pod. */
  podMetadata(namespace: string, name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  node(name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  /** For a kind that may not be installed. If it is not, the object does not exist either. */
  object(path: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
}

/**
 * Every supported API server can return only the metadata, for every kind:
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-metadata-only
 */
const METADATA_ALONE = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

export function createReads(client: ApiClient): Reads {
  // Without a resourceVersion the response is the state at the time of the read, not the state of an API server's
  // cache.
  const read = async (
    path: string,
    signal: AbortSignal | undefined,
    isAbsent: (error: unknown) => boolean | Promise<boolean>,
    accept?: string,
  ) => {
    try {
      const answer = await client.json({ method: 'GET', path, accept, signal });
      if (isObject(answer)) return answer;
      // A proxy can send `{}` or `null`. That must not count as a pod that is gone, or that the hook does not protect
      // (S6).
      throw new ApiUnreachableError(`GET ${path}`, 'the answer is no object');
    } catch (error) {
      if (await isAbsent(error)) return undefined;
      throw error;
    }
  };
  // For a kind that it does not serve, the API server sends the same bare 404 as any proxy could.
  const isAbsentWithItsKind = async (path: string, error: unknown, signal = new AbortController().signal) => {
    if (!isNotFound(error)) return false;
    const { apiPath, plural, name } = splitPath(path);
    return saysNotFound(error, plural, name) || !(await isServed(client, apiPath, plural, signal));
  };
  return {
    object: (path, signal) => read(path, signal, (error) => isAbsentWithItsKind(path, error, signal)),
    // The absence of these objects ends a drain or moves a pod, so only the API server itself may report it.
    pod: (namespace, name, signal) =>
      read(podPath(namespace, name), signal, (error) => saysNotFound(error, 'pods', name)),
    podMetadata: (namespace, name, signal) =>
      read(podPath(namespace, name), signal, (error) => saysNotFound(error, 'pods', name), METADATA_ALONE),
    node: (name, signal) => read(nodePath(name), signal, (error) => saysNotFound(error, 'nodes', name)),
  };
}

function isObject(answer: JsonObject | null): boolean {
  return typeof (answer?.metadata as { name?: unknown } | null | undefined)?.name === 'string';
}
