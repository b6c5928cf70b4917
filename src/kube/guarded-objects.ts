import type { ApiClient, JsonObject } from './client.ts';
import { ApiError, ApiUnreachableError, isDeniedByAdmission, saysNotFound } from './errors.ts';
import { splitPath } from './paths.ts';

/** Recorded by the API server in the managed fields of what the hook writes; it is how a mark tells who made it. */
export const FIELD_MANAGER = 'reschedule-hook';

/** `changed`: the object is not (any more) what the write was decided on, and nothing was written (S4). */
export type WriteResult = { readonly kind: 'written'; readonly object: JsonObject } | { readonly kind: 'changed' };

export interface ReadOptions {
  /** Of the answer; `application/json` unless given. */
  readonly accept?: string;
  /** Which errors mean that there is no such object; unless given, those by which the API server says so of this very one. */
  readonly isAbsent?: (error: unknown) => boolean | Promise<boolean>;
}

/**
 * Live reads and guarded writes of single objects, by their paths. A write names what it was decided on, and the API server
 * refuses it if that has changed (docs/decisions/0002-guarded-writes.md). Throws ApiError or ApiUnreachableError.
 */
export interface GuardedObjects {
  /** undefined if the object does not exist. */
  read(path: string, signal?: AbortSignal, options?: ReadOptions): Promise<JsonObject | undefined>;
  /** Creates an object, whose path is that of its collection; `changed`: there is one of this name. */
  create(collection: string, object: JsonObject, signal?: AbortSignal): Promise<WriteResult>;
  /** Replaces an object that was read; the guard is the resourceVersion that it carries. */
  replace(path: string, object: JsonObject, signal?: AbortSignal): Promise<WriteResult>;
  /** Merges metadata into an object; the guard is the `uid` or the `resourceVersion` among it. */
  mergeMetadata(path: string, metadata: object, signal?: AbortSignal): Promise<WriteResult>;
  /** Merges fields into an object; the guard is the `metadata.resourceVersion` among them. */
  merge(path: string, fields: GuardedFields, signal?: AbortSignal): Promise<WriteResult>;
  /** Deletes exactly this version of an object. */
  remove(path: string, preconditions: Version, signal?: AbortSignal): Promise<WriteResult>;
  /** Applies a JSON patch; the guard is the operation `test` that it begins with. */
  patch(
    path: string,
    operations: readonly [TestOperation, ...JsonObject[]],
    signal?: AbortSignal,
  ): Promise<WriteResult>;
}

export interface GuardedFields {
  readonly metadata: { readonly resourceVersion: string };
  readonly [field: string]: unknown;
}

/** One version of one object. */
export interface Version {
  readonly uid: string;
  readonly resourceVersion: string;
}

export interface TestOperation {
  readonly op: 'test';
  readonly path: string;
  readonly value: unknown;
}

const query = { fieldManager: FIELD_MANAGER };

export function createGuardedObjects(client: Pick<ApiClient, 'json'>): GuardedObjects {
  const merge = (path: string, body: object, signal?: AbortSignal) => {
    const contentType = 'application/merge-patch+json';
    const call = client.json({ method: 'PATCH', path, query, contentType, body, ...until(signal) });
    return guard(call, (error) => isGone(error) || isOtherInstance(error));
  };
  return {
    async read(path, signal, { accept, isAbsent = isSaidToBeAbsent(path) } = {}) {
      try {
        // No resourceVersion: the answer is the state at the time of the read, not that of some API server's cache.
        const answer = await client.json({ method: 'GET', path, accept, signal });
        if (isObject(answer)) return answer;
        // `{}` or `null` from something in between must not count as an object without what it had (S6).
        throw new ApiUnreachableError(`GET ${path}`, 'the answer is no object');
      } catch (error) {
        if (await isAbsent(error)) return undefined;
        throw error;
      }
    },
    // A namespace that is missing is no race: that 404 is thrown.
    create: (path, body, signal) =>
      guard(client.json({ method: 'POST', path, query, body, ...until(signal) }), ({ code }) => code === 409),
    replace: (path, body, signal) => guard(client.json({ method: 'PUT', path, query, body, ...until(signal) }), isGone),
    merge,
    mergeMetadata: (path, metadata, signal) => merge(path, { metadata }, signal),
    remove: (path, preconditions, signal) => {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
      return guard(client.json({ method: 'DELETE', path, body, ...until(signal) }), isGone);
    },
    patch: (path, body, signal) => {
      const contentType = 'application/json-patch+json';
      const call = client.json({ method: 'PATCH', path, query, contentType, body, ...until(signal) });
      return guard(call, (error) => isGone(error) || isFailedTest(error));
    },
  };
}

/** What a webhook refuses has not changed, whatever code it chose. If that counted as a race, it would be tried without end. */
async function guard(call: Promise<JsonObject>, meansChanged: (error: ApiError) => boolean): Promise<WriteResult> {
  try {
    return { kind: 'written', object: await call };
  } catch (error) {
    if (error instanceof ApiError && !isDeniedByAdmission(error) && meansChanged(error)) return { kind: 'changed' };
    throw error;
  }
}

/** It does not exist any more, or the resourceVersion is another. */
const isGone = ({ code }: ApiError) => code === 404 || code === 409;

/** 422 on `metadata.uid` (measured on a 1.36 API server, docs/decisions/0002-guarded-writes.md). */
const isOtherInstance = ({ code, causes }: ApiError) => code === 422 && causes.includes('metadata.uid');

/** A JSON patch whose `test` failed is refused with 422 and no causes (measured likewise). */
const isFailedTest = ({ code, causes }: ApiError) => code === 422 && causes.length === 0;

/** Absence ends a drain, moves a pod or makes a new authority, so nobody but the API server may say it. */
function isSaidToBeAbsent(path: string): (error: unknown) => boolean {
  return (error) => {
    const { plural, name } = splitPath(path);
    return saysNotFound(error, plural, name);
  };
}

function isObject(answer: JsonObject | null): boolean {
  return typeof (answer?.metadata as { name?: unknown } | null | undefined)?.name === 'string';
}

const until = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });
