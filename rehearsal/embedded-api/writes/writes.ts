import { isDeepStrictEqual } from 'node:util';
import { ApiFailure, conflict, notFound } from '../storage/failure.ts';
import { apiVersionOf, type Kind, NAMESPACE } from '../storage/kinds.ts';
import { type ApiObject, type Json, type Metadata, recordAt, timestamp } from '../storage/object.ts';
import type { Call, World } from '../storage/world.ts';
import { type Admission, admit, optionsOf } from './admission.ts';
import { mergePatch } from './json-patch.ts';
import {
  applyConflict,
  conflictsOf,
  droppedByApply,
  recordApply,
  recordUpdate,
  type Writer,
} from './managed-fields.ts';
import { APPLY, applyPatch } from './patch.ts';
import { type Place, prepareCreate, prepareUpdate } from './prepare.ts';
import { strategicMerge } from './strategic-merge.ts';

const TRIES = 5;

export interface Written {
  readonly code: 200 | 201;
  readonly object: ApiObject;
}

/** Creates an object. Throws ApiFailure. */
export async function create(world: World, place: Place, body: Json, call: Call): Promise<Written> {
  assertNamespace(world, place, String(recordAt(body, 'metadata').name ?? ''));
  const prepared = prepareCreate(place, body, world.now());
  const object = recordUpdate(undefined, prepared, writerFor(world, place, call, 'Update'));
  await ask(world, place, { operation: 'CREATE', object, options: 'CreateOptions' }, call);
  return { code: 201, object: call.dryRun ? object : world.store.create(place.kind, object) };
}

/** Replaces an object. Throws ApiFailure. */
export async function update(world: World, place: Place, body: Json, call: Call): Promise<Written> {
  return change(world, place, call, (before) => {
    const after = prepareUpdate(place, before, body);
    return recordUpdate(before, after, writerFor(world, place, call, 'Update'));
  });
}

/** Patches an object; an apply creates it where it is missing. Throws ApiFailure. */
export async function patch(
  world: World,
  place: Place,
  { contentType, body }: { readonly contentType: string; readonly body: unknown },
  call: Call,
): Promise<Written> {
  if (contentType === APPLY) return apply(world, place, body as Json, call);
  return change(world, place, call, (before) => {
    const after = prepareUpdate(place, before, applyPatch(contentType, before, body));
    return recordUpdate(before, after, writerFor(world, place, call, 'Update'));
  });
}

async function apply(world: World, place: Place, applied: Json, call: Call): Promise<Written> {
  const { kind, namespace, name = '' } = place;
  const writer = writerFor(world, place, call, 'Apply');
  if (world.store.get(kind, namespace, name) === undefined) {
    assertNamespace(world, place, name);
    const metadata = { ...recordAt(applied, 'metadata'), name };
    const prepared = prepareCreate(place, { ...applied, metadata }, world.now());
    const object = recordApply(undefined, prepared, applied, writer);
    await ask(world, place, { operation: 'CREATE', object, options: 'PatchOptions' }, call);
    return { code: 201, object: call.dryRun ? object : world.store.create(kind, object) };
  }
  return change(world, place, call, (before) => {
    const conflicts = conflictsOf(before, applied, writer);
    if (conflicts.size > 0 && !call.force) throw applyConflict(kind, name, conflicts);
    const dropped = droppedByApply(before, applied, writer).reduce<unknown>(
      (object, path) => mergePatch(object, nested(path.map((part) => part.slice(2)))),
      before,
    );
    const after = prepareUpdate(place, before, strategicMerge(dropped, applied) as Json);
    return recordApply(before, after, applied, writer);
  });
}

const nested = (path: readonly string[]): unknown =>
  path.reduceRight<unknown>((inner, field) => ({ [field]: inner }), null);

/**
 * Changes what is there. Who names no resourceVersion means the object as it is at the end. If another write comes in
 * between (while webhooks are asked), the change is made again on what that write left.
 */
async function change(
  world: World,
  place: Place,
  call: Call,
  decide: (before: ApiObject) => ApiObject,
): Promise<Written> {
  for (let tries = 1; ; tries++) {
    const before = current(world, place);
    const after = decide(before);
    await ask(world, place, { operation: 'UPDATE', object: after, oldObject: before, options: 'UpdateOptions' }, call);
    if (call.dryRun) return { code: 200, object: after };
    if (isSame(before, after)) return { code: 200, object: before };
    if (current(world, place) === before) return { code: 200, object: commit(world, place.kind, before, after) };
    if (tries === TRIES) throw conflict(place.kind, before.metadata.name);
  }
}

function current({ store }: World, { kind, namespace, name = '' }: Place): ApiObject {
  const found = store.get(kind, namespace, name);
  if (found === undefined) throw notFound(kind, name);
  return found;
}

/** Stores a change. An object that is being deleted goes with its last finalizer. */
export function commit({ store }: Pick<World, 'store'>, kind: Kind, before: ApiObject, after: ApiObject): ApiObject {
  const stored = store.replace(kind, before, after);
  return kind !== NAMESPACE && isReleased(stored) ? store.remove(kind, stored) : stored;
}

function isReleased({ metadata }: ApiObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = metadata;
  return deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && finalizers.length === 0;
}

/** A change that changes nothing is not stored: the resourceVersion stays. */
function isSame(before: ApiObject, after: ApiObject): boolean {
  const strip = ({ metadata: { managedFields: _, ...metadata }, ...rest }: ApiObject) => ({ ...rest, metadata });
  return isDeepStrictEqual(canonical(strip(before)), canonical(strip(after)));
}

const canonical = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;

function writerFor(world: World, { kind, subresource }: Place, call: Call, operation: 'Apply' | 'Update'): Writer {
  const time = timestamp(world.now());
  return { manager: call.fieldManager, operation, apiVersion: apiVersionOf(kind), subresource, time };
}

interface Asked {
  readonly operation: Admission['operation'];
  readonly object: ApiObject;
  readonly oldObject?: ApiObject;
  readonly options: string;
}

async function ask({ store }: World, place: Place, asked: Asked, call: Call): Promise<void> {
  const { kind, namespace, subresource } = place;
  const { user, dryRun, warn } = call;
  const { name } = asked.object.metadata;
  const options = optionsOf(asked.options, call);
  await admit(store, { kind, namespace, subresource, name, user, dryRun, ...asked, options }, warn);
}

/** Nothing new comes into a namespace that does not exist or is on its way out. */
export function assertNamespace({ store }: World, { kind, namespace }: Place, name: string): void {
  if (!kind.namespaced || namespace === undefined) return;
  const found = store.get(NAMESPACE, undefined, namespace);
  if (found === undefined) throw notFound(NAMESPACE, namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  const message = `${kind.plural} "${name}" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`;
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  throw new ApiFailure(403, message, 'Forbidden', { name, kind: kind.plural, causes: [cause] });
}

/** A change by one of the cluster's own components: at once, without webhooks, recorded as everybody's. */
export function changeAs(
  world: World,
  kind: Kind,
  before: ApiObject,
  manager: string,
  changes: { readonly metadata?: Partial<Metadata>; readonly spec?: unknown; readonly status?: unknown },
): ApiObject {
  const { metadata, ...rest } = changes;
  const after = { ...before, ...rest, metadata: { ...before.metadata, ...metadata } };
  if (isSame(before, after)) return before;
  const subresource = changes.status === undefined ? undefined : 'status';
  const time = timestamp(world.now());
  const writer: Writer = { manager, operation: 'Update', apiVersion: apiVersionOf(kind), subresource, time };
  return commit(world, kind, before, recordUpdate(before, after, writer));
}

/** Likewise a new object. */
export function createAs(world: World, kind: Kind, manager: string, body: Json): ApiObject {
  const namespace = recordAt(body, 'metadata').namespace as string | undefined;
  const time = timestamp(world.now());
  const writer: Writer = { manager, operation: 'Update', apiVersion: apiVersionOf(kind), time };
  return world.store.create(
    kind,
    recordUpdate(undefined, prepareCreate({ kind, namespace }, body, world.now()), writer),
  );
}
