import type { Cache } from '../../../src/cache/cache.ts';
import type { Listing } from '../../../src/informer/reflector.ts';
import type { Filled } from '../../../src/informer/store-parts.ts';
import type { JsonObject } from '../../../src/kube/client.ts';
import type { Resource } from '../../../src/policy/model.ts';
import {
  type ApiServer,
  historyOf,
  isPodKind,
  POD_KINDS,
  type PodKind,
  WATCH_KINDS,
  type WatchKind,
  type WatchLine,
} from './api-server.ts';
import { PodHolders } from './pod-holders.ts';
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

/** A resource of trackers, and the index of its store. */
export interface StoredAs {
  readonly resource: Resource | undefined;
  readonly index: number;
}

export type Labels = Readonly<Record<string, string>>;

export interface FeedOptions {
  readonly server: ApiServer<never>;
  readonly cache: Cache;
  readonly received: ReceivedState;
  readonly now: () => number;
  /** Since when all lists and watches hang. */
  readonly silentSince: () => number | undefined;
  /** Of each list and watch of pods. */
  readonly selectors: readonly ((labels: Labels) => boolean)[];
  readonly resources: Readonly<Record<'trackers' | 'others', StoredAs>>;
  /** A planted fault. */
  readonly keepsUnlisted?: boolean | undefined;
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
  readonly #options: FeedOptions;
  readonly #holders = new PodHolders();
  readonly #kinds = Object.fromEntries(
    WATCH_KINDS.map((kind) => [kind, { agreedAt: Number.NEGATIVE_INFINITY }]),
  ) as Record<WatchKind, Kind>;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.received = options.received;
  }

  /** When the process last pruned its memory of a name, or lost it as docs/decision-table.md states; -1 if never. */
  lostAt(name: string): number {
    return Math.max(this.received.lostAt.get(name) ?? -1, this.forgottenAt.get(name) ?? -1);
  }

  /** The lists and watches of pods that the process has. */
  get podKinds(): readonly PodKind[] {
    return POD_KINDS.slice(0, this.#options.selectors.length);
  }

  /** Delivers the next line of a watch; false if there is no line, or no watch. */
  deliver(kind: WatchKind): boolean {
    const state = this.#kinds[kind];
    const line = this.#nextLine(kind);
    if (state.cursor === undefined || line === undefined || this.#options.silentSince() !== undefined) return false;
    state.cursor++;
    this.#take(kind, line.raw, line.type);
    const object = this.#project(kind, line.raw);
    if (line.type === 'put') this.#storeOf(kind).put(object);
    else this.#storeOf(kind).remove(object);
    return true;
  }

  /** Ends the watch with its undelivered lines, and a list under way; begins a new list. */
  beginList(kind: WatchKind): void {
    const { server, now } = this.#options;
    const state = this.#kinds[kind];
    state.agreedAt = now() - this.ageMs(kind);
    const rest = server.list(historyOf(kind)).filter((raw) => this.#isWatched(kind, raw));
    const names = new Set(rest.map(nameOf));
    const cursor = server.watch[historyOf(kind)].length;
    state.list = { rest, names, sink: this.#storeOf(kind).beginList() as Listing<never>, cursor };
    state.cursor = undefined;
  }

  /** Delivers the next page; the last page completes the list. Returns false if no list is under way. */
  page(kind: WatchKind): boolean {
    const state = this.#kinds[kind];
    if (state.list === undefined || this.#options.silentSince() !== undefined) return false;
    const { rest, sink, cursor } = state.list;
    const objects = rest.splice(0, PAGE_SIZE);
    for (const raw of objects) this.#take(kind, raw, 'listed');
    this.isInPage = true;
    sink.page(objects.map((raw) => this.#project(kind, raw)));
    this.isInPage = false;
    if (rest.length > 0) return true;
    this.#dropUnlisted(kind, state.list);
    if (!this.#options.keepsUnlisted || !this.#storeOf(kind).hasSynced) sink.complete();
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
    const { now, silentSince } = this.#options;
    const { cursor, agreedAt } = this.#kinds[kind];
    if (cursor === undefined) return now() - agreedAt;
    const heldUp = this.#nextLine(kind);
    return now() - Math.min(heldUp?.at ?? now(), silentSince() ?? now());
  }

  /** Whether any watch of pods is for those labels. */
  selects(labels: Labels): boolean {
    return this.#options.selectors.some((selector) => selector(labels));
  }

  /** The next line of a watch, without those of pods that it is not for. */
  #nextLine(kind: WatchKind): WatchLine | undefined {
    const state = this.#kinds[kind];
    const lines = this.#options.server.watch[historyOf(kind)];
    if (state.cursor === undefined) return undefined;
    for (let line = lines[state.cursor]; line !== undefined; line = lines[++state.cursor])
      if (this.#isWatched(kind, line.raw)) return line;
    return undefined;
  }

  #isWatched(kind: WatchKind, raw: JsonObject): boolean {
    if (!isPodKind(kind)) return true;
    return this.#options.selectors[POD_KINDS.indexOf(kind)]?.(labelsOf(raw)) === true;
  }

  /** Records what the process may be expected to know, whatever its cache makes of it. */
  #take(kind: WatchKind, raw: JsonObject, as: WatchLine['type'] | 'listed'): void {
    if (isPodKind(kind)) this.#takePod(kind, raw, as);
    else if (kind !== 'nodes') return;
    else if (as === 'remove') this.received.removeNode(nameOf(raw));
    else this.received.putNode(raw);
  }

  #takePod(kind: PodKind, raw: JsonObject, as: WatchLine['type'] | 'listed'): void {
    const name = nameOf(raw);
    if (as === 'remove') {
      if (this.#holders.lose(kind, name)) this.received.removePod(name, raw);
      return;
    }
    const isOutdated = as === 'listed' && this.#holders.isOutdated(kind, raw);
    this.#holders.keep(kind, raw);
    if (!isOutdated) this.received.putPod(raw, as === 'listed');
  }

  #dropUnlisted(kind: WatchKind, { names }: OpenList): void {
    const known = isPodKind(kind) ? this.#holders.names(kind) : this.received.nodes();
    for (const name of known.filter((one) => !names.has(one))) this.#drop(kind, name);
  }

  #drop(kind: WatchKind, name: string): void {
    if (kind === 'nodes') this.received.removeNode(name);
    else if (isPodKind(kind) && this.#holders.lose(kind, name)) this.received.removePod(name);
  }

  #storeOf(kind: WatchKind): Filled<never> {
    const { cache, resources } = this.#options;
    if (isPodKind(kind)) return cache.podParts[POD_KINDS.indexOf(kind)] as Filled<never>;
    if (kind === 'namespaces') return cache.namespaces as unknown as Filled<never>;
    return (kind === 'nodes' ? cache.nodes : cache.trackers.stores[resources[kind].index]) as unknown as Filled<never>;
  }

  #project(kind: WatchKind, raw: JsonObject): never {
    const { cache, resources } = this.#options;
    if (isPodKind(kind)) return cache.project.pod(raw) as never;
    if (kind === 'namespaces') return cache.project.namespace(raw) as never;
    return (kind === 'nodes' ? cache.project.node(raw) : cache.project.tracker(raw, resources[kind].resource)) as never;
  }
}

const nameOf = (raw: JsonObject) => (raw.metadata as { name: string }).name;
const labelsOf = (raw: JsonObject) => (raw.metadata as { labels: Labels }).labels;
