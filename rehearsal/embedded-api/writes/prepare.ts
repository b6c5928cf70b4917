import { randomInt, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { badRequest, conflict } from '../storage/failure.ts';
import { apiVersionOf, EVENT, type Kind, NAMESPACE, NODE, SERVICE_ACCOUNT } from '../storage/kinds.ts';
import { type ApiObject, isRecord, type Json, type Metadata, recordAt, timestamp } from '../storage/object.ts';
import { withDefaults, withDefaultsOfUpdate } from './defaults.ts';
import { validateCreate, validateUpdate } from './validate.ts';

/** Where a request goes: one object, or (without a name) a collection. */
export interface Place {
  readonly kind: Kind;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;

/** The object that a create stores: checked against its path, named, filled in, valid. */
export function prepareCreate(place: Place, body: Json, now: number): ApiObject {
  const { kind } = place;
  const given = checkedAgainst(place, body).metadata as Partial<Metadata> | undefined;
  const { name, generateName } = given ?? {};
  const { resourceVersion: _, managedFields: __, deletionTimestamp: ___, ...kept } = given ?? {};
  const metadata: Metadata = {
    ...kept,
    name: name || (generateName ? generateName + suffix() : ''),
    ...(kind.namespaced ? { namespace: place.namespace ?? '' } : {}),
    uid: randomUUID(),
    ...(hasGeneration(kind) ? { generation: 1 } : {}),
    creationTimestamp: timestamp(now),
  };
  const object = { ...body, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
  validateCreate(kind, object);
  return withDefaults(kind, object, now);
}

/** The object that an update stores, given what is there; only the part that the path is for may differ. */
export function prepareUpdate(place: Place, before: ApiObject, wanted: Json): ApiObject {
  const { kind } = place;
  const given = recordAt(checkedAgainst(place, wanted), 'metadata') as Partial<Metadata>;
  const { resourceVersion } = given;
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== before.metadata.resourceVersion) {
    throw conflict(kind, before.metadata.name);
  }
  const { metadata: fixed } = before;
  const metadata: Metadata = {
    ...optional(given, ['labels', 'annotations', 'ownerReferences', 'finalizers']),
    ...optional(fixed, [
      'generateName',
      'namespace',
      'generation',
      'deletionTimestamp',
      'deletionGracePeriodSeconds',
      'managedFields',
      'resourceVersion',
    ]),
    name: fixed.name,
    uid: given.uid ?? fixed.uid,
    creationTimestamp: fixed.creationTimestamp,
  };
  const whole = { ...wanted, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
  const after = withDefaultsOfUpdate(kind, onlyItsPart(place, before, whole));
  validateUpdate(kind, before, after);
  return withGeneration(kind, before, after);
}

function onlyItsPart({ kind, subresource }: Place, before: ApiObject, wanted: ApiObject): ApiObject {
  if (!kind.hasStatus) return wanted;
  const { status: given, ...rest } = wanted;
  const status = subresource === 'status' ? given : before.status;
  const body = subresource === 'status' ? { ...before, metadata: wanted.metadata } : rest;
  const { status: _, ...withoutStatus } = body as ApiObject;
  return { ...withoutStatus, ...(status === undefined ? {} : { status }) } as ApiObject;
}

/** The generation counts changes of what is asked for, not of what is reported. */
function withGeneration(kind: Kind, before: ApiObject, after: ApiObject): ApiObject {
  if (!hasGeneration(kind) || isDeepStrictEqual(desired(kind, before), desired(kind, after))) return after;
  const generation = (before.metadata.generation ?? 0) + 1;
  return { ...after, metadata: { ...after.metadata, generation } };
}

function desired(kind: Kind, { metadata: _, status, ...rest }: ApiObject): unknown {
  return kind.hasStatus ? rest : { ...rest, status };
}

const hasGeneration = ({ plural, group }: Kind) =>
  ![NAMESPACE, NODE, EVENT, SERVICE_ACCOUNT].some((kind) => kind.plural === plural && kind.group === group);

function checkedAgainst({ kind, namespace, name }: Place, body: Json): Json {
  const metadata = recordAt(body, 'metadata') as Partial<Metadata>;
  if (body.kind !== undefined && body.kind !== kind.kind) {
    const given = String(body.kind);
    throw badRequest(
      `${given} in version "${String(body.apiVersion)}" cannot be handled as a ${kind.kind}: converting (${given}) to (${kind.kind}): unknown conversion`,
    );
  }
  if (metadata.namespace !== undefined && metadata.namespace !== (namespace ?? '')) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (name !== undefined && metadata.name !== undefined && metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
  return isRecord(body.metadata) ? body : { ...body, metadata: {} };
}

function optional(metadata: Partial<Metadata>, fields: readonly (keyof Metadata)[]): Partial<Metadata> {
  return Object.fromEntries(fields.flatMap((field) => (isEmpty(metadata[field]) ? [] : [[field, metadata[field]]])));
}

/** An empty map or list is not kept, as in the real encoding. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

export const suffix = () =>
  Array.from({ length: SUFFIX_LENGTH }, () => SUFFIX_LETTERS[randomInt(SUFFIX_LETTERS.length)]).join('');
