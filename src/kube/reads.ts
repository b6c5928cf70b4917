import type { ApiClient, JsonObject } from './client.ts';
import { isServed } from './discovery.ts';
import { isNotFound, saysNotFound } from './errors.ts';
import { createGuardedObjects } from './guarded-objects.ts';
import { nodePath, podPath, splitPath } from './paths.ts';

/** Live reads of single objects: undefined where the object does not exist. Throws on any other failure. */
export interface Reads {
  pod(namespace: string, name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  /** Its metadata alone, at a fraction of the cost: what does not protect the pod needs no more. */
  podMetadata(namespace: string, name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  node(name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  /** Of a kind that may not be installed: then there is no such object either. */
  object(path: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
}

/**
 * Every API server of a supported version can answer so, for every kind:
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-metadata-only
 */
const METADATA_ALONE = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

export function createReads(client: ApiClient): Reads {
  const { read } = createGuardedObjects(client);
  // Of a kind that it does not serve, the API server says no more than anything in between might.
  const isAbsentWithItsKind = async (path: string, error: unknown, signal = new AbortController().signal) => {
    if (!isNotFound(error)) return false;
    const { apiPath, plural, name } = splitPath(path);
    return saysNotFound(error, plural, name) || !(await isServed(client, apiPath, plural, signal));
  };
  return {
    object: (path, signal) => read(path, signal, { isAbsent: (error) => isAbsentWithItsKind(path, error, signal) }),
    pod: (namespace, name, signal) => read(podPath(namespace, name), signal),
    podMetadata: (namespace, name, signal) => read(podPath(namespace, name), signal, { accept: METADATA_ALONE }),
    node: (name, signal) => read(nodePath(name), signal),
  };
}
