import { isDeepStrictEqual } from 'node:util';
import { patchRejected } from '../storage/failure.ts';
import { isRecord, type Json } from '../storage/object.ts';

/** RFC 7386: null removes, objects merge, anything else replaces. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/** RFC 6902. Throws 422, without more to say, where an operation cannot be carried out or a `test` fails. */
export function jsonPatch(target: Json, operations: readonly unknown[]): Json {
  let document: unknown = structuredClone(target);
  for (const operation of operations) document = carryOut(document, operation as Operation);
  return document as Json;
}

function carryOut(document: unknown, { op, path, from, value }: Operation): unknown {
  const at = pointer(path);
  switch (op) {
    case 'test':
      if (!isDeepStrictEqual(read(document, at), value)) throw patchRejected();
      return document;
    case 'add':
      return write(document, at, value, true);
    case 'replace':
      read(document, at);
      return write(document, at, value, false);
    case 'remove':
      return remove(document, at);
    case 'copy':
      return write(document, at, structuredClone(read(document, pointer(from))), true);
    case 'move': {
      const moved = read(document, pointer(from));
      return write(remove(document, pointer(from)), at, moved, true);
    }
    default:
      throw patchRejected();
  }
}

function pointer(path: string | undefined): string[] {
  if (path === undefined || (path !== '' && !path.startsWith('/'))) throw patchRejected();
  return path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(document: unknown, at: readonly string[]): unknown {
  return at.reduce<unknown>((value, part) => {
    if (Array.isArray(value) && index(part, value.length - 1) !== undefined) return value[Number(part)];
    if (isRecord(value) && Object.hasOwn(value, part)) return value[part];
    throw patchRejected();
  }, document);
}

function write(document: unknown, at: readonly string[], value: unknown, isInsert: boolean): unknown {
  const last = at.at(-1);
  if (last === undefined) return value;
  const parent = read(document, at.slice(0, -1));
  if (isRecord(parent)) (parent as Record<string, unknown>)[last] = value;
  else if (!Array.isArray(parent)) throw patchRejected();
  else insert(parent, last, value, isInsert);
  return document;
}

function insert(parent: unknown[], last: string, value: unknown, isInsert: boolean): void {
  const position = last === '-' ? parent.length : index(last, parent.length);
  if (position === undefined) throw patchRejected();
  parent.splice(position, isInsert ? 0 : 1, value);
}

function remove(document: unknown, at: readonly string[]): unknown {
  const last = at.at(-1);
  if (last === undefined) throw patchRejected();
  const parent = read(document, at.slice(0, -1));
  read(parent, [last]);
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete (parent as Record<string, unknown>)[last];
  return document;
}

function index(part: string, highest: number): number | undefined {
  const value = /^(?:0|[1-9]\d*)$/.test(part) ? Number(part) : Number.NaN;
  return value <= highest ? value : undefined;
}
