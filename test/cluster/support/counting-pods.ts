import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../src/async/system-clock.ts';
import { createListWatch, type ListWatch } from '../../../src/informer/list-watch.ts';
import { Reflector } from '../../../src/informer/reflector.ts';
import { isOlder } from '../../../src/informer/resource-version.ts';
import { Store } from '../../../src/informer/store.ts';
import type { ApiClient, JsonObject } from '../../../src/kube/client.ts';
import { ApiError } from '../../../src/kube/errors.ts';
import { podPath } from '../../../src/kube/paths.ts';
import { createPod } from '../../../testkit/couchbase/workload.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { WRITES_BEHIND } from './two-api-servers.ts';

interface Counted {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly count: number;
}

interface Metadata {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const PODS = 60;
/** Each of these kinds of pods has so many that are counted up. */
const COUNTED = 3;
/** Leaves the machine to the API servers. */
const PACE_MS = 20;

export interface CountingOptions {
  readonly namespace: string;
  /** Of the cache, and of some of the writes. */
  readonly client: ApiClient;
  /** Of the other writes: it reaches an API server that does not lag. */
  readonly near: ApiClient;
}

/** Pods that somebody goes on counting up, and a cache of them which hears of own writes, too, as the hook's does. */
export class CountingPods {
  readonly store = new Store<Counted>({
    keyOf: ({ name }) => name,
    isSame: (a, b) => a.resourceVersion === b.resourceVersion,
    isOtherInstance: (a, b) => a.uid !== b.uid,
    onHandlerError: (error) => assert.fail(String(error)),
  });
  /** Each time that a pod was older than it had been, or gone. Nobody deletes one. */
  readonly backwards: string[] = [];
  /** The last count that was written, or whose answer was lost. */
  readonly counts = new Map<string, number>();
  readonly #options: CountingOptions;
  readonly #reflector: Reflector<Counted>;
  readonly #over = new AbortController();
  #counting: Promise<unknown> = Promise.resolve();
  #isForgotten = false;
  #lists = 0;
  #watches = 0;
  /** The number of the last watch that was answered. */
  #opened = 0;

  constructor(options: CountingOptions) {
    this.#options = options;
    const { client, namespace } = options;
    this.#reflector = new Reflector<Counted>({
      name: 'pods',
      listWatch: this.#observed(createListWatch(client, podsPath(namespace), 'counted=yes')),
      project: counted,
      sink: this.store,
      clock: systemClock,
      random: Math.random,
      log: () => undefined,
      backoff: { firstMs: 20, maxMs: 200, resetAfterMs: 1_000 },
    });
    this.store.subscribe((change) => {
      if (change.kind === 'removed') this.backwards.push(`${change.key} was gone`);
      if (change.kind !== 'updated' || !isOlder(change.now.resourceVersion, change.before.resourceVersion)) return;
      this.backwards.push(`${change.key}: ${change.before.count} → ${change.now.count}`);
    });
  }

  get lists(): number {
    return this.#lists;
  }

  async start(): Promise<void> {
    const { client, near, namespace } = this.#options;
    const names = Array.from({ length: PODS }, (_, i) => `counted-${i}`);
    await Promise.all(names.map((name) => createPod(near, { namespace, name, labels: { counted: 'yes' } })));
    this.#reflector.start();
    const own = names.slice(0, COUNTED).map((name) => this.#count(name, near, true));
    // Some of its answers are lost.
    const moving = names.slice(COUNTED, 2 * COUNTED).map((name) => this.#count(name, client, true));
    // The cache hears of these by its watch alone.
    const others = names.slice(2 * COUNTED, 3 * COUNTED).map((name) => this.#count(name, near, false));
    this.#counting = Promise.all([...own, ...moving, ...others]);
    await until('a watch to be open', async () => this.#throwUnlessOpened(0));
  }

  /** Waits until a watch is open that began since `move`; with `isForgotten` a list comes before it, as after a 410. */
  async reopened(move: () => void, isForgotten = false): Promise<void> {
    move();
    const since = this.#watches;
    this.#isForgotten = isForgotten;
    await until('a watch to be open again', async () => this.#throwUnlessOpened(since));
  }

  /** Waits until the cache lacks many writes of others. */
  async untilBehind(): Promise<void> {
    const probe = async () => {
      const behind = this.#others.map((name) => (this.counts.get(name) ?? 0) - this.#known(name));
      if (Math.min(...behind) < WRITES_BEHIND) throw new NotYet(`behind by ${behind.join(', ')} writes`);
    };
    await until('the cache to be behind', probe);
  }

  /** Waits until the cache knows all that others have written by now. */
  async untilTold(): Promise<void> {
    const wanted = new Map(this.#others.map((name) => [name, this.counts.get(name) ?? 0]));
    const probe = async () => {
      const missing = this.#others.filter((name) => this.#known(name) < (wanted.get(name) ?? 0));
      if (missing.length > 0) throw new NotYet(`it is behind on ${missing.join(', ')}`);
    };
    await until('the cache to be told', probe);
  }

  /** Nothing is counted up any more. Waits until the cache is what a live list says. */
  async settle(): Promise<void> {
    this.#over.abort();
    await this.#counting;
    const { near, namespace } = this.#options;
    const probe = async () => {
      const { items } = await near.json({ method: 'GET', path: podsPath(namespace) });
      const live = new Map((items as JsonObject[]).map((item) => [counted(item).name, counted(item).count]));
      const wrong = [...live].filter(([name, count]) => this.store.get(name)?.count !== count);
      if (wrong.length > 0 || live.size !== this.store.size) throw new NotYet(`wrong about ${wrong.join('; ')}`);
    };
    await until('the cache to be what the API server says', probe);
    await this.#reflector.stop();
  }

  stop(): Promise<void> {
    this.#over.abort();
    return this.#reflector.stop();
  }

  get #others(): readonly string[] {
    return Array.from({ length: COUNTED }, (_, i) => `counted-${2 * COUNTED + i}`);
  }

  #known(name: string): number {
    return this.store.get(name)?.count ?? 0;
  }

  async #throwUnlessOpened(since: number): Promise<void> {
    if (this.#opened <= since) throw new NotYet(`${this.#watches - since} watches were tried`);
  }

  async #count(name: string, client: ApiClient, isOwn: boolean): Promise<void> {
    const { namespace } = this.#options;
    while (!this.#over.signal.aborted) {
      const next = (this.counts.get(name) ?? 0) + 1;
      const body = { metadata: { annotations: { count: String(next) } } };
      const contentType = 'application/merge-patch+json';
      const answer = await client
        .json({ method: 'PATCH', path: podPath(namespace, name), contentType, body })
        .catch(() => undefined);
      // A lost answer: it may have been written or not, and the next one says.
      this.counts.set(name, next);
      if (answer !== undefined && isOwn) this.store.assume(counted(answer));
      await sleep(PACE_MS);
    }
  }

  #observed(listWatch: ListWatch): ListWatch {
    return {
      list: (options) => {
        this.#lists++;
        return listWatch.list(options);
      },
      watch: async (options) => {
        if (this.#isForgotten) {
          this.#isForgotten = false;
          throw new ApiError(410, 'GET pods', { reason: 'Expired' });
        }
        const number = ++this.#watches;
        const body = await listWatch.watch(options);
        this.#opened = number;
        return body;
      },
    };
  }
}

const podsPath = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;

function counted({ metadata }: JsonObject): Counted {
  const { name, uid, resourceVersion, annotations } = metadata as Metadata;
  return { name, uid, resourceVersion, count: Number(annotations?.count ?? 0) };
}
