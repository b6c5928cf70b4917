import {
  type ApiFailure,
  badRequest,
  invalid,
  methodNotAllowed,
  notFound,
  unknownFormat,
  unsupportedMediaType,
} from '../storage/failure.ts';
import { SELF_REVIEW } from '../storage/kinds.ts';
import { type ApiObject, isRecord, type Json } from '../storage/object.ts';
import { selection } from '../storage/selectors.ts';
import type { User } from '../storage/user.ts';
import type { Call, World } from '../storage/world.ts';
import { answersObject, type DeleteOptions, remove } from '../writes/deletion.ts';
import { evict } from '../writes/eviction.ts';
import { APPLY } from '../writes/patch.ts';
import type { Place } from '../writes/prepare.ts';
import { create, patch, update } from '../writes/writes.ts';
import { listObject, listPage } from './listing.ts';
import { tableOf, wantsTable } from './table.ts';

/** One request about objects, as it came over the wire. */
export interface ApiRequest {
  readonly method: string;
  readonly place: Place;
  readonly query: URLSearchParams;
  readonly accept: string;
  readonly contentType: string;
  /** Undefined where there is none. */
  readonly body: string | undefined;
  readonly user: User;
  /** What comes before the first slash of the user agent; the field manager where none is named. */
  readonly agent: string;
  readonly warn: (text: string) => void;
}

export interface ApiAnswer {
  readonly code: number;
  readonly body: Json;
}

type Handler = (world: World, request: ApiRequest) => Promise<ApiAnswer>;

/** Answers everything but a watch. Throws ApiFailure. */
export function handle(world: World, request: ApiRequest): Promise<ApiAnswer> {
  const { method, place } = request;
  const handler = (place.kind.isReview ? REVIEW : place.name === undefined ? COLLECTION : OBJECT)[method];
  if (handler === undefined) throw methodNotAllowed();
  return handler(world, request);
}

const REVIEW: Readonly<Record<string, Handler>> = {
  POST: async (_, request) => ({ code: 201, body: { ...objectIn(request), status: reviewOf(request) } }),
};

/** Everything is allowed. */
const reviewOf = ({ place, user }: ApiRequest): Json =>
  place.kind === SELF_REVIEW ? { userInfo: { ...user } } : { allowed: true };

const COLLECTION: Readonly<Record<string, Handler>> = {
  GET: async ({ store, now }, { place: { kind, namespace }, query, accept }) => {
    const page = listPage(store, kind, namespace, query);
    const body = wantsTable(accept)
      ? tableOf(kind, page.items, { metadata: page.metadata, now: now() })
      : listObject(kind, page);
    return { code: 200, body };
  },
  POST: async (world, request) => {
    const { code, object } = await create(world, request.place, objectIn(request), callOf(request));
    return shown(world, request, code, object);
  },
  DELETE: async (world, request) => {
    const { kind, namespace } = request.place;
    const isWanted = selection(kind, request.query);
    const objects = world.store.list(kind, namespace).filter((object) => isWanted(object));
    const options = deleteOptionsOf(request);
    for (const { metadata } of objects) {
      const place = { kind, namespace: metadata.namespace, name: metadata.name };
      await remove(world, place, options, callOf(request, options));
    }
    const metadata = { resourceVersion: String(world.store.version) };
    return { code: 200, body: listObject(kind, { items: objects, metadata }) };
  },
};

const OBJECT: Readonly<Record<string, Handler>> = {
  GET: async (world, request) => {
    const { kind, namespace, name = '' } = request.place;
    const object = world.store.get(kind, namespace, name);
    if (object === undefined) throw notFound(kind, name);
    return shown(world, request, 200, object);
  },
  POST: async (world, request) => {
    const { namespace, name, subresource } = request.place;
    if (subresource !== 'eviction' || namespace === undefined || name === undefined) throw methodNotAllowed();
    const body = objectIn(request);
    return { code: 201, body: await evict(world, { namespace, name }, body, callOf(request)) };
  },
  PUT: async (world, request) => {
    const { code, object } = await update(world, request.place, objectIn(request), callOf(request));
    return shown(world, request, code, object);
  },
  PATCH: async (world, request) => {
    const { contentType, body } = request;
    const parsed = { contentType, body: contentType === APPLY ? objectIn(request) : patchIn(body, contentType) };
    const { code, object } = await patch(world, request.place, parsed, callOf(request));
    return shown(world, request, code, object);
  },
  DELETE: async (world, request) => {
    const { kind } = request.place;
    const options = deleteOptionsOf(request);
    const { object, isGone } = await remove(world, request.place, options, callOf(request, options));
    if (!isGone || answersObject(kind)) return shown(world, request, 200, object);
    const { name, uid } = object.metadata;
    const details = { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.plural, uid };
    return { code: 200, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details } };
  },
};

function shown({ now }: World, { place, accept }: ApiRequest, code: number, object: ApiObject): ApiAnswer {
  if (!wantsTable(accept)) return { code, body: object as unknown as Json };
  const metadata = { resourceVersion: object.metadata.resourceVersion };
  return { code, body: tableOf(place.kind, [object], { metadata, now: now() }) };
}

function callOf({ query, user, agent, warn, contentType }: ApiRequest, options: DeleteOptions = {}): Call {
  const dryRun = [...query.getAll('dryRun'), ...(options.dryRun ?? [])];
  const unknown = dryRun.find((value) => value !== 'All' && value !== '');
  if (unknown !== undefined) {
    const message = `Unsupported value: ["${unknown}"]: supported values: "All"`;
    throw invalid('CreateOptions', 'meta.k8s.io', '', [{ reason: 'FieldValueNotSupported', field: 'dryRun', message }]);
  }
  const fieldManager = query.get('fieldManager') ?? '';
  if (contentType === APPLY && fieldManager === '') {
    const message = 'Required value: is required for apply patch';
    throw invalid('PatchOptions', 'meta.k8s.io', '', [
      { reason: 'FieldValueRequired', field: 'fieldManager', message },
    ]);
  }
  return {
    user,
    fieldManager: fieldManager || agent || 'unknown',
    namesManager: fieldManager !== '',
    dryRun: dryRun.includes('All'),
    force: query.get('force') === 'true',
    warn,
  };
}

/** Of the body, or of the query where there is none. */
function deleteOptionsOf(request: ApiRequest): DeleteOptions {
  const { body, query } = request;
  const given = body === undefined || body.trim() === '' ? {} : objectIn(request);
  const grace = query.get('gracePeriodSeconds');
  const propagationPolicy = query.get('propagationPolicy');
  return {
    ...(grace === null ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(propagationPolicy === null ? {} : { propagationPolicy }),
    ...(given as DeleteOptions),
  };
}

function objectIn({ body, contentType }: ApiRequest): Json {
  if (!['', 'application/json', APPLY].includes(contentType)) throw unknownFormat();
  const parsed = parsedOr(body, (why) =>
    badRequest(`the object provided is unrecognized: couldn't get version/kind; json parse error: ${why}`),
  );
  if (isRecord(parsed)) return parsed;
  throw badRequest("the object provided is unrecognized: couldn't get version/kind; it is no object");
}

function patchIn(body: string | undefined, contentType: string): unknown {
  if (!contentType.startsWith('application/')) throw unsupportedMediaType();
  return parsedOr(body, (why) => badRequest(`error decoding patch: ${why}`));
}

function parsedOr(body: string | undefined, failure: (why: string) => ApiFailure): unknown {
  try {
    return JSON.parse(body ?? '');
  } catch (error) {
    throw failure(error instanceof Error ? error.message : String(error));
  }
}
