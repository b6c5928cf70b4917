import type { ListWatch, Page } from '../../src/informer/list-watch.ts';
import { type Listing, type Sink, wholeList } from '../../src/informer/reflector.ts';
import type { JsonObject } from '../../src/kube/client.ts';

/** An object of no kind: a name and a resourceVersion. */
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
      // A broken body does not tell why it was aborted; that is for the reader to know.
      this.#controller?.error(new Error('aborted'));
    });
  }

  /** Whether it ended by itself, or its reader cancelled the body or aborted the request: else a connection is still open. */
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
 * A ListWatch by script. Every call is written down, a watch with how many others are still open; a list beyond the script
 * hangs until it is aborted.
 */
export class FakeListWatch implements ListWatch {
  readonly calls: string[] = [];
  readonly feeds: Feed[] = [];
  /** What the lists answer, one call each. */
  lists: (Page | Error)[] = [];
  /** What the watches are refused with; undefined opens a feed, as does the end of the script. */
  refusals: (Error | undefined)[] = [];
  /** Done to each feed that is opened. */
  onFeed: (feed: Feed) => void = () => undefined;
  lastTimeoutSeconds = 0;

  get feed(): Feed {
    const last = this.feeds.at(-1);
    if (last === undefined) throw new Error('no watch is open');
    return last;
  }

  async list({ limit, continueToken, signal }: Parameters<ListWatch['list']>[0]): Promise<Page> {
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

/** A sink that writes down what reaches it. */
export class FakeSink implements Sink<string> {
  readonly told: string[] = [];
  beginList(): Listing<string> {
    return wholeList((objects) => this.told.push(`replace ${objects.join(',')}`));
  }
  put(name: string): void {
    this.told.push(`put ${name}`);
  }
  remove(name: string): void {
    this.told.push(`remove ${name}`);
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason));
  return promise;
}
