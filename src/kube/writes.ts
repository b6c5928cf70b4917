import type { ApiClient, JsonObject } from './client.ts';
import { ApiError } from './errors.ts';
import { podPath } from './paths.ts';

/** The API server records this name in the managed fields. It shows who made a mark. */
export const FIELD_MANAGER = 'reschedule-hook';

/** `changed`: the object is not the one that the decision was made on, or not any more. Nothing was written (S4). */
export type WriteResult = { readonly kind: 'written'; readonly object: JsonObject } | { readonly kind: 'changed' };

export interface PodInstance {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface TrackerObject {
  readonly path: string;
  readonly resourceVersion: string;
}

/**
 * All writes of the hook. Each is guarded by the state that it was decided on. Throws ApiError or ApiUnreachableError.
 */
export interface Writes {
  /** Annotates exactly this instance of a pod, never another one of the same name. */
  markPod(pod: PodInstance, key: string, value: string, signal?: AbortSignal): Promise<WriteResult>;
  /** Writes an entry if the tracker still has the resourceVersion of the observation. */
  writeEntry(tracker: TrackerObject, key: string, value: string, signal?: AbortSignal): Promise<WriteResult>;
  /** Removes an entry if it still has the value of the observation. */
  removeEntry(path: string, key: string, value: string, signal?: AbortSignal): Promise<WriteResult>;
}

export function createWrites(client: ApiClient): Writes {
  const patch = async (
    path: string,
    { contentType, body, isRefused }: { contentType: string; body: unknown; isRefused: (error: ApiError) => boolean },
    signal: AbortSignal | undefined,
  ): Promise<WriteResult> => {
    const query = { fieldManager: FIELD_MANAGER };
    try {
      const object = await client.json({
        method: 'PATCH',
        path,
        query,
        contentType,
        body,
        ...(signal ? { signal } : {}),
      });
      return { kind: 'written', object };
    } catch (error) {
      if (error instanceof ApiError && (error.code === 404 || error.code === 409 || isRefused(error))) {
        return { kind: 'changed' };
      }
      throw error;
    }
  };
  const merge = (path: string, metadata: object, signal: AbortSignal | undefined) =>
    patch(
      path,
      { contentType: 'application/merge-patch+json', body: { metadata }, isRefused: isOtherInstance },
      signal,
    );
  return {
    markPod: ({ namespace, name, uid }, key, value, signal) =>
      merge(podPath(namespace, name), { uid, annotations: { [key]: value } }, signal),
    writeEntry: ({ path, resourceVersion }, key, value, signal) =>
      merge(path, { resourceVersion, annotations: { [key]: value } }, signal),
    removeEntry: (path, key, value, signal) => {
      const pointer = `/metadata/annotations/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const body = [
        { op: 'test', path: pointer, value },
        { op: 'remove', path: pointer },
      ];
      return patch(path, { contentType: 'application/json-patch+json', body, isRefused: isFailedTest }, signal);
    },
  };
}

/** A 1.36 API server answers 422 with the cause `metadata.uid` (docs/decisions/0002-guarded-writes.md). */
const isOtherInstance = ({ code, causes }: ApiError) => code === 422 && causes.includes('metadata.uid');

/** A 1.36 API server refuses a JSON patch whose `test` failed with 422 and no causes. */
const isFailedTest = ({ code, causes }: ApiError) => code === 422 && causes.length === 0;
