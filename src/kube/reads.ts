import type { ApiClient, JsonObject } from './client.ts';
import { isNotFound } from './errors.ts';
import { nodePath, podPath } from './paths.ts';

/** Live reads of single objects: undefined where the object does not exist. Throws on any other failure. */
export interface Reads {
  pod(namespace: string, name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  node(name: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
  object(path: string, signal?: AbortSignal): Promise<JsonObject | undefined>;
}

export function createReads(client: ApiClient): Reads {
  // No resourceVersion: the answer is the state at the time of the read, not that of some API server's cache.
  const object = async (path: string, signal?: AbortSignal) => {
    try {
      return await client.json({ method: 'GET', path, ...(signal ? { signal } : {}) });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  return {
    object,
    pod: (namespace, name, signal) => object(podPath(namespace, name), signal),
    node: (name, signal) => object(nodePath(name), signal),
  };
}
