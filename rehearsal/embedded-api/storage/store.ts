import { alreadyExists, conflict, expired, notFound } from './failure.ts';
import type { Kind } from './kinds.ts';
import type { ApiObject } from './object.ts';

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface Change {
  readonly type: ChangeType;
  readonly kind: Kind;
  readonly object: ApiObject;
  /** As it was before; undefined where the object is new. */
  readonly before: ApiObject | undefined;
  readonly version: number;
}

const FIRST_VERSION = 1;

/**
 * Every object of the cluster, with one count of versions over all of them, as in etcd. It knows what happened since it was
 * last compacted, so that a watch can go on from there and a list can be read as it was. Purely in memory; nothing is async.
 */
export class Store {
  readonly #objects = new Map<string, ApiObject>();
  readonly #listeners = new Set<(change: Change) => void>();
  #changes: Change[] = [];
  #version = FIRST_VERSION;
  #compactedAt = 0;

  get version(): number {
    return this.#version;
  }

  get(kind: Kind, namespace: string | undefined, name: string): ApiObject | undefined {
    return this.#objects.get(keyOf(kind, namespace, name));
  }

  /** By namespace and name. `namespace` undefined: all. `at`: as it was at that version; throws 410 where that is forgotten. */
  list(kind: Kind, namespace?: string, at: number = this.#version): ApiObject[] {
    const prefix = keyOf(kind, namespace, '');
    const objects = at === this.#version ? this.#objects : this.#asOf(at);
    return [...objects]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object);
  }

  /** Throws 409 AlreadyExists. */
  create(kind: Kind, object: ApiObject): ApiObject {
    const { namespace, name } = object.metadata;
    if (this.get(kind, namespace, name) !== undefined) throw alreadyExists(kind, name);
    return this.#commit('ADDED', kind, object, undefined);
  }

  /** Replaces `before` by `object`; throws 409 where `before` is no longer what is stored, 404 where it is gone. */
  replace(kind: Kind, before: ApiObject, object: ApiObject): ApiObject {
    this.#assertCurrent(kind, before);
    return this.#commit('MODIFIED', kind, object, before);
  }

  remove(kind: Kind, before: ApiObject): ApiObject {
    this.#assertCurrent(kind, before);
    return this.#commit('DELETED', kind, before, before);
  }

  /** What happened to a kind after a version. Throws 410 where that is forgotten. */
  since(kind: Kind, version: number): readonly Change[] {
    if (version < this.#compactedAt) {
      throw expired(`too old resource version: ${version} (${this.#compactedAt})`);
    }
    return this.#changes.filter((change) => change.version > version && isSameKind(change.kind, kind));
  }

  /** Tells every change from now on; returns how to end that. */
  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Forgets what happened so far: watches and pages from before get 410. */
  compact(): void {
    this.#compactedAt = this.#version;
    this.#changes = [];
  }

  #asOf(version: number): ReadonlyMap<string, ApiObject> {
    if (version < this.#compactedAt) {
      throw expired(
        'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
      );
    }
    const objects = new Map(this.#objects);
    for (const { kind, object, before, version: at } of this.#changes.toReversed()) {
      if (at <= version) break;
      const key = keyOf(kind, object.metadata.namespace, object.metadata.name);
      if (before === undefined) objects.delete(key);
      else objects.set(key, before);
    }
    return objects;
  }

  #assertCurrent(kind: Kind, before: ApiObject): void {
    const { namespace, name } = before.metadata;
    const current = this.get(kind, namespace, name);
    if (current === undefined) throw notFound(kind, name);
    if (current.metadata.resourceVersion !== before.metadata.resourceVersion) throw conflict(kind, name);
  }

  #commit(type: ChangeType, kind: Kind, given: ApiObject, before: ApiObject | undefined): ApiObject {
    this.#version++;
    const object = { ...given, metadata: { ...given.metadata, resourceVersion: String(this.#version) } };
    const key = keyOf(kind, object.metadata.namespace, object.metadata.name);
    if (type === 'DELETED') this.#objects.delete(key);
    else this.#objects.set(key, object);
    const change = { type, kind, object, before, version: this.#version };
    this.#changes.push(change);
    for (const listener of this.#listeners) listener(change);
    return object;
  }
}

/** A definition that is installed again gives a new object for the same kind. */
export const isSameKind = (a: Kind, b: Kind) => a.group === b.group && a.plural === b.plural;

function keyOf({ group, plural }: Kind, namespace: string | undefined, name: string): string {
  // Without a namespace and name: the prefix of all.
  const scope = namespace === undefined ? '' : `${namespace}/`;
  return `${group}/${plural}/${scope}${name}`;
}
