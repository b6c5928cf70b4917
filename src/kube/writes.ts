import type { ApiClient, JsonObject } from './client.ts';
import { ApiError } from './errors.ts';
import { podPath } from './paths.ts';

/** Recorded by the API server in the managed fields of what the hook writes; it is how a mark tells who made it. */
export const FIELD_MANAGER = 'reschedule-hook';

/** `changed`: the object is not (any more) what the write was decided on, and nothing was written (S4). */
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

/** The few writes of the hook, each guarded by what it was decided on. Throws ApiError or ApiUnreachableError. */
export interface Writes {
  /** Annotates this very instance of a pod, and no other of the same name. */
  markPod(pod: PodInstance, key: string, value: string, signal?: AbortSignal): Promise<WriteResult>;
  /** Writes a tracking entry, if the tracking resource is still at the resourceVersion that was seen. */
  writeEntry(tracker: TrackerObject, key: string, value: string, signal?: AbortSignal): Promise<WriteResult>;
  /** Removes a tracking entry, if it still has the value that was read. */
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

/** 422 on `metadata.uid` (measured on a 1.36 API server, docs/decisions/0002-guarded-writes.md). */
const isOtherInstance = ({ code, causes }: ApiError) => code === 422 && causes.includes('metadata.uid');

/** A JSON patch whose `test` failed is refused with 422 and no causes (measured likewise). */
const isFailedTest = ({ code, causes }: ApiError) => code === 422 && causes.length === 0;
