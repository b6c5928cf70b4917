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

/** The objects of one kind in one namespace. */
class Group {
  readonly objects: Map<string, ApiObject>;
  #sorted: readonly ApiObject[] | undefined;

  constructor(objects = new Map<string, ApiObject>()) {
    this.objects = objects;
  }

  changed(): void {
    this.#sorted = undefined;
  }

  list(): readonly ApiObject[] {
    this.#sorted ??= [...this.objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
    return this.#sorted;
  }
}

/** The objects of one kind. A list is made again only of what has changed since, so that 100,000 of them are no burden. */
class Collection {
  /** By namespace; the empty one has those that are in none. */
  readonly #groups = new Map<string, Group>();
  #names: readonly string[] | undefined;
  #all: readonly ApiObject[] | undefined;

  get(namespace: string | undefined, name: string): ApiObject | undefined {
    return this.#groups.get(namespace ?? '')?.objects.get(name);
  }

  set(object: ApiObject): void {
    const { namespace = '', name } = object.metadata;
    const group = this.#groups.get(namespace) ?? new Group();
    if (!this.#groups.has(namespace)) this.#names = undefined;
    this.#groups.set(namespace, group);
    group.objects.set(name, object);
    this.#changed(group);
  }

  delete({ metadata: { namespace = '', name } }: ApiObject): void {
    const group = this.#groups.get(namespace);
    group?.objects.delete(name);
    if (group !== undefined) this.#changed(group);
  }

  /** By namespace and name. */
  list(namespace?: string): readonly ApiObject[] {
    if (namespace !== undefined) return this.#groups.get(namespace)?.list() ?? [];
    // As their keys are sorted in etcd.
    this.#names ??= [...this.#groups.keys()].sort((a, b) => (`${a}/` < `${b}/` ? -1 : 1));
    this.#all ??= this.#names.flatMap((name) => this.#groups.get(name)?.list() ?? []);
    return this.#all;
  }

  copy(): Collection {
    const copy = new Collection();
    for (const [namespace, { objects }] of this.#groups) copy.#groups.set(namespace, new Group(new Map(objects)));
    return copy;
  }

  #changed(group: Group): void {
    group.changed();
    this.#all = undefined;
  }
}

/**
 * Every object of the cluster, with one count of versions over all of them, as in etcd. It knows what happened since it was
 * last compacted, so that a watch can go on from there and a list can be read as it was. Purely in memory; nothing is async.
 */
export class Store {
  readonly #collections = new Map<string, Collection>();
  readonly #listeners = new Set<(change: Change) => void>();
  #changes: Change[] = [];
  #version = FIRST_VERSION;
  #compactedAt = 0;

  get version(): number {
    return this.#version;
  }

  get(kind: Kind, namespace: string | undefined, name: string): ApiObject | undefined {
    return this.#of(kind).get(namespace, name);
  }

  /** By namespace and name. `namespace` undefined: all. `at`: as it was at that version; throws 410 where that is forgotten. */
  list(kind: Kind, namespace?: string, at: number = this.#version): readonly ApiObject[] {
    return (at === this.#version ? this.#of(kind) : this.#asOf(kind, at)).list(namespace);
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
    return this.#after(version).filter((change) => isSameKind(change.kind, kind));
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

  #of({ group, plural }: Kind): Collection {
    const key = `${group}/${plural}`;
    const found = this.#collections.get(key) ?? new Collection();
    this.#collections.set(key, found);
    return found;
  }

  /** The newest come last, and each has the next version. */
  #after(version: number): readonly Change[] {
    const missing = this.#version - version;
    return missing <= 0 ? [] : this.#changes.slice(-missing);
  }

  #asOf(kind: Kind, version: number): Collection {
    if (version < this.#compactedAt) {
      throw expired(
        'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
      );
    }
    const objects = this.#of(kind).copy();
    for (const { object, before } of this.since(kind, version).toReversed()) {
      if (before === undefined) objects.delete(object);
      else objects.set(before);
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
    if (type === 'DELETED') this.#of(kind).delete(object);
    else this.#of(kind).set(object);
    const change = { type, kind, object, before, version: this.#version };
    this.#changes.push(change);
    for (const listener of this.#listeners) listener(change);
    return object;
  }
}

/** A definition that is installed again gives a new object for the same kind. */
export const isSameKind = (a: Kind, b: Kind) => a.group === b.group && a.plural === b.plural;
