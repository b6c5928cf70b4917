import { isDeepStrictEqual } from 'node:util';
import { ApiFailure, type Named } from '../storage/failure.ts';
import { type ApiObject, isRecord, type Json, type ManagedFields } from '../storage/object.ts';
import { isSet, mergeKeyOf } from './strategic-merge.ts';

/** Who writes, as `managedFields` records it. */
export interface Writer {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource?: string | undefined;
  /** As the API writes times. */
  readonly time: string;
}

/** A field as its path, such as `f:metadata`, `f:annotations`, `f:key`; to its value. */
type Fields = ReadonlyMap<string, unknown>;

const SEPARATOR = '\n';
const NOT_MANAGED = ['apiVersion', 'kind'];
const NOT_MANAGED_METADATA = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'managedFields',
];
/** Maps whose own existence is owned, too. */
const OWNED_MAPS = ['labels', 'annotations'];

/** What `after` is to carry: the writer owns what it changed, and nobody else does any more. */
export function recordUpdate(before: ApiObject | undefined, after: ApiObject, writer: Writer): ApiObject {
  const [was, is] = [fieldsOf(before), fieldsOf(after)];
  const changed = new Set([...is].flatMap(([path, value]) => (isSame(was, path, value) ? [] : path)));
  const entries = (before?.metadata.managedFields ?? []).map((entry) => ({
    entry,
    paths: pathsOf(entry.fieldsV1).filter((path) => is.has(path) && !changed.has(path)),
  }));
  return withEntries(after, own(entries, changed, writer, false));
}

/** The same for an apply: the writer owns exactly what it applied; what others have is shared where it is equal. */
export function recordApply(before: ApiObject | undefined, after: ApiObject, applied: Json, writer: Writer): ApiObject {
  const [was, is] = [fieldsOf(before), fieldsOf(after)];
  const owned = new Set(fieldsOf(applied).keys());
  const entries = (before?.metadata.managedFields ?? []).map((entry) => ({
    entry,
    paths: pathsOf(entry.fieldsV1).filter(
      (path) => is.has(path) && (!owned.has(path) || isSame(was, path, is.get(path))),
    ),
  }));
  return withEntries(after, own(entries, owned, writer, true));
}

/** The fields of an apply that somebody else has set to something else. */
export function conflictsOf(before: ApiObject | undefined, applied: Json, writer: Writer): ReadonlyMap<string, string> {
  const was = fieldsOf(before);
  const wanted = fieldsOf(applied);
  const others = (before?.metadata.managedFields ?? []).filter((entry) => !isOf(entry, writer));
  const found = others.flatMap(({ manager, fieldsV1 }) =>
    pathsOf(fieldsV1)
      .filter((path) => wanted.has(path) && !isSame(was, path, wanted.get(path)))
      .map((path): [string, string] => [readable(path), manager]),
  );
  return new Map(found);
}

export function applyConflict(kind: Named, name: string, conflicts: ReadonlyMap<string, string>): ApiFailure {
  const causes = [...conflicts].map(([field, manager]) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with "${manager}"`,
    field,
  }));
  const list = causes.map(({ message, field }) => `${message}: ${field}`).join('\n');
  const count = `${causes.length} conflict${causes.length === 1 ? '' : 's'}`;
  return new ApiFailure(409, `Apply failed with ${count}: ${list}`, 'Conflict', { name, kind: kind.plural, causes });
}

/** Fields that this writer applied before and does not apply any more, and that nobody else has: they go. */
export function droppedByApply(before: ApiObject | undefined, applied: Json, writer: Writer): readonly string[][] {
  const entries = before?.metadata.managedFields ?? [];
  const wanted = fieldsOf(applied);
  const others = new Set(entries.filter((entry) => !isOf(entry, writer)).flatMap(({ fieldsV1 }) => pathsOf(fieldsV1)));
  const mine = entries.filter((entry) => isOf(entry, writer)).flatMap(({ fieldsV1 }) => pathsOf(fieldsV1));
  const dropped = mine.filter((path) => !wanted.has(path) && !others.has(path));
  return dropped.map((path) => path.split(SEPARATOR)).filter((parts) => parts.every((part) => part.startsWith('f:')));
}

interface Entry {
  readonly entry: Omit<ManagedFields, 'fieldsV1'>;
  readonly paths: readonly string[];
}

function own(entries: readonly Entry[], paths: ReadonlySet<string>, writer: Writer, isExact: boolean): Entry[] {
  const others = entries.filter(({ entry }) => !isOf(entry, writer));
  const mine = entries.find(({ entry }) => isOf(entry, writer));
  if (paths.size === 0) return mine === undefined ? others : [...others, mine];
  const { subresource, ...rest } = writer;
  const entry = { ...rest, fieldsType: 'FieldsV1' as const, ...(subresource === undefined ? {} : { subresource }) };
  return [...others, { entry, paths: [...new Set([...(isExact ? [] : (mine?.paths ?? [])), ...paths])] }];
}

function withEntries(object: ApiObject, entries: readonly Entry[]): ApiObject {
  const managedFields = entries
    .filter(({ paths }) => paths.length > 0)
    .map(({ entry, paths }) => {
      const { manager, operation, apiVersion, time, fieldsType, subresource } = entry;
      const fieldsV1 = treeOf(paths);
      const rest = subresource === undefined ? {} : { subresource };
      return { manager, operation, apiVersion, time, fieldsType, fieldsV1, ...rest };
    })
    .sort((a, b) => compare(a.operation, b.operation) || compare(a.time, b.time) || compare(a.manager, b.manager));
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

const isOf = (entry: Omit<ManagedFields, 'fieldsV1'>, { manager, operation, apiVersion, subresource }: Writer) =>
  entry.manager === manager &&
  entry.operation === operation &&
  entry.apiVersion === apiVersion &&
  entry.subresource === subresource;

const isSame = (fields: Fields, path: string, value: unknown) =>
  fields.has(path) && isDeepStrictEqual(fields.get(path), value);

const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b));

function fieldsOf(object: Json | ApiObject | undefined): Fields {
  const fields = new Map<string, unknown>();
  const metadata = isRecord(object?.metadata) ? without(object.metadata, NOT_MANAGED_METADATA) : {};
  collect({ ...without(object ?? {}, NOT_MANAGED), metadata }, [], fields);
  return fields;
}

function collect(value: Json, at: readonly string[], into: Map<string, unknown>): void {
  for (const [key, inner] of Object.entries(value)) {
    const path = [...at, `f:${key}`];
    if (isRecord(inner)) collectMap(inner, key, path, into);
    else if (Array.isArray(inner)) collectArray(inner, key, path, into);
    else if (inner !== undefined) into.set(path.join(SEPARATOR), inner);
  }
}

function collectArray(
  items: readonly unknown[],
  key: string,
  path: readonly string[],
  into: Map<string, unknown>,
): void {
  const mergeKey = mergeKeyOf(key);
  if (isSet(key)) collectSet(items, path, into);
  else if (mergeKey !== undefined) collectList(items as readonly Json[], mergeKey, path, into);
  else into.set(path.join(SEPARATOR), items);
}

function collectMap(value: Json, key: string, path: readonly string[], into: Map<string, unknown>): void {
  if (OWNED_MAPS.includes(key) && Object.keys(value).length > 0) into.set([...path, '.'].join(SEPARATOR), true);
  collect(value, path, into);
}

function collectSet(values: readonly unknown[], path: readonly string[], into: Map<string, unknown>): void {
  if (values.length > 0) into.set([...path, '.'].join(SEPARATOR), true);
  for (const value of values) into.set([...path, `v:${JSON.stringify(value)}`].join(SEPARATOR), true);
}

function collectList(items: readonly Json[], key: string, path: readonly string[], into: Map<string, unknown>): void {
  for (const item of items) {
    const at = [...path, `k:${JSON.stringify({ [key]: item[key] })}`];
    into.set([...at, '.'].join(SEPARATOR), true);
    collect(item, at, into);
  }
}

function pathsOf(tree: Json, at: readonly string[] = []): string[] {
  return Object.entries(tree).flatMap(([part, inner]) => {
    const path = [...at, part];
    const isLeaf = !isRecord(inner) || Object.keys(inner).length === 0;
    return isLeaf ? [path.join(SEPARATOR)] : pathsOf(inner, path);
  });
}

function treeOf(paths: readonly string[]): Json {
  const tree: Record<string, unknown> = {};
  for (const path of [...paths].sort()) {
    let at = tree;
    for (const part of path.split(SEPARATOR)) {
      at[part] ??= {};
      at = at[part] as Record<string, unknown>;
    }
  }
  return tree;
}

const readable = (path: string) =>
  path
    .split(SEPARATOR)
    .map((part) => (part.startsWith('f:') ? `.${part.slice(2)}` : `[${part.slice(2)}]`))
    .join('');

const without = (object: Json, fields: readonly string[]): Json =>
  Object.fromEntries(Object.entries(object).filter(([key]) => !fields.includes(key)));
