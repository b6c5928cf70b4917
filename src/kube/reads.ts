import type { ApiClient, JsonObject } from './client.ts';
import { ApiUnreachableError, isNotFound } from './errors.ts';
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
      const answer = await client.json({ method: 'GET', path, ...(signal ? { signal } : {}) });
      if (isObject(answer)) return answer;
      // `{}` or `null` from something in between: it must not count as a pod that is gone, or not selected (S6).
      throw new ApiUnreachableError(`GET ${path}`, 'the answer is no object');
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

function isObject(answer: JsonObject | null): boolean {
  return typeof (answer?.metadata as { name?: unknown } | null | undefined)?.name === 'string';
}
