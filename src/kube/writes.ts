import type { ApiClient } from './client.ts';
import { createGuardedObjects, type WriteResult } from './guarded-objects.ts';
import { podPath } from './paths.ts';

export interface PodInstance {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface TrackerObject {
  readonly path: string;
  readonly resourceVersion: string;
}

/** One or more entries of a tracker, each with its value. */
export type Entries = readonly [KeyAndValue, ...KeyAndValue[]];

interface KeyAndValue {
  readonly key: string;
  readonly value: string;
}

/**
 * All writes of the hook. Each is guarded by the state that it was decided on. Throws ApiError or ApiUnreachableError.
 */
export interface Writes {
  /** Annotates exactly this instance of a pod, never another one of the same name. */
  markPod(pod: PodInstance, key: string, value: string, signal?: AbortSignal): Promise<WriteResult>;
  /** Writes an entry if the tracker still has the resourceVersion of the observation. */
  writeEntry(tracker: TrackerObject, key: string, value: string, signal?: AbortSignal): Promise<WriteResult>;
  /** Removes entries if each of them still has the value of the observation; otherwise none. */
  removeEntries(path: string, entries: Entries, signal?: AbortSignal): Promise<WriteResult>;
}

export function createWrites(client: ApiClient): Writes {
  const { mergeMetadata, patch } = createGuardedObjects(client);
  return {
    markPod: ({ namespace, name, uid }, key, value, signal) =>
      mergeMetadata(podPath(namespace, name), { uid, annotations: { [key]: value } }, signal),
    writeEntry: ({ path, resourceVersion }, key, value, signal) =>
      mergeMetadata(path, { resourceVersion, annotations: { [key]: value } }, signal),
    removeEntries: (path, [first, ...others], signal) => {
      const operations = [...removal(first), ...others.flatMap(removal)] as const;
      return patch(path, operations, signal);
    },
  };
}

function removal({ key, value }: KeyAndValue) {
  const path = `/metadata/annotations/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  return [
    { op: 'test', path, value },
    { op: 'remove', path },
  ] as const;
}
