import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../../../src/async/clock.ts';
import type { Cache } from '../../../src/cache/cache.ts';
import { type Core, createCore } from '../../../src/core.ts';
import type { Change } from '../../../src/informer/store.ts';
import type { ApiClient, ApiRequest, JsonObject } from '../../../src/kube/client.ts';
import type { Reads } from '../../../src/kube/reads.ts';
import { clockOf, ServerTime } from '../../../src/kube/server-time.ts';
import { createWrites } from '../../../src/kube/writes.ts';
import type { Log } from '../../../src/log/messages.ts';
import type { Decision, Mark } from '../../../src/policy/decision.ts';
import type { EvictionRequest, Pod } from '../../../src/policy/model.ts';
import type { Observation } from '../../../src/policy/observation.ts';
import { type PolicySettings, type Profile, trackedResources } from '../../../src/policy/profiles/profile.ts';
import type { Tracking } from '../../../src/policy/tracking/index.ts';
import type { AdmitterOptions } from '../../../src/webhook/admitter.ts';
import type { MarkOutcome } from '../../../src/webhook/marker.ts';
import { type Mutation, observationOf } from '../faults/mutation.ts';
import { hasOtherTracker, otherTrackingOf, podSelectorsOf, settingsOf, trackingOf } from '../runs/settings.ts';
import type { Variant } from '../runs/variant.ts';
import { type ApiServer, isPodKind, isWatched, type WatchKind } from './api-server.ts';
import type { Calls, Task } from './calls.ts';
import type { SimClock } from './clock.ts';
import { Feed, type StoredAs } from './feed.ts';
import { type Installation, OURS, selects } from './installations.ts';
import { EPOCH, isToProtect, type SimPod } from './objects.ts';
import { keyIn } from './patches.ts';
import { ReceivedState } from './received-state.ts';

/** The task that makes the present calls. It follows the promises of the product. */
const running = new AsyncLocalStorage<Task>();

/** The webhook's own limit within the API server's ten seconds. */
export const ANSWER_WITHIN_MS = 9_000;
/** Of a planted fault: as long as a call. */
const LATE_MS = 30_000;

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export interface ProcessOptions<T extends Task> {
  readonly clock: SimClock;
  readonly server: ApiServer<T>;
  readonly calls: Calls<T>;
  readonly variant: Variant;
  readonly installation: Installation;
  readonly mutation: Mutation;
  /** The error of this replica's wall clock. */
  readonly skewMs: () => number;
  /** Creates the task that owns the controller's calls. */
  readonly controllerTask: T;
  /** Called with a mark before it is carried out. */
  readonly onMark: (decision: Mark, task: T) => void;
  /** Called with the removal of an entry before it is sent. */
  readonly onPrune: (key: string, value: string, from: Pick<HookProcess<T>, 'feed' | 'installation'>) => void;
  /** Called with the instance whose memory the controller prunes. */
  readonly onForget: (name: string, uid: string, received: ReceivedState) => void;
}

/** One process of the hook: its core, with a feed instead of its watches, and with the changes of a planted fault. */
export class HookProcess<T extends Task> {
  readonly cache: Cache;
  readonly controllerTask: T;
  readonly installation: Installation;
  /** Secretly forgets a pod, by its store key, for a planted fault. */
  consume: (podKey: string) => void = () => undefined;
  readonly #options: ProcessOptions<T>;
  readonly #clock: Clock;
  readonly #time: ServerTime;
  readonly #core: Core;
  #feed: Feed | undefined;

  constructor(options: ProcessOptions<T>) {
    this.#options = options;
    this.controllerTask = options.controllerTask;
    this.installation = options.installation;
    const { mutation } = options;
    const own = this.#ownClock();
    this.#time = new ServerTime(own);
    this.#clock = mutation.trustsOwnClock ? own : clockOf(this.#time, own);
    const client = this.#client();
    let pods: Cache['pods'];
    this.#core = createCore({
      client,
      settings: this.#settings(),
      clock: this.#clock,
      random: () => 0.5,
      log: silent,
      instance: 'hook',
      between: {
        cache: (cache) => {
          pods = cache.pods;
          return this.#fed(cache);
        },
        observer: (observer) => this.#mutated(observer, pods),
        marker: (marker) => ({ mark: (decided, signal) => this.#mark(marker, decided, signal) }),
        reads: (reads) => this.#mutatedReads(mutation.reads?.(reads) ?? reads),
        ...(mutation.writes && { writes: mutation.writes }),
        ...(mutation.reconcilerCache && { reconcilerCache: mutation.reconcilerCache }),
        ...(mutation.neverReconciles && {
          reconciler: (reconciler) => ({
            kind: reconciler.kind,
            idOf: (key) => reconciler.idOf(key),
            reconcile: async () => ({}),
          }),
        }),
      },
    });
    this.cache = this.#core.cache;
    running.run(this.controllerTask, () => {
      for (const controller of this.#core.controllers) controller.start();
    });
  }

  get feed(): Feed {
    if (this.#feed === undefined) throw new Error('the cache is fed from its creation on');
    return this.#feed;
  }

  /** Whether its installation must protect the pod while it lives. */
  selects(pod: SimPod): boolean {
    return isToProtect(pod) && this.#selectsName(pod.name);
  }

  /** Whether its watch has the pod. */
  watches(pod: SimPod): boolean {
    return isWatched(pod) && this.feed.selects(pod.labels);
  }

  #selectsName(name: string): boolean {
    return selects(this.#options.variant.second, this.installation, name);
  }

  async admit(request: EvictionRequest, task: T): Promise<Decision> {
    const { mutation } = this.#options;
    const asked = mutation.request?.(request) ?? request;
    const due = new AbortController();
    const withinMs = mutation.answersLate ? LATE_MS : ANSWER_WITHIN_MS;
    const timer = this.#clock.setTimer(() => due.abort(new Error('the answer is due')), withinMs);
    const decision = await running.run(task, () => this.#core.admitter.admit(asked, due.signal));
    timer.cancel();
    return mutation.decision?.(decision, request) ?? decision;
  }

  /** False if the process does not watch the kind. */
  beginList(kind: WatchKind): boolean {
    if (!this.#watchesKind(kind)) return false;
    this.#hear();
    this.feed.beginList(kind);
    return true;
  }

  #watchesKind(kind: WatchKind): boolean {
    const { variant } = this.#options;
    if (isPodKind(kind)) return this.feed.podKinds.includes(kind);
    const isOfOthers = this.installation === OURS && hasOtherTracker(variant);
    if (kind === 'others') return isOfOthers;
    if (kind === 'namespaces') return isOfOthers && variant.usesConfigMap;
    return kind !== 'trackers' || this.#storedAs(trackingOf(variant)).index !== -1;
  }

  /** Delivers a whole list at once. */
  list(kind: WatchKind): void {
    this.beginList(kind);
    while (this.feed.page(kind));
  }

  #settings(): PolicySettings {
    const { variant, mutation } = this.#options;
    const given = settingsOf(variant, this.installation);
    const settings = mutation.settings?.(given) ?? given;
    const changed = ({ tracking }: Profile) => ({ tracking: mutation.tracking?.(tracking) ?? tracking });
    return { ...settings, profiles: settings.profiles.map((one) => ({ ...one, ...changed(one) })) };
  }

  #ownClock(): Clock {
    const { clock, skewMs } = this.#options;
    return {
      now: () => EPOCH + clock.now + skewMs(),
      monotonicNow: () => clock.now,
      giveWay: async () => undefined,
      setTimer: (callback, ms) => clock.setTimer(this, callback, ms),
    };
  }

  /** The cache of the process. The simulation's steps fill it, and its memory is observed. */
  #fed(cache: Cache): Cache {
    const { variant, mutation, server, clock, calls } = this.#options;
    const now = () => clock.now;
    const received = new ReceivedState(variant, now, server as never);
    const silentSince = () => calls.hanging.get('watch');
    const feed = new Feed({
      server: server as never,
      cache,
      received,
      now,
      silentSince,
      selectors: podSelectorsOf(variant, this.installation),
      resources: { trackers: this.#storedAs(trackingOf(variant)), others: this.#storedAs(otherTrackingOf(variant)) },
      keepsUnlisted: mutation.keepsUnlisted,
    });
    this.#feed = feed;
    this.#watchMemory(cache, feed);
    const age =
      (...kinds: WatchKind[]) =>
      () =>
        mutation.trustsSilentCache ? 0 : Math.max(...kinds.map((kind) => feed.ageMs(kind)));
    const watched = (['trackers', 'others', 'namespaces'] as const).filter((kind) => this.#watchesKind(kind));
    const trackers = watched.length === 0 ? (['trackers'] as const) : watched;
    return { ...cache, podsAgeMs: age(...feed.podKinds), nodesAgeMs: age('nodes'), trackersAgeMs: age(...trackers) };
  }

  #storedAs({ resources: [resource] }: Tracking): StoredAs {
    const plurals = trackedResources(this.#settings()).map(({ plural }) => plural);
    return { resource, index: plurals.indexOf(resource?.plural ?? '') };
  }

  #watchMemory({ earlierInstances, markMemory, pods }: Cache, feed: Feed): void {
    const { mutation, clock, onForget } = this.#options;
    const forget = earlierInstances.forget.bind(earlierInstances);
    earlierInstances.forget = (key) => {
      const name = key.slice(key.indexOf('/') + 1);
      onForget(name, earlierInstances.get(key)?.uid ?? '', feed.received);
      feed.forgottenAt.set(name, clock.now);
      forget(key);
    };
    this.consume = forget;
    const observe = earlierInstances.observe.bind(earlierInstances);
    earlierInstances.observe = (change) => {
      const isMissed = mutation.missesReplaced && change.kind === 'removed' && feed.isInPage;
      if (!isMissed) observe(change);
    };
    if (mutation.countsWithdrawn) pods.subscribe((change) => lose(markMemory, change));
    if (mutation.forgetsDeparted) pods.subscribe(({ key }) => forget(key));
  }

  #client(): ApiClient {
    let last: Promise<unknown> = Promise.resolve();
    const inTurn = (send: () => Promise<JsonObject>) => {
      const sent = last.then(send);
      last = sent.catch(() => undefined);
      return sent;
    };
    return {
      json: (request) => {
        const task = running.getStore();
        if (task === undefined) throw new Error('a call outside every task');
        const send = () => this.#options.calls.park(task as T, request);
        const outcome = this.#options.mutation.oneCallAtATime ? inTurn(send) : send();
        for (const [key, value] of this.#prunedBy(request)) this.#options.onPrune(key, value, this);
        return outcome.then((object) => {
          this.#hear();
          return request.method === 'PATCH' ? this.#takeResponse(request, object) : object;
        });
      },
      stream: () => Promise.reject(new Error('watches are delivered by steps')),
    };
  }

  /** A response has just arrived, with the `Date` of the API server. */
  #hear(): void {
    const servedAt = Math.floor((EPOCH + this.#options.clock.now) / 1000) * 1000;
    this.#time.onCall({ code: 200, durationMs: 0, servedAt });
  }

  /** The entries that a call removes, with their values. */
  #prunedBy({ method, path, contentType, body }: ApiRequest): [string, string][] {
    if (method === 'DELETE') {
      const tracker = this.#options.server.trackers.get(path);
      const { preconditions } = body as { preconditions: { resourceVersion: string } };
      const isIt = tracker !== undefined && preconditions.resourceVersion === `${tracker.version}`;
      return isIt ? Object.entries(tracker.annotations) : [];
    }
    if (contentType !== 'application/json-patch+json' || path.includes('/pods/')) return [];
    const tests = (body as { path: string; value?: string }[]).filter(({ value }) => value !== undefined);
    return tests.slice(0, 1).map((test) => [keyIn(test.path), test.value ?? '']);
  }

  /** Takes the response to a mark. */
  #takeResponse({ path }: ApiRequest, object: JsonObject): JsonObject {
    if (path.includes('/pods/')) this.feed.received.takeResponse(object);
    return object;
  }

  async #mark(marker: AdmitterOptions['marker'], decided: Mark, signal: AbortSignal): Promise<MarkOutcome> {
    const { mutation, onMark } = this.#options;
    onMark(decided, running.getStore() as T);
    const { namespace, name, uid } = decided.pod;
    const { annotation } = decided;
    if (mutation.marksFirst && annotation) {
      const { key, value } = annotation;
      await createWrites(this.#client()).markPod({ namespace, name, uid }, { key: key, value: value });
    }
    return marker.mark(mutation.mark?.(decided) ?? decided, signal);
  }

  /** For a planted fault the controller sees no draining node. */
  #mutatedReads(reads: Reads): Reads {
    if (!this.#options.mutation.withdrawsByCache) return reads;
    const node: Reads['node'] = async (name, signal) => {
      const object = await reads.node(name, signal);
      return object && running.getStore() === this.controllerTask ? { ...object, spec: {} } : object;
    };
    return { ...reads, node };
  }

  /** Passes the policy's observations through the fault. */
  #mutated(observer: AdmitterOptions['observer'], pods: Cache['pods']): AdmitterOptions['observer'] {
    const { mutation, clock } = this.#options;
    const change: (seen: Observation) => Observation = observationOf(mutation, { pods, monotonicNow: () => clock.now });
    // The observer goes on from what it saw itself: the fault is in what the policy is shown.
    const seenBehind = new WeakMap<Observation, Observation>();
    const behind = (shown: Observation) => seenBehind.get(shown) ?? shown;
    const show = (seen: Observation) => {
      const shown = change(seen);
      seenBehind.set(shown, seen);
      return shown;
    };
    return {
      begin: (request) => observer.begin(request),
      look: async (shown, ...how) => show(await observer.look(behind(shown), ...how)),
      lookAgain: async (shown, signal) => show(await observer.lookAgain(behind(shown), signal)),
      cacheKnows: (shown, signal) => observer.cacheKnows(behind(shown), signal),
    };
  }
}

/** Of a planted fault: whoever takes a mark, it counts as taken away. */
function lose(markMemory: Cache['markMemory'], change: Change<Pod>): void {
  if (change.kind !== 'updated' || !change.before.mark?.matches || change.now.mark?.matches) return;
  const { key: podKey, before: pod } = change;
  markMemory.begin({ podKey, pod, at: pod.mark?.at ?? 0, marks: 1 });
  markMemory.lost(podKey, pod.uid);
}
