import { ApiFailure } from '../storage/failure.ts';
import { apiVersionOf, type Kind } from '../storage/kinds.ts';
import type { ApiObject, Json } from '../storage/object.ts';
import { type Predicate, selection } from '../storage/selectors.ts';
import { type Change, type ChangeType, isSameKind, type Store } from '../storage/store.ts';

export interface WatchOptions {
  readonly store: Store;
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly query: URLSearchParams;
  /** How an object is put into an event. */
  readonly encode: (object: ApiObject, isFirst: boolean) => unknown;
  readonly send: (event: string) => void;
  readonly end: () => void;
  /** How often a watch that asked for bookmarks gets one. */
  readonly bookmarkEveryMs: number;
}

const DEFAULT_TIMEOUT_SECONDS = 1_800;

/**
 * Starts a watch and returns how to stop it. What is too old is told as an ERROR event with 410, as the real one does.
 * Throws where the request itself cannot be read.
 */
export function startWatch(options: WatchOptions): () => void {
  const { store, kind, query, end, bookmarkEveryMs } = options;
  const watch = new Watch(options, selection(kind, query));
  const stopListening = store.listen((change) => watch.tell(change));
  const bookmarks = query.get('allowWatchBookmarks') === 'true' || query.get('allowWatchBookmarks') === '1';
  const timer = setInterval(() => bookmarks && watch.bookmark(), bookmarkEveryMs);
  const seconds = Number(query.get('timeoutSeconds') ?? 0) || DEFAULT_TIMEOUT_SECONDS;
  const stop = () => {
    clearInterval(timer);
    clearTimeout(deadline);
    stopListening();
  };
  const finish = () => {
    stop();
    end();
  };
  const deadline = setTimeout(finish, seconds * 1000);
  if (!watch.begin()) queueMicrotask(finish);
  return stop;
}

class Watch {
  readonly #options: WatchOptions;
  readonly #isWanted: Predicate;
  #isFirst = true;

  constructor(options: WatchOptions, isWanted: Predicate) {
    this.#options = options;
    this.#isWanted = isWanted;
  }

  /** What there is, or what has happened since the version that was asked for. False: it cannot go on from there. */
  begin(): boolean {
    const { store, kind, namespace, query } = this.#options;
    const version = query.get('resourceVersion') ?? '';
    const sendsInitial = query.get('sendInitialEvents') === 'true';
    if (version !== '' && version !== '0' && !sendsInitial) return this.#replay(version);
    for (const object of store.list(kind, namespace)) if (this.#isWanted(object)) this.#send('ADDED', object);
    if (sendsInitial) this.bookmark({ 'k8s.io/initial-events-end': 'true' });
    return true;
  }

  /**
   * A change as this watch sees it: what leaves or enters its selection is deleted or added. What leaves it is told as it
   * was when it was last in it, in the version of the change that took it out.
   */
  tell({ kind, type, object, before }: Change): void {
    const { kind: watched, namespace } = this.#options;
    if (!isSameKind(kind, watched) || (namespace !== undefined && object.metadata.namespace !== namespace)) return;
    const was = before !== undefined && this.#isWanted(before);
    const is = type !== 'DELETED' && this.#isWanted(object);
    if (is) this.#send(was ? 'MODIFIED' : 'ADDED', object);
    else if (was) this.#send('DELETED', inVersionOf(object, before));
  }

  bookmark(annotations?: Readonly<Record<string, string>>): void {
    const { kind, store } = this.#options;
    const metadata = {
      resourceVersion: String(store.version),
      creationTimestamp: null,
      ...(annotations ? { annotations } : {}),
    };
    this.#event('BOOKMARK', { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata });
  }

  #replay(version: string): boolean {
    const { store, kind } = this.#options;
    try {
      for (const change of store.since(kind, Number(version))) this.tell(change);
      return true;
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      this.#event('ERROR', error.status);
      return false;
    }
  }

  #send(type: ChangeType, object: ApiObject): void {
    const encoded = this.#options.encode(object, this.#isFirst);
    this.#isFirst = false;
    this.#event(type, encoded);
  }

  #event(type: ChangeType | 'BOOKMARK' | 'ERROR', object: unknown): void {
    this.#options.send(`${JSON.stringify({ type, object } satisfies Json)}\n`);
  }
}

const inVersionOf = ({ metadata }: ApiObject, before: ApiObject): ApiObject => ({
  ...before,
  metadata: { ...before.metadata, resourceVersion: metadata.resourceVersion as string },
});
