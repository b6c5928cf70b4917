import type { ApiRequest } from '../../../src/kube/client.ts';
import { ENTRY_PREFIX } from '../../../src/policy/entry.ts';
import { refusal } from '../../support/api.ts';
import type { ChangeListener } from './change-listener.ts';
import { HOOK, type SimNode, type SimPod, type SimTracker } from './objects.ts';

/** The limit of a real API server for the name part of an annotation key. */
const NAME_PART_MAX = 63;

interface MergePatch {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly annotations?: Strings;
}

interface Merged {
  readonly metadata: MergePatch;
  /** Of a ConfigMap. */
  readonly data?: Strings;
}

type Strings = Readonly<Record<string, string>>;

interface PatchOp {
  readonly op: 'test' | 'remove';
  readonly path: string;
  readonly value?: string;
}

type Found = SimPod | SimNode | SimTracker;

/** The state that a patch changes. */
interface Patched {
  readonly now: number;
  changePod(pod: SimPod, change: () => void): void;
  changeTracker(tracker: SimTracker, annotations: Readonly<Record<string, string>>): void;
}

/** The patches of the hook, with the guards and refusals of a real 1.36. Throws ApiError. */
export class Patches<Caller> {
  readonly #server: Patched;
  readonly #listener: ChangeListener<Caller>;

  constructor(server: Patched, listener: ChangeListener<Caller>) {
    this.#server = server;
    this.#listener = listener;
  }

  apply(found: Found, { contentType, body }: ApiRequest, caller: Caller): void {
    if (contentType !== 'application/json-patch+json') this.#merge(found, body as Merged, caller);
    else if ('graceSeconds' in found) this.#unmark(found, body as readonly PatchOp[], caller);
    else this.#prune(found, body as readonly PatchOp[], caller);
  }

  /** The entries of a new ConfigMap. */
  writeData(tracker: SimTracker, data: Strings, caller: Caller): void {
    this.#write(tracker, prefixed(data), caller);
  }

  #merge(found: Found, { metadata: patch, data }: Merged, caller: Caller): void {
    if (!('uid' in found)) throw refusal(400);
    if (patch.uid !== undefined && patch.uid !== found.uid) {
      throw refusal(422, { reason: 'Invalid', details: { causes: [{ field: 'metadata.uid' }] } });
    }
    if (patch.resourceVersion !== undefined && patch.resourceVersion !== `${found.version}`) {
      throw refusal(409, { reason: 'Conflict' });
    }
    const { annotations = {} } = patch;
    if ('graceSeconds' in found) this.#mark(found, annotations, caller);
    else if ('annotations' in found) this.#write(found, data === undefined ? annotations : prefixed(data), caller);
  }

  #mark(pod: SimPod, annotations: Readonly<Record<string, string>>, caller: Caller): void {
    for (const [key, value] of Object.entries(annotations)) {
      const isItsOwn = key === pod.profile?.mark.key;
      if (isItsOwn && pod.mark?.value === value) continue;
      const mark = { value, at: this.#server.now, by: HOOK };
      // Reported before the change, because the mark changes nothing that its check depends on.
      this.#listener.wrote({ kind: 'mark', pod, key, value }, caller);
      if (isItsOwn) this.#server.changePod(pod, () => Object.assign(pod, { mark }));
    }
  }

  /** Takes the annotation away, if UID and value are what was read. */
  #unmark(pod: SimPod, operations: readonly PatchOp[], caller: Caller): void {
    const key = keyIn(operations.find(({ op }) => op === 'remove')?.path ?? '');
    const there = key === pod.profile?.mark.key ? pod.mark?.value : undefined;
    for (const { path, value } of operations.filter(({ op }) => op === 'test')) {
      const isAsRead = value === undefined || value === (path === '/metadata/uid' ? pod.uid : there);
      if (!isAsRead) throw refusal(422, { reason: 'Invalid' });
    }
    if (there === undefined) throw refusal(422, { reason: 'Invalid' });
    this.#listener.wrote({ kind: 'unmark', pod, key, value: there }, caller);
    this.#server.changePod(pod, () => delete pod.mark);
  }

  #write(tracker: SimTracker, annotations: Readonly<Record<string, string>>, caller: Caller): void {
    for (const [key, value] of Object.entries(annotations)) {
      if (key.slice(key.indexOf('/') + 1).length > NAME_PART_MAX) {
        throw refusal(422, { reason: 'Invalid', details: { causes: [{ field: 'metadata.annotations' }] } });
      }
      this.#listener.wrote({ kind: 'entry', tracker, key, value }, caller);
    }
    this.#server.changeTracker(tracker, { ...tracker.annotations, ...annotations });
  }

  /** All or nothing: the tests come first. */
  #prune(found: Found, operations: readonly PatchOp[], caller: Caller): void {
    const tests = operations.filter(({ value }) => value !== undefined);
    const pruned = tests.map(({ path, value = '' }) => ({ key: keyIn(path), value }));
    if (!('annotations' in found) || pruned.some(({ key, value }) => found.annotations[key] !== value)) {
      throw refusal(422, { reason: 'Invalid' });
    }
    for (const { key, value } of pruned) {
      this.#listener.wrote({ kind: 'prune', tracker: found, key, value }, caller);
      const { [key]: _, ...rest } = found.annotations;
      this.#server.changeTracker(found, rest);
    }
  }
}

/** A key of a ConfigMap has no slash. */
const prefixed = (data: Strings): Strings =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [ENTRY_PREFIX + key, value]));

/** The key of the annotation, or of the entry in a ConfigMap, that a pointer is at. */
export function keyIn(pointer: string): string {
  if (pointer.startsWith('/data/')) return ENTRY_PREFIX + pointer.slice('/data/'.length);
  return pointer.split('/').at(-1)?.replaceAll('~1', '/').replaceAll('~0', '~') ?? '';
}
