import { type Clock, sleep } from '../async/clock.ts';
import { Turns } from '../async/turns.ts';
import type { JsonObject } from '../kube/client.ts';
import { ApiError, describeError, isNotFound, ResponseTooLongError } from '../kube/errors.ts';
import { LOG } from '../log/messages.ts';
import { Backoff, type BackoffOptions, REFLECTOR_BACKOFF } from './backoff.ts';
import type { ListWatch, Page } from './list-watch.ts';
import { PageSize } from './page-size.ts';
import { type WatchEvent, watchEvents } from './watch-events.ts';

/** Receives what a reflector reads. */
export interface Sink<T> {
  /** A list begins. If it breaks off, it is never completed, and a new list begins. */
  beginList(): Listing<T>;
  put(object: T): void;
  remove(object: T): void;
  /** A bookmark: the watch has told of all changes up to that resourceVersion. */
  heard?(version: string): void;
}

/** A list that arrives page by page. Once it is complete, an object that no page contained is gone. */
export interface Listing<T> {
  /** `snapshot` is the resourceVersion of the list, the same for all of its pages. Absent: not known. */
  page(objects: readonly T[], snapshot?: string): void;
  /**
   * After the last page: removes up to so many objects that no page contained. Returns whether there are more. Absent:
   * `complete` removes all of them at once.
   */
  sweep?(most: number): boolean;
  complete(): void;
}

/** Collects the pages for a sink that takes a list in one piece. */
export function wholeList<T>(replace: (objects: readonly T[]) => void): Listing<T> {
  const objects: T[] = [];
  return { page: (more) => void objects.push(...more), complete: () => replace(objects) };
}

/** What the API server did not grant, and why. */
export interface Failure {
  readonly verb: 'list' | 'watch';
  readonly error: unknown;
}

export interface ReflectorOptions<T> {
  /** For logs: the plural of the kind. */
  readonly name: string;
  readonly listWatch: ListWatch;
  /** Keeps the fields that the policy needs. The reflector does not hold the raw object. */
  project(object: JsonObject): T;
  readonly sink: Sink<T>;
  /**
   * Only for a kind that may not exist, such as a CRD that is not installed. The reflector calls it after a 404, which
   * any proxy could have sent. If the API server does not serve the kind, its list is empty, and the reflector looks
   * again later. May throw.
   */
  readonly isServed?: (signal: AbortSignal) => Promise<boolean>;
  readonly clock: Pick<Clock, 'monotonicNow' | 'setTimer' | 'giveWay'>;
  readonly random: () => number;
  readonly log: (level: 'debug' | 'info' | 'warn', message: string, fields: Record<string, unknown>) => void;
  readonly backoff?: BackoffOptions;
  /** Called for every list or watch that failed and begins again. */
  readonly onInterrupted?: (error: unknown) => void;
}

/** Each removal wakes several reconcilers. */
const SWEPT_IN_A_ROW = 500;
/** From here on a page takes more than a few milliseconds to parse. */
const HEAVY_BYTES = 256 * 1024;
/** One takes about a tenth of a millisecond. After a pause of the network, 400 can arrive at once. */
const EVENTS_IN_A_ROW = 50;
const WATCH_MIN_SECONDS = 300;
/** A healthy watch delivers a bookmark about once a minute. A watch that is silent for longer is half-open. */
const INACTIVITY_MS = 100_000;
/**
 * A watch that ends sooner counts as a failure even if it delivered events, so that it never repeats without a pause.
 */
const SHORT_WATCH_MS = 1_000;
/** After so long without an event or bookmark, whatever the cause, a list replaces the watch. */
const DEAF_MS = 180_000;
/** How soon to look again for a kind that does not exist. */
const ABSENT_RETRY_MS = 10_000;

/**
 * Keeps a sink equal to the API server's state, as client-go's reflector does: a paged list, then a watch from its
 * resourceVersion, again and again. No error ends it; only `stop` does. After a stop nothing more reaches the sink.
 * Why not the library's informer: docs/decisions/0001-own-reflector.md.
 */
export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #backoff: Backoff;
  #running: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  #resourceVersion: string | undefined;
  #agreedAt = Number.NEGATIVE_INFINITY;
  #failure: Failure | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#backoff = new Backoff(options.backoff ?? REFLECTOR_BACKOFF, options.clock, options.random);
  }

  /** When the last list, event or bookmark arrived, on the monotonic clock; -Infinity if none did. */
  get agreedAt(): number {
    return this.#agreedAt;
  }

  /** The last list or watch that failed, if nothing has arrived since. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  start(): void {
    if (this.#running !== undefined) return;
    const stop = new AbortController();
    this.#running = { stop, done: this.#run(stop.signal) };
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.stop.abort();
    await running?.done;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#resourceVersion ??= await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(error, signal);
      }
    }
  }

  async #recover(failure: unknown, signal: AbortSignal): Promise<void> {
    const { name, log } = this.#options;
    const verb = this.#resourceVersion === undefined ? 'list' : 'watch';
    const isDeaf = this.#options.clock.monotonicNow() - this.#agreedAt > DEAF_MS;
    if (wantsRelist(failure) || isDeaf) this.#resourceVersion = undefined;
    const error = isNotFound(failure) ? await this.#explain(failure, signal) : failure;
    if (signal.aborted) return;
    if (error === undefined) {
      this.#options.sink.beginList().complete();
      this.#noteContact();
      log('debug', LOG.kindMissing, { kind: name });
      return sleep(this.#options.clock, ABSENT_RETRY_MS, signal);
    }
    this.#failure = { verb, error };
    const retryAfterMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    const delayMs = Math.max(this.#backoff.next(), retryAfterMs);
    const next = this.#resourceVersion === undefined ? 'list' : 'watch';
    this.#options.onInterrupted?.(error);
    log('warn', LOG.watchInterrupted, {
      kind: name,
      error: describeError(error),
      retryInMs: Math.round(delayMs),
      next,
    });
    return sleep(this.#options.clock, delayMs, signal);
  }

  /** Explains a 404: undefined if the API server does not serve the kind, else the failure. */
  async #explain(notFound: unknown, signal: AbortSignal): Promise<unknown> {
    try {
      return (await this.#options.isServed?.(signal)) === false ? undefined : notFound;
    } catch (error) {
      return error;
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { project, sink, name, log, clock } = this.#options;
    const listing = sink.beginList();
    let count = 0;
    let resourceVersion = '';
    for await (const page of this.#pages(signal)) {
      signal.throwIfAborted();
      // Parsing a heavy page took long, and so will its projections.
      if (page.bytes !== undefined && page.bytes > HEAVY_BYTES) await clock.giveWay();
      listing.page(page.items.map(project), page.resourceVersion);
      count += page.items.length;
      resourceVersion = page.resourceVersion;
    }
    while (listing.sweep?.(SWEPT_IN_A_ROW)) {
      await clock.giveWay();
      signal.throwIfAborted();
    }
    listing.complete();
    this.#noteContact();
    log('debug', LOG.listed, { kind: name, count });
    return resourceVersion;
  }

  async *#pages(signal: AbortSignal): AsyncGenerator<Page> {
    const size = new PageSize();
    let continueToken: string | undefined;
    do {
      const page = await this.#page(size, continueToken, signal);
      yield page;
      continueToken = page.continueToken;
    } while (continueToken !== undefined);
  }

  /** Asks for fewer objects as long as they are too heavy. */
  async #page(size: PageSize, continueToken: string | undefined, signal: AbortSignal): Promise<Page> {
    const { limit, maxBytes } = size;
    const next = { ...(continueToken && { continueToken }), ...(maxBytes && { maxBytes }) };
    try {
      const page = await this.#options.listWatch.list({ limit, ...next, signal });
      if (page.bytes !== undefined) size.weighed(page.bytes, page.items.length);
      return page;
    } catch (error) {
      if (!(error instanceof ResponseTooLongError)) throw error;
      size.tooHeavy();
      return this.#page(size, continueToken, signal);
    }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { listWatch, clock, random } = this.#options;
    const startedAt = clock.monotonicNow();
    const turns = new Turns(clock, EVENTS_IN_A_ROW);
    const inactivity = new AbortController();
    const either = AbortSignal.any([signal, inactivity.signal]);
    // One timer for many events: one for each would reach the old generation (docs/performance.md).
    const giveUpIfSilent = () => {
      const silentMs = clock.monotonicNow() - Math.max(startedAt, this.#agreedAt);
      if (silentMs < INACTIVITY_MS) timer = clock.setTimer(giveUpIfSilent, INACTIVITY_MS - silentMs);
      else inactivity.abort(new Error(`no event or bookmark for ${INACTIVITY_MS / 1000} s`));
    };
    let timer = clock.setTimer(giveUpIfSilent, INACTIVITY_MS);
    try {
      const body = await listWatch.watch({
        resourceVersion: this.#resourceVersion ?? '',
        timeoutSeconds: Math.round(WATCH_MIN_SECONDS * (1 + random())),
        signal: either,
      });
      for await (const event of watchEvents(body)) {
        await turns.next();
        if (signal.aborted) return;
        this.#apply(event);
      }
    } catch (error) {
      throw inactivity.signal.aborted ? inactivity.signal.reason : error;
    } finally {
      timer.cancel();
    }
    if (clock.monotonicNow() - startedAt < SHORT_WATCH_MS) throw new Error('the watch ended at once');
  }

  #apply(event: WatchEvent): void {
    const { sink, project } = this.#options;
    if (event.type === 'DELETED') sink.remove(project(event.object));
    else if (event.type === 'BOOKMARK') sink.heard?.(event.resourceVersion);
    else sink.put(project(event.object));
    this.#resourceVersion = event.resourceVersion;
    this.#noteContact();
  }

  #noteContact(): void {
    this.#agreedAt = this.#options.clock.monotonicNow();
    this.#failure = undefined;
  }
}

/**
 * Whether the reflector must list again: the API server refused the resourceVersion or the watch, or sent something
 * that is no event. It refuses a resourceVersion with 410 after compaction, and with 404 when the CRD is gone. After an etcd
 * restore it refuses none: it tells nothing until the revisions have passed the old one, so silence brings the list. After a
 * 403 for the watch, a list may still be allowed. After 429, 401, a 5xx or a broken connection the watch continues where it was.
 */
function wantsRelist(error: unknown): boolean {
  if (error instanceof ApiError) return ![401, 429, 500, 502, 503].includes(error.code);
  return error instanceof SyntaxError || error instanceof TypeError;
}
