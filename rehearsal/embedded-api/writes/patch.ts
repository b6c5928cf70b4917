import { badRequest, unsupportedMediaType } from '../storage/failure.ts';
import { type ApiObject, isRecord, type Json } from '../storage/object.ts';
import { jsonPatch, mergePatch } from './json-patch.ts';
import { strategicMerge } from './strategic-merge.ts';

export const APPLY = 'application/apply-patch+yaml';

/** What a patch makes of an object. An apply is not one of these. Throws 400, 415 or 422. */
export function applyPatch(contentType: string, before: ApiObject, patch: unknown): Json {
  switch (contentType) {
    case 'application/json-patch+json':
      if (!Array.isArray(patch)) throw badRequest('error decoding patch: the patch is no list of operations');
      return jsonPatch(before as Json, patch);
    case 'application/merge-patch+json':
      return mergePatch(before, asRecord(patch)) as Json;
    case 'application/strategic-merge-patch+json':
      return strategicMerge(before, asRecord(patch)) as Json;
    default:
      throw unsupportedMediaType();
  }
}

function asRecord(patch: unknown): Json {
  if (isRecord(patch)) return patch;
  throw badRequest('error decoding patch: the patch is no object');
}
