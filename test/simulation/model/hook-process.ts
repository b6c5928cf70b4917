import { AsyncLocalStorage } from 'node:async_hooks';
import { type Cache, createCache } from '../../../src/cache/cache.ts';
import { Observer } from '../../../src/cache/observer.ts';
import { Controller } from '../../../src/controller/controller.ts';
import { EntryReconciler } from '../../../src/controller/entries.ts';
import { MarkEventReconciler } from '../../../src/controller/mark-events.ts';
import { createPodEvents } from '../../../src/controller/pod-events.ts';
import { StalledPodReconciler } from '../../../src/controller/stalled-pods.ts';
import { createReconcile, wakeOnChanges } from '../../../src/controller/triggers.ts';
import type { ApiClient, ApiRequest, JsonObject } from '../../../src/kube/client.ts';
import { createEmitEvent } from '../../../src/kube/events.ts';
import { createReads } from '../../../src/kube/reads.ts';
import { createWrites } from '../../../src/kube/writes.ts';
import type { Log } from '../../../src/log/messages.ts';
import type { Decision, Observation } from '../../../src/policy/decision.ts';
import { decodeEntry, ENTRY_PREFIX, entryKey } from '../../../src/policy/entry.ts';
import type { EvictionRequest, Tracker } from '../../../src/policy/model.ts';
import { isDraining, isMarked, isProtected } from '../../../src/policy/pod-state.ts';
import { needsNode } from '../../../src/policy/rules/earlier-instance.ts';
import { Deadlines } from '../../../src/server/deadlines.ts';
import { Admitter } from '../../../src/webhook/admitter.ts';
import { type MarkDecision, Marker } from '../../../src/webhook/marker.ts';
import { RESCHEDULE } from '../../support/raw.ts';
import { type Mutation, observationOf } from '../faults/mutation.ts';
import { settingsOf, trackerKindOf, type Variant } from '../runs/variant.ts';
import type { ApiServer, WatchKind } from './api-server.ts';
import type { Calls, Task } from './calls.ts';
import type { SimClock } from './clock.ts';
import { Feed } from './feed.ts';
import { EPOCH } from './objects.ts';
import { Told } from './told.ts';

/** Whose calls are being made: it follows the promises of the product. */
const running = new AsyncLocalStorage<Task>();

/** As the webhook gives itself of the API server's ten seconds. */
const ANSWER_WITHIN_MS = 9_000;

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export interface ProcessOptions<T extends Task> {
  readonly clock: SimClock;
  readonly server: ApiServer<T>;
  readonly calls: Calls<T>;
  readonly variant: Variant;
  readonly mutation: Mutation;
  /** How far this replica's wall clock is off. */
  readonly skewMs: () => number;
  /** Makes the task that the controller's calls belong to. */
  readonly controllerTask: T;
  /** Told of a mark before it is carried out. */
  readonly onMark: (decision: MarkDecision, task: T) => void;
  /** Told of the removal of an entry before it is sent. */
  readonly onPrune: (key: string, value: string, told: Told) => void;
  /** Told of the instance whose memory the controller prunes. */
  readonly onForget: (name: string, uid: string, told: Told) => void;
}

/** One process of the hook: the real cache, policy, execution and controller, as `createHook` puts them together. */
export class HookProcess<T extends Task> {
  readonly cache: Cache;
  readonly feed: Feed;
  readonly controllerTask: T;
  /** Forgets a pod, by its key in the store, in secret: for a planted fault. */
  consume: (podKey: string) => void = () => undefined;
  readonly #options: ProcessOptions<T>;
  readonly #admitter: Admitter;
  readonly #controller: Controller;
  readonly #deadlines: Deadlines;

  constructor(options: ProcessOptions<T>) {
    this.#options = options;
    this.controllerTask = options.controllerTask;
    const { clock, variant, mutation } = options;
    const settings = mutation.settings?.(settingsOf(variant)) ?? settingsOf(variant);
    const kind = trackerKindOf(variant);
    const trackerKind = kind && (mutation.trackerKind?.(kind) ?? kind);
    const tracking = trackerKind === undefined ? {} : { trackerKind };
    const now = () => EPOCH + clock.now + options.skewMs();
    const monotonicNow = () => clock.now;
    const timers = { monotonicNow, setTimer: (callback: () => void, ms: number) => clock.setTimer(this, callback, ms) };
    this.#deadlines = new Deadlines(timers);
    const client = this.#client();
    const reads = mutation.reads?.(createReads(client)) ?? createReads(client);
    const writes = mutation.writes?.(createWrites(client)) ?? createWrites(client);
    this.cache = this.#createCache(client, { settings, tracking, now, monotonicNow });
    const told = new Told(variant, monotonicNow, options.server.hidden);
    this.feed = new Feed(
      { server: options.server as never, cache: this.cache, told, now: monotonicNow },
      mutation.keepsUnlisted,
    );
    const parts = { ...tracking, cache: this.cache, reads, writes, settings, log: silent, now, monotonicNow };
    const announce = createPodEvents(createEmitEvent(client, 'hook'), { ...tracking, now });
    const reconcile = createReconcile(
      new EntryReconciler({ ...parts, cache: mutation.reconcilerCache?.(this.cache) ?? this.cache, announce }),
      new MarkEventReconciler({ ...parts, announce }),
      new StalledPodReconciler({ ...parts, announce }),
    );
    this.#controller = new Controller({
      reconcile: mutation.neverReconciles ? async () => ({}) : reconcile,
      clock: timers,
      random: () => 0.5,
      log: silent,
      workers: 2,
    });
    wakeOnChanges(this.cache, (key) => this.#controller.queue.add(key), settings, trackerKind);
    const observer = new Observer({
      ...parts,
      entryFor: lookUpEntry,
      isProtected: (pod) => isProtected(pod, settings),
      needsNode: (observation) => needsNode(observation, settings),
    });
    const marker = new Marker({ ...parts, annotationKey: RESCHEDULE, annotationValue: settings.annotationValue });
    this.#admitter = new Admitter({
      ...parts,
      observer: mutated(observer, observationOf(mutation, { pods: this.cache.pods, monotonicNow })),
      marker: { mark: (decision, signal) => this.#mark(marker, decision, signal) },
      timeoutSignal: (ms) => this.#timeoutSignal(ms),
    });
    running.run(this.controllerTask, () => this.#controller.start());
  }

  #timeoutSignal(ms: number): AbortSignal {
    const controller = new AbortController();
    this.#options.clock.setTimer(this, () => controller.abort(new Error(`${ms} ms are over`)), ms);
    return controller.signal;
  }

  async admit(request: EvictionRequest, task: T): Promise<Decision> {
    const { mutation } = this.#options;
    const asked = mutation.request?.(request) ?? request;
    const deadline = this.#deadlines.open(ANSWER_WITHIN_MS);
    const decision = await running.run(task, () => this.#admitter.admit(asked, deadline));
    deadline.close();
    return mutation.decision?.(decision, request) ?? decision;
  }

  /** False where the kind is not watched at all. */
  beginList(kind: WatchKind): boolean {
    if (kind === 'trackers' && trackerKindOf(this.#options.variant) === undefined) return false;
    this.feed.beginList(kind);
    return true;
  }

  /** A whole list at once. */
  list(kind: WatchKind): void {
    this.beginList(kind);
    while (this.feed.page(kind));
  }

  #createCache(
    client: ApiClient,
    parts: {
      settings: ReturnType<typeof settingsOf>;
      tracking: Pick<Parameters<typeof createCache>[0], 'trackerKind'>;
      now: () => number;
      monotonicNow: () => number;
    },
  ): Cache {
    const { settings, tracking, now, monotonicNow } = parts;
    const cache = createCache({
      ...tracking,
      client,
      labelSelector: 'app=couchbase',
      selectorKeys: ['app'],
      annotationKey: RESCHEDULE,
      entryPrefix: ENTRY_PREFIX,
      isProtected: (pod) => isProtected(pod, settings),
      isMarked: (pod) => isMarked(pod, settings),
      isDraining: (node) => isDraining(node, settings.drainTaints),
      now,
      monotonicNow,
      random: () => 0.5,
      log: () => undefined,
    });
    const { earlierInstances } = cache;
    const forget = earlierInstances.forget.bind(earlierInstances);
    earlierInstances.forget = (key) => {
      const name = key.slice(key.indexOf('/') + 1);
      this.#options.onForget(name, earlierInstances.get(key)?.uid ?? '', this.feed.told);
      this.feed.forgottenAt.set(name, monotonicNow());
      forget(key);
    };
    this.consume = forget;
    const observe = earlierInstances.observe.bind(earlierInstances);
    earlierInstances.observe = (change) => {
      const isMissed = this.#options.mutation.missesReplaced && change.kind === 'removed' && this.feed.isInPage;
      if (!isMissed) observe(change);
    };
    if (this.#options.mutation.forgetsDeparted) cache.pods.subscribe(({ key }) => forget(key));
    return { ...cache, podsAgeMs: () => this.feed.ageMs('pods'), trackersAgeMs: () => this.feed.ageMs('trackers') };
  }

  #client(): ApiClient {
    return {
      json: (request) => {
        const task = running.getStore();
        if (task === undefined) throw new Error('a call outside every task');
        const outcome = this.#options.calls.park(task as T, request);
        if (request.contentType === 'application/json-patch+json') this.#tellOfPrune(request);
        return request.method === 'PATCH' ? outcome.then((object) => this.#hear(request, object)) : outcome;
      },
      stream: () => Promise.reject(new Error('watches are delivered by steps')),
    };
  }

  #tellOfPrune({ body }: ApiRequest): void {
    const [{ path, value }] = body as [{ path: string; value: string }];
    const key = path.split('/').at(-1)?.replaceAll('~1', '/').replaceAll('~0', '~') ?? '';
    this.#options.onPrune(key, value, this.feed.told);
  }

  /** The answer to a mark. */
  #hear({ path }: ApiRequest, object: JsonObject): JsonObject {
    if (path.includes('/pods/')) this.feed.told.answered(object);
    return object;
  }

  async #mark(marker: Marker, decided: MarkDecision, signal: AbortSignal): Promise<'marked' | 'changed'> {
    const { mutation, onMark } = this.#options;
    onMark(decided, running.getStore() as T);
    if (mutation.marksFirst) await createWrites(this.#client()).markPod(decided.pod, RESCHEDULE, 'true');
    return marker.mark(decided, signal);
  }
}

function mutated(observer: Observer, observation: (seen: Observation) => Observation) {
  return {
    fromCache: (request: EvictionRequest) => observation(observer.fromCache(request)),
    live: async (...args: Parameters<Observer['live']>) => observation(await observer.live(...args)),
    cacheKnows: observer.cacheKnows.bind(observer),
  };
}

function lookUpEntry(tracker: Tracker, namespace: string, pod: string) {
  const value = tracker.entries[entryKey(namespace, pod)];
  return value === undefined ? undefined : decodeEntry(value);
}
