import type { Cache } from '../../../src/cache/cache.ts';
import type { Listing } from '../../../src/informer/reflector.ts';
import type { JsonObject } from '../../../src/kube/client.ts';
import { type ApiServer, WATCH_KINDS, type WatchKind, type WatchLine } from './api-server.ts';
import type { ReceivedState } from './received-state.ts';

/** So small that the list of pods has several pages. */
const PAGE_SIZE = 2;

/** A list under way: the state at its begin, page by page. The watch continues from that state. */
interface OpenList {
  readonly rest: JsonObject[];
  readonly names: Set<string>;
  readonly sink: Listing<never>;
  readonly cursor: number;
}

interface Kind {
  /** The next line of the watch; absent if there is no watch. */
  cursor?: number | undefined;
  list?: OpenList | undefined;
  /** When data last arrived. Used only while there is no watch. */
  agreedAt: number;
}

/**
 * The source of one process's knowledge of the cluster: for each kind a list and then a watch, each at its own pace. It
 * changes the real stores as the reflector does.
 */
export class Feed {
  readonly received: ReceivedState;
  /** Whether it processes a page at this moment. */
  isInPage = false;
  /** When the controller last pruned the cache's memory of a pod, by pod name. */
  readonly forgottenAt = new Map<string, number>();
  readonly #server: ApiServer<never>;
  readonly #cache: Cache;
  readonly #now: () => number;
  readonly #silentSince: () => number | undefined;
  readonly #keepsUnlisted: boolean;
  readonly #selects: (podName: string) => boolean;
  readonly #kinds = Object.fromEntries(
    WATCH_KINDS.map((kind) => [kind, { agreedAt: Number.NEGATIVE_INFINITY }]),
  ) as Record<WatchKind, Kind>;

  /** `silentSince`: since when all lists and watches hang. `selects`: by its labels, which the watch is for. `keepsUnlisted`: a planted fault. */
  constructor(
    {
      server,
      cache,
      received,
      now,
      silentSince,
      selects,
    }: {
      server: ApiServer<never>;
      cache: Cache;
      received: ReceivedState;
      now: () => number;
      silentSince: () => number | undefined;
      selects: (podName: string) => boolean;
    },
    keepsUnlisted = false,
  ) {
    this.received = received;
    this.#server = server;
    this.#cache = cache;
    this.#now = now;
    this.#silentSince = silentSince;
    this.#selects = selects;
    this.#keepsUnlisted = keepsUnlisted;
  }

  /** When the process last pruned its memory of a name, or lost it as docs/decision-table.md states; -1 if never. */
  lostAt(name: string): number {
    return Math.max(this.received.lostAt.get(name) ?? -1, this.forgottenAt.get(name) ?? -1);
  }

  /** Delivers the next line of a watch; false if there is no line, or no watch. */
  deliver(kind: WatchKind): boolean {
    const state = this.#kinds[kind];
    const line = this.#nextLine(kind);
    if (state.cursor === undefined || line === undefined || this.#silentSince() !== undefined) return false;
    state.cursor++;
    this.#take(kind, line.raw, line.type);
    const object = this.#project(kind, line.raw);
    if (line.type === 'put') this.#cache[kind].put(object);
    else this.#cache[kind].remove(object);
    return true;
  }

  /** Ends the watch with its undelivered lines, and a list under way; begins a new list. */
  beginList(kind: WatchKind): void {
    const state = this.#kinds[kind];
    state.agreedAt = this.#now() - this.ageMs(kind);
    const rest = this.#server.list(kind).filter((raw) => this.#isWatched(kind, raw));
    const names = new Set(rest.map(nameOf));
    state.list = { rest, names, sink: this.#storeOf(kind).beginList(), cursor: this.#server.watch[kind].length };
    state.cursor = undefined;
  }

  /** Delivers the next page; the last page completes the list. Returns false if no list is under way. */
  page(kind: WatchKind): boolean {
    const state = this.#kinds[kind];
    if (state.list === undefined || this.#silentSince() !== undefined) return false;
    const { rest, sink, cursor } = state.list;
    const objects = rest.splice(0, PAGE_SIZE);
    for (const raw of objects) this.#take(kind, raw, 'listed');
    this.isInPage = true;
    sink.page(objects.map((raw) => this.#project(kind, raw)));
    this.isInPage = false;
    if (rest.length > 0) return true;
    this.#dropUnlisted(kind, state.list);
    if (!this.#keepsUnlisted || !this.#storeOf(kind).hasSynced) sink.complete();
    state.cursor = cursor;
    state.list = undefined;
    return true;
  }

  /** Breaks off the list, as after an error or a 410. The next list begins anew. */
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

  /** Simulates the effect of bookmarks: they arrive as long as no event is held up, and watches do not hang. */
  ageMs(kind: WatchKind): number {
    const { cursor, agreedAt } = this.#kinds[kind];
    if (cursor === undefined) return this.#now() - agreedAt;
    const heldUp = this.#nextLine(kind);
    return this.#now() - Math.min(heldUp?.at ?? this.#now(), this.#silentSince() ?? this.#now());
  }

  /** The next line of a watch, without those of pods that it is not for. */
  #nextLine(kind: WatchKind): WatchLine | undefined {
    const state = this.#kinds[kind];
    const lines = this.#server.watch[kind];
    if (state.cursor === undefined) return undefined;
    for (let line = lines[state.cursor]; line !== undefined; line = lines[++state.cursor])
      if (this.#isWatched(kind, line.raw)) return line;
    return undefined;
  }

  #isWatched(kind: WatchKind, raw: JsonObject): boolean {
    return kind !== 'pods' || this.#selects(nameOf(raw));
  }

  /** Records what the process may be expected to know, whatever its cache makes of it. */
  #take(kind: WatchKind, raw: JsonObject, as: WatchLine['type'] | 'listed'): void {
    if (kind === 'trackers') return;
    if (kind === 'pods' && as === 'remove') this.received.removePod(nameOf(raw), raw);
    else if (kind === 'pods') this.received.putPod(raw, as === 'listed');
    else if (as === 'remove') this.received.removeNode(nameOf(raw));
    else this.received.putNode(raw);
  }

  #dropUnlisted(kind: WatchKind, { names }: OpenList): void {
    if (kind === 'trackers') return;
    for (const name of this.received.names(kind)) {
      if (names.has(name)) continue;
      if (kind === 'pods') this.received.removePod(name);
      else this.received.removeNode(name);
    }
  }

  /** The model has trackers of one kind. */
  #storeOf(kind: WatchKind) {
    const { trackers } = this.#cache;
    return kind === 'trackers' ? (trackers.stores[0] as (typeof trackers.stores)[0]) : this.#cache[kind];
  }

  #project(kind: WatchKind, raw: JsonObject): never {
    const { project } = this.#cache;
    if (kind === 'pods') return project.pod(raw) as never;
    return (kind === 'nodes' ? project.node(raw) : project.tracker(raw)) as never;
  }
}

const nameOf = (raw: JsonObject) => (raw.metadata as { name: string }).name;
