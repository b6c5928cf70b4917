import type { ApiClient, JsonObject } from './client.ts';
import { ApiError, describeError } from './errors.ts';
import { createGuardedObjects, type Version, type WriteResult } from './guarded-objects.ts';
import { podPath } from './paths.ts';

export interface PodInstance {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Absent: any version. */
  readonly resourceVersion?: string;
}

export interface TrackerObject {
  readonly path: string;
  readonly resourceVersion: string;
  /** Whether its entries are in `data`. Absent: in annotations. */
  readonly isOwn?: boolean;
}

/** One or more entries of a tracker, each with its value. A key is one of an annotation or of `data`. */
export type Entries = readonly [KeyAndValue, ...KeyAndValue[]];

/** What a pod carries for its operator. */
export interface PodMark extends KeyAndValue {
  readonly isLabel?: true;
}

interface KeyAndValue {
  readonly key: string;
  readonly value: string;
}

export type EvictionResult =
  | { readonly kind: 'evicted' }
  | { readonly kind: 'changed' }
  | { readonly kind: 'refused'; readonly why: string };

/**
 * All writes of the hook. Each is guarded by the state that it was decided on. Throws ApiError or ApiUnreachableError.
 */
export interface Writes {
  /** Annotates exactly this instance of a pod, never another one of the same name; or gives it a label. */
  markPod(pod: PodInstance, mark: PodMark, signal?: AbortSignal): Promise<WriteResult>;
  /** Takes this very value of the annotation, or of the label, from exactly this instance. */
  unmarkPod(pod: PodInstance, mark: PodMark, signal?: AbortSignal): Promise<WriteResult>;
  /** Changes an object if it still has the version of the observation. */
  changeObject(
    path: string,
    resourceVersion: string,
    changes: readonly object[],
    signal?: AbortSignal,
  ): Promise<WriteResult>;
  /** Evicts exactly this version of a pod. `refused`: by a disruption budget, or by a webhook. */
  evictPod(pod: Required<PodInstance>, signal?: AbortSignal): Promise<EvictionResult>;
  /** Writes an entry if the tracker still has the resourceVersion of the observation. */
  writeEntry(tracker: TrackerObject, key: string, value: string, signal?: AbortSignal): Promise<WriteResult>;
  /** Creates a tracker with its first entry, at the path of its collection; `changed`: there is one already. */
  createTracker(collection: string, object: JsonObject, signal?: AbortSignal): Promise<WriteResult>;
  /** Removes entries if each of them still has the value of the observation; otherwise none. */
  removeEntries(
    tracker: Omit<TrackerObject, 'resourceVersion'>,
    entries: Entries,
    signal?: AbortSignal,
  ): Promise<WriteResult>;
  /** Deletes a tracker of the hook if it is still the observed one. The result has no object of use. */
  deleteTracker(path: string, observed: Version, signal?: AbortSignal): Promise<WriteResult>;
}

export function createWrites(client: ApiClient): Writes {
  const { create, merge, mergeMetadata, patch, remove } = createGuardedObjects(client);
  return {
    markPod: ({ namespace, name, uid, resourceVersion }, { key, value, isLabel }, signal) => {
      const guard = resourceVersion === undefined ? { uid } : { uid, resourceVersion };
      return mergeMetadata(
        podPath(namespace, name),
        { ...guard, [isLabel ? 'labels' : 'annotations']: { [key]: value } },
        signal,
      );
    },
    unmarkPod: ({ namespace, name, uid }, { isLabel, ...mark }, signal) => {
      const guard = { op: 'test', path: '/metadata/uid', value: uid } as const;
      const removal = removalFrom(isLabel ? '/metadata/labels' : '/metadata/annotations')(mark);
      return patch(podPath(namespace, name), [guard, ...removal], signal);
    },
    changeObject: (path, value, changes, signal) =>
      patch(
        path,
        [{ op: 'test', path: '/metadata/resourceVersion', value }, ...(changes as readonly JsonObject[])],
        signal,
      ),
    evictPod: ({ namespace, name, uid, resourceVersion }, signal) => {
      const deleteOptions = { preconditions: { uid, resourceVersion } };
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name }, deleteOptions };
      return evicted(create(`${podPath(namespace, name)}/eviction`, body, signal));
    },
    writeEntry: ({ path, resourceVersion, isOwn }, key, value, signal) =>
      isOwn
        ? merge(path, { metadata: { resourceVersion }, data: { [key]: value } }, signal)
        : mergeMetadata(path, { resourceVersion, annotations: { [key]: value } }, signal),
    createTracker: create,
    removeEntries: ({ path, isOwn }, [first, ...others], signal) => {
      const removal = removalFrom(isOwn ? '/data' : '/metadata/annotations');
      return patch(path, [...removal(first), ...others.flatMap(removal)], signal);
    },
    deleteTracker: remove,
  };
}

async function evicted(call: Promise<WriteResult>): Promise<EvictionResult> {
  try {
    return { kind: (await call).kind === 'written' ? 'evicted' : 'changed' };
  } catch (error) {
    const code = error instanceof ApiError ? error.code : undefined;
    // The hook's own webhook answers so, too, if the pod has gone in this moment, or another one has its name.
    if (code === 404 || code === 409) return { kind: 'changed' };
    if (code === 429) return { kind: 'refused', why: describeError(error) };
    throw error;
  }
}

function removalFrom(map: string) {
  return ({ key, value }: KeyAndValue) => {
    const path = `${map}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return [
      { op: 'test', path, value },
      { op: 'remove', path },
    ] as const;
  };
}
