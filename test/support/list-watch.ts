import type { ListOptions, ListWatch, Page } from '../../src/informer/list-watch.ts';
import { type Listing, type Sink, wholeList } from '../../src/informer/reflector.ts';
import type { JsonObject } from '../../src/kube/client.ts';

/** An object that has only a name and a resourceVersion. */
export const object = (name: string, resourceVersion: string): JsonObject => ({ metadata: { name, resourceVersion } });

export const aPage = (resourceVersion: string, names: readonly string[] = [], continueToken?: string): Page => ({
  items: names.map((name) => object(name, resourceVersion)),
  resourceVersion,
  ...(continueToken === undefined ? {} : { continueToken }),
});

/** The body of one watch, fed by the test. */
export class Feed {
  readonly body: ReadableStream<Uint8Array>;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #state: 'open' | 'over' | 'cancelled' | 'aborted' = 'open';

  constructor(signal?: AbortSignal) {
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => void this.#leave('cancelled'),
    });
    signal?.addEventListener('abort', () => {
      if (!this.#leave('aborted')) return;
      // The error has no cause, because only the reader knows that it aborted.
      this.#controller?.error(new Error('aborted'));
    });
  }

  /**
   * How the body ended: by itself, or because its reader cancelled it or aborted the request. Otherwise the connection
   * is still open.
   */
  get state(): 'open' | 'over' | 'cancelled' | 'aborted' {
    return this.#state;
  }

  text(text: string): void {
    this.#controller?.enqueue(new TextEncoder().encode(text));
  }

  event(type: string, payload: unknown): void {
    this.text(`${JSON.stringify({ type, object: payload })}\n`);
  }

  end(): void {
    this.#leave('over');
    this.#controller?.close();
  }

  fail(error: unknown): void {
    this.#leave('over');
    this.#controller?.error(error);
  }

  #leave(state: 'over' | 'cancelled' | 'aborted'): boolean {
    if (this.#state !== 'open') return false;
    this.#state = state;
    return true;
  }
}

/**
 * A scripted ListWatch. It records every call, and for a watch how many others are still open. A list beyond the script
 * hangs until it is aborted.
 */
export class FakeListWatch implements ListWatch {
  readonly calls: string[] = [];
  readonly feeds: Feed[] = [];
  /** The responses to the lists, one per call. */
  lists: (Page | Error)[] = [];
  /** The errors that refuse the watches. Undefined opens a feed, and so does the end of the script. */
  refusals: (Error | undefined)[] = [];
  /** Called with each feed that is opened. */
  onFeed: (feed: Feed) => void = () => undefined;
  lastTimeoutSeconds = 0;

  get feed(): Feed {
    const last = this.feeds.at(-1);
    if (last === undefined) throw new Error('no watch is open');
    return last;
  }

  async list({ limit, continueToken, signal }: ListOptions): Promise<Page> {
    this.calls.push(`list ${limit}${continueToken === undefined ? '' : ` ${continueToken}`}`);
    const answer = this.lists.shift();
    if (answer === undefined) return untilAborted(signal);
    if (answer instanceof Error) throw answer;
    return answer;
  }

  async watch({ resourceVersion, timeoutSeconds, signal }: Parameters<ListWatch['watch']>[0]) {
    const open = this.feeds.filter(({ state }) => state === 'open').length;
    this.calls.push(`watch ${resourceVersion}${open === 0 ? '' : ` beside ${open} open`}`);
    this.lastTimeoutSeconds = timeoutSeconds;
    const refusal = this.refusals.shift();
    if (refusal !== undefined) throw refusal;
    const feed = new Feed(signal);
    this.feeds.push(feed);
    this.onFeed(feed);
    return feed.body;
  }
}

/** A sink that records its calls. */
export class FakeSink implements Sink<string> {
  readonly received: string[] = [];
  beginList(): Listing<string> {
    return wholeList((objects) => this.received.push(`replace ${objects.join(',')}`));
  }
  put(name: string): void {
    this.received.push(`put ${name}`);
  }
  remove(name: string): void {
    this.received.push(`remove ${name}`);
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason));
  return promise;
}
