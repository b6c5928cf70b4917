import type { Clock } from './async/clock.ts';
import { type Cache, createCache } from './cache/cache.ts';
import { storeKey } from './cache/keys.ts';
import { Observer } from './cache/observer.ts';
import { Controller, type Reconciler } from './controller/controller.ts';
import { EarlierInstanceReconciler } from './controller/earlier-instances.ts';
import { EntryReconciler } from './controller/entries.ts';
import { AwaitedPods } from './controller/marks/awaited.ts';
import { type EvictionOptions, EvictionReconciler } from './controller/marks/evictions.ts';
import { MarkEventReconciler } from './controller/marks/mark-events.ts';
import { WithdrawalReconciler } from './controller/marks/withdrawals.ts';
import { createPodEvents } from './controller/pod-events.ts';
import { StalledPodReconciler } from './controller/stalled-pods.ts';
import { wakeForDrainer, wakeOnChanges } from './controller/triggers.ts';
import type { BackoffOptions } from './informer/backoff.ts';
import type { ApiClient } from './kube/client.ts';
import { createEmitEvent } from './kube/events.ts';
import { createReads, type Reads } from './kube/reads.ts';
import { createWrites, type Writes } from './kube/writes.ts';
import type { Log } from './log/messages.ts';
import type { Decision, Reason } from './policy/decision.ts';
import type { EntryState } from './policy/entry-lifecycle.ts';
import type { PolicySettings } from './policy/profiles/profile.ts';
import { Admitter, type AdmitterOptions } from './webhook/admitter.ts';
import { Marker } from './webhook/marker.ts';

export interface CoreOptions {
  readonly client: ApiClient;
  readonly settings: PolicySettings;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Names this replica in Events. */
  readonly instance: string;
  readonly backoff?: BackoffOptions;
  /** For metrics; what is absent is not counted. */
  readonly on?: CoreMetrics;
  /** For those who test the core: puts something between two of its parts. */
  readonly between?: Between;
}

export interface CoreMetrics {
  onDecision?(decision: Decision, durationMs: number): void;
  onReconcile?(kind: string, result: 'success' | 'error', durationMs: number): void;
  onQueueAdd?(): void;
  /** Keys were dropped, because there were too many; the controller goes through everything instead. */
  onLeftOut?(kind: string, count: number): void;
  onPrune?(state: EntryState, profile: string): void;
  /** The hook took back a mark of that profile. */
  onWithdraw?(profile: string): void;
  /** The hook asked for the eviction of a pod of that profile. */
  onEvict?(profile: string, result: 'evicted' | 'refused'): void;
  onWatchInterrupted?(kind: string, error: unknown): void;
  onSynced?(): void;
  /** Requests that wait for marks or live looks were over their bound. */
  onTurnedAway?(bound: 'marks' | 'looks'): void;
  onEarlierInstanceDropped?(): void;
}

/** What each part gets instead of the one that it would get. */
export interface Between {
  cache?(cache: Cache): Cache;
  reads?(reads: Reads): Reads;
  writes?(writes: Writes): Writes;
  observer?(observer: AdmitterOptions['observer']): AdmitterOptions['observer'];
  marker?(marker: AdmitterOptions['marker']): AdmitterOptions['marker'];
  /** What the reconcilers see of the cache. */
  reconcilerCache?(cache: Cache): Cache;
  reconciler?<Key>(reconciler: Reconciler<Key>): Reconciler<Key>;
}

/** A controller, whatever its keys are. */
export type AnyController = Pick<Controller<never>, 'start' | 'stop'> & { readonly queue: { readonly length: number } };

/** What decides and remembers: the hook but for its server. */
export interface Core {
  readonly cache: Cache;
  readonly admitter: Admitter;
  readonly entries: Pick<EntryReconciler, 'byState' | 'leftOut'>;
  readonly stalledPods: Pick<StalledPodReconciler, 'byProfile'>;
  readonly controllers: readonly AnyController[];
  start(): void;
  stop(): Promise<void>;
}

/** With these a drainer waits until the present instance has left. */
const WAITS: readonly Reason[] = ['Waiting', 'Stalled', 'NotAsked', 'Marked', 'MarkedAgain', 'Remembered'];
/** With these, too; and the pod carries no mark, so that no change of it would wake anybody. */
const WAITS_UNMARKED: readonly Reason[] = ['GroupBusy', 'GroupUntracked', 'BudgetExhausted', 'Held'];

/** A pod that came back is among them, but nobody awaits its turn: its node has to stop draining. */
function waitsUnmarked({ reason, profile }: Decision, { profiles }: PolicySettings): boolean {
  if (WAITS_UNMARKED.includes(reason) || reason === 'ComesBack') return true;
  return WAITS.includes(reason) && profiles.some(({ name, request }) => name === profile && request !== undefined);
}

const waits = ({ reason }: Decision) => WAITS.includes(reason) || WAITS_UNMARKED.includes(reason);

/** Puts cache, observer, marker, admitter and controllers together. Nothing runs before `start`. */
export function createCore(options: CoreOptions): Core {
  const { client, settings, clock, random, log, instance, backoff, on = {}, between = {} } = options;
  const reads = between.reads?.(createReads(client)) ?? createReads(client);
  const writes = between.writes?.(createWrites(client)) ?? createWrites(client);
  const created = createCache({
    client,
    settings,
    clock,
    random,
    log: (level, message, fields) => log[level](message, fields),
    onInterrupted: (kind, error) => on.onWatchInterrupted?.(kind, error),
    onSynced: () => {
      void waking.onSynced();
      on.onSynced?.();
    },
    onEarlierInstanceDropped: () => on.onEarlierInstanceDropped?.(),
    // Its timer and what was measured of it would stay for an hour.
    onEarlierInstanceForgotten: (pod) => controllers.earlierInstances.queue.add(pod),
    ...(backoff && { backoff }),
  });
  const cache = between.cache?.(created) ?? created;

  const seen = between.reconcilerCache?.(cache) ?? cache;
  const emitEvent = createPodEvents(createEmitEvent(client, instance), clock, settings);
  const shared = { cache: seen, emitEvent, settings, log, clock };
  const entries = new EntryReconciler({ ...shared, reads, writes, onPrune: (...what) => on.onPrune?.(...what) });
  const awaited = new AwaitedPods(clock);
  const stalledPods = new StalledPodReconciler({ ...shared, awaited });
  const onWithdraw = (profile: string) => on.onWithdraw?.(profile);
  const withdrawals = new WithdrawalReconciler({ ...shared, reads, writes, onWithdraw });
  const onEvict: EvictionOptions['onEvict'] = (...what) => on.onEvict?.(...what);
  const evictions = new EvictionReconciler({ ...shared, reads, writes, awaited, onEvict });
  const run = <Key>(reconciler: Reconciler<Key>) =>
    new Controller<Key>({
      reconciler: between.reconciler?.(reconciler) ?? reconciler,
      clock,
      random,
      log,
      onReconcile: (...what) => on.onReconcile?.(...what),
      onAdd: () => on.onQueueAdd?.(),
      onLeftOut: (kind, count) => on.onLeftOut?.(kind, count),
    });
  const controllers = {
    entries: run(entries),
    earlierInstances: run(new EarlierInstanceReconciler(shared)),
    markEvents: run(new MarkEventReconciler(shared)),
    stalledPods: run(stalledPods),
    withdrawals: run(withdrawals),
    evictions: run(evictions),
  };
  const queues = {
    entries: controllers.entries.queue,
    earlierInstances: controllers.earlierInstances.queue,
    markEvents: controllers.markEvents.queue,
    stalledPods: controllers.stalledPods.queue,
    withdrawals: controllers.withdrawals.queue,
    evictions: controllers.evictions.queue,
  };
  const waking = wakeOnChanges(cache, settings, queues, { clock, stalledPods: () => stalledPods.pods() });

  const observer = new Observer({ cache, reads, settings, clock });
  const marker = new Marker({ cache, writes, settings, clock, onFull: () => on.onTurnedAway?.('marks') });
  const admitter = new Admitter({
    observer: between.observer?.(observer) ?? observer,
    marker: between.marker?.(marker) ?? marker,
    settings,
    log,
    clock,
    onDecision(decision, durationMs, { namespace, name }) {
      on.onDecision?.(decision, durationMs);
      const pod = waits(decision) ? cache.pods.get(storeKey({ namespace, name })) : undefined;
      if (pod && awaited.note(pod)) wakeForDrainer(pod, settings, queues);
      if (waitsUnmarked(decision, settings)) queues.stalledPods.add({ namespace, name });
      if (decision.kind === 'mark' && decision.request) queues.markEvents.add({ namespace, name });
    },
    onFull: () => on.onTurnedAway?.('looks'),
  });
  const all = Object.values(controllers);
  return {
    cache,
    admitter,
    entries,
    stalledPods,
    controllers: all,
    start() {
      cache.start();
      for (const controller of all) controller.start();
    },
    async stop() {
      await Promise.all([cache.stop(), ...all.map((controller) => controller.stop())]);
      waking.stop();
    },
  };
}
