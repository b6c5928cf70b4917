import { notFound, preconditionFailed } from '../storage/failure.ts';
import { type Kind, NAMESPACE, POD, SERVICE_ACCOUNT } from '../storage/kinds.ts';
import { type ApiObject, isFinished, type Json, type Pod, timestamp } from '../storage/object.ts';
import type { Call, World } from '../storage/world.ts';
import { admit, optionsOf } from './admission.ts';
import type { Place } from './prepare.ts';
import { commit } from './writes.ts';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly propagationPolicy?: string;
  readonly dryRun?: readonly string[];
}

export interface Deleted {
  readonly object: ApiObject;
  /** Whether it is gone altogether, not only on its way out. */
  readonly isGone: boolean;
}

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';
const FINALIZERS: Readonly<Record<string, string>> = { Foreground: FOREGROUND, Orphan: ORPHAN };

/** Asks the webhooks, then deletes. Throws ApiFailure. */
export async function remove(world: World, place: Place, options: DeleteOptions, call: Call): Promise<Deleted> {
  const { kind, namespace, name = '' } = place;
  const oldObject = existing(world, place);
  const { user, dryRun, warn } = call;
  const wire = { ...optionsOf('DeleteOptions', call), ...options } as Json;
  await admit(
    world.store,
    { operation: 'DELETE', kind, namespace, name, object: undefined, oldObject, options: wire, dryRun, user },
    warn,
  );
  return removeNow(world, place, options, dryRun);
}

/** Deletes without asking: what an eviction does once it is allowed. */
export function removeNow(world: World, place: Place, options: DeleteOptions, dryRun: boolean): Deleted {
  const { kind } = place;
  const before = existing(world, place);
  assertPreconditions(kind, before, options);
  const after = leaving(kind, before, options, world.now());
  const { deletionGracePeriodSeconds = 0, finalizers = [] } = after.metadata;
  const isGone = deletionGracePeriodSeconds === 0 && finalizers.length === 0 && kind !== NAMESPACE;
  if (dryRun || after === before) return { object: after, isGone };
  if (isGone) {
    // What a watch tells of a pod that goes at once is the pod as it was on its way out.
    const last = kind === POD ? world.store.replace(kind, before, after) : before;
    return { object: world.store.remove(kind, last), isGone };
  }
  return { object: commit(world, kind, before, after), isGone: false };
}

/** Whether the answer to a delete that is done is the object; otherwise it is a Status. */
export const answersObject = (kind: Kind) => [POD, NAMESPACE, SERVICE_ACCOUNT].includes(kind);

function existing({ store }: World, { kind, namespace, name = '' }: Place): ApiObject {
  const found = store.get(kind, namespace, name);
  if (found === undefined) throw notFound(kind, name);
  return found;
}

export function assertPreconditions(kind: Kind, { metadata }: ApiObject, { preconditions = {} }: DeleteOptions): void {
  const { uid, resourceVersion } = preconditions;
  if (uid !== undefined && uid !== metadata.uid) {
    throw preconditionFailed(kind.kind, metadata.name, 'UID', uid, metadata.uid);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const is = metadata.resourceVersion ?? '';
    throw preconditionFailed(kind.kind, metadata.name, 'ResourceVersion', resourceVersion, is);
  }
}

/** The object as it is once its deletion has been asked for; the very same where it was asked for already, and no sooner. */
function leaving(kind: Kind, before: ApiObject, options: DeleteOptions, now: number): ApiObject {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = before.metadata;
  const grace = kind === POD ? graceOf(before as Pod, options) : 0;
  if (deletionTimestamp !== undefined) {
    if (grace >= deletionGracePeriodSeconds) return before;
    return withDeletion(kind, before, Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000, grace);
  }
  const { generation, finalizers = [] } = before.metadata;
  const finalizer = FINALIZERS[options.propagationPolicy ?? ''];
  const metadata = {
    ...before.metadata,
    ...(generation === undefined ? {} : { generation: generation + 1 }),
    ...(finalizer === undefined ? {} : { finalizers: [...finalizers, finalizer] }),
  };
  return withDeletion(kind, { ...before, metadata }, now, grace);
}

function withDeletion(kind: Kind, object: ApiObject, askedAt: number, grace: number): ApiObject {
  const deletionTimestamp = timestamp(askedAt + grace * 1000);
  if (kind === NAMESPACE) {
    const status = { ...(object.status as Json), phase: 'Terminating' };
    return { ...object, status, metadata: { ...object.metadata, deletionTimestamp } };
  }
  return { ...object, metadata: { ...object.metadata, deletionTimestamp, deletionGracePeriodSeconds: grace } };
}

/** A pod that runs nowhere, or no longer, has nothing to end. */
function graceOf(pod: Pod, { gracePeriodSeconds }: DeleteOptions): number {
  if (!pod.spec.nodeName || isFinished(pod)) return 0;
  return Math.max(0, gracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30);
}
