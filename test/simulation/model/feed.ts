import type { Cache } from '../../../src/cache/cache.ts';
import type { Listing } from '../../../src/informer/reflector.ts';
import type { JsonObject } from '../../../src/kube/client.ts';
import { type ApiServer, WATCH_KINDS, type WatchKind, type WatchLine } from './api-server.ts';
import type { Told } from './told.ts';

/** So few that the list of pods takes several. */
const PAGE_SIZE = 2;

/** A list under way: of the moment when it began, page by page; the watch goes on from that moment. */
interface OpenList {
  readonly rest: JsonObject[];
  readonly names: Set<string>;
  readonly sink: Listing<never>;
  readonly cursor: number;
}

interface Kind {
  /** The next line of the watch; absent: there is none. */
  cursor?: number | undefined;
  list?: OpenList | undefined;
  /** When the API server last told something, as long as there is no watch. */
  agreedAt: number;
}

/**
 * How one process comes to know of the cluster: for each kind a list and then a watch, each at its own pace. It does to the
 * real stores what the reflector does.
 */
export class Feed {
  readonly told: Told;
  /** Whether a page is being taken in at this moment. */
  isInPage = false;
  /** When the controller last pruned what the cache remembered of a pod, by its name. */
  readonly forgottenAt = new Map<string, number>();
  readonly #server: ApiServer<never>;
  readonly #cache: Cache;
  readonly #now: () => number;
  readonly #keepsUnlisted: boolean;
  readonly #kinds = Object.fromEntries(
    WATCH_KINDS.map((kind) => [kind, { agreedAt: Number.NEGATIVE_INFINITY }]),
  ) as Record<WatchKind, Kind>;

  /** `keepsUnlisted`: a planted fault. */
  constructor(
    { server, cache, told, now }: { server: ApiServer<never>; cache: Cache; told: Told; now: () => number },
    keepsUnlisted = false,
  ) {
    this.told = told;
    this.#server = server;
    this.#cache = cache;
    this.#now = now;
    this.#keepsUnlisted = keepsUnlisted;
  }

  /** When what the process remembered of a name was last pruned, or lost as docs/decision-table.md says; -1: never. */
  lostAt(name: string): number {
    return Math.max(this.told.lostAt.get(name) ?? -1, this.forgottenAt.get(name) ?? -1);
  }

  /** The next line of a watch; false where there is none, or no watch. */
  deliver(kind: WatchKind): boolean {
    const state = this.#kinds[kind];
    const line = state.cursor === undefined ? undefined : this.#server.watch[kind][state.cursor];
    if (state.cursor === undefined || line === undefined) return false;
    state.cursor++;
    this.#take(kind, line.raw, line.type);
    const object = this.#project(kind, line.raw);
    if (line.type === 'put') this.#cache[kind].put(object);
    else this.#cache[kind].remove(object);
    return true;
  }

  /** Ends the watch, if there is one, which loses what was on its way; and a list that is under way. */
  beginList(kind: WatchKind): void {
    const state = this.#kinds[kind];
    state.agreedAt = this.#now() - this.ageMs(kind);
    const rest = this.#server.list(kind);
    const names = new Set(rest.map(nameOf));
    state.list = { rest, names, sink: this.#cache[kind].beginList(), cursor: this.#server.watch[kind].length };
    state.cursor = undefined;
  }

  /** False where no list is under way. The last page completes it. */
  page(kind: WatchKind): boolean {
    const state = this.#kinds[kind];
    if (state.list === undefined) return false;
    const { rest, sink, cursor } = state.list;
    const objects = rest.splice(0, PAGE_SIZE);
    for (const raw of objects) this.#take(kind, raw, 'listed');
    this.isInPage = true;
    sink.page(objects.map((raw) => this.#project(kind, raw)));
    this.isInPage = false;
    if (rest.length > 0) return true;
    this.#dropUnlisted(kind, state.list);
    if (!this.#keepsUnlisted || !this.#cache[kind].hasSynced) sink.complete();
    state.cursor = cursor;
    state.list = undefined;
    return true;
  }

  /** The list breaks off, or has taken too long (410); the next one begins anew. */
  breakOff(kind: WatchKind): boolean {
    const state = this.#kinds[kind];
    const isOpen = state.list !== undefined;
    state.list = undefined;
    return isOpen;
  }

  isWatching(kind: WatchKind): boolean {
    return this.#kinds[kind].cursor !== undefined;
  }

  isListing(kind: WatchKind): boolean {
    return this.#kinds[kind].list !== undefined;
  }

  /** Not a real watch's clockwork, but its effect: bookmarks come for as long as no event is held up. */
  ageMs(kind: WatchKind): number {
    const { cursor, agreedAt } = this.#kinds[kind];
    if (cursor === undefined) return this.#now() - agreedAt;
    const heldUp = this.#server.watch[kind][cursor];
    return heldUp === undefined ? 0 : this.#now() - heldUp.at;
  }

  /** What of this the process may be expected to know, whatever its cache makes of it. */
  #take(kind: WatchKind, raw: JsonObject, as: WatchLine['type'] | 'listed'): void {
    if (kind === 'trackers') return;
    if (kind === 'pods' && as === 'remove') this.told.removePod(nameOf(raw), raw);
    else if (kind === 'pods') this.told.putPod(raw, as === 'listed');
    else if (as === 'remove') this.told.removeNode(nameOf(raw));
    else this.told.putNode(raw);
  }

  #dropUnlisted(kind: WatchKind, { names }: OpenList): void {
    if (kind === 'trackers') return;
    for (const name of this.told.names(kind)) {
      if (names.has(name)) continue;
      if (kind === 'pods') this.told.removePod(name);
      else this.told.removeNode(name);
    }
  }

  #project(kind: WatchKind, raw: JsonObject): never {
    const { project } = this.#cache;
    if (kind === 'pods') return project.pod(raw) as never;
    return (kind === 'nodes' ? project.node(raw) : project.tracker(raw)) as never;
  }
}

const nameOf = (raw: JsonObject) => (raw.metadata as { name: string }).name;
