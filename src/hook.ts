import type { RequestListener } from 'node:http';
import { createCache, type Freshness } from './cache/cache.ts';
import { Observer } from './cache/observer.ts';
import type { CertificateSource } from './certificates/certificate-source.ts';
import type { Config } from './config/config.ts';
import { Controller } from './controller/controller.ts';
import { EntryReconciler } from './controller/entries.ts';
import { MarkEventReconciler } from './controller/mark-events.ts';
import { PermissionCheck } from './controller/permissions.ts';
import { createPodEvents } from './controller/pod-events.ts';
import { StalledPodReconciler } from './controller/stalled-pods.ts';
import { createReconcile, kindOfKey, wakeOnChanges } from './controller/triggers.ts';
import type { QueueClock } from './controller/work-queue.ts';
import { type ApiClient, createApiClient } from './kube/client.ts';
import type { Connection } from './kube/connection.ts';
import { describeError } from './kube/errors.ts';
import { createEmitEvent } from './kube/events.ts';
import { describePermission, permissionsOf, ruleFor } from './kube/permissions.ts';
import { createReads } from './kube/reads.ts';
import { createWrites } from './kube/writes.ts';
import { LOG, type Log } from './log/messages.ts';
import { createMetrics } from './metrics.ts';
import { formatAge } from './policy/duration.ts';
import { decodeEntry, ENTRY_PREFIX, entryKey } from './policy/entry.ts';
import type { Pod, PolicySettings, Tracker } from './policy/model.ts';
import { isDraining, isMarked, isProtected } from './policy/pod-state.ts';
import { needsNode } from './policy/rules/earlier-instance.ts';
import { type ClientCa, createAccessCheck } from './server/client-certificates.ts';
import { createConnectionLimitLog } from './server/connection-limit-log.ts';
import { Deadlines } from './server/deadlines.ts';
import { createHealthApp } from './server/health-app.ts';
import { createApp } from './server/webhook-app.ts';
import { Admitter } from './webhook/admitter.ts';
import { Marker } from './webhook/marker.ts';

/** The world outside: what `main` touches and everything below only gets. */
export interface World extends QueueClock {
  readonly log: Log;
  /** Wall clock, epoch milliseconds. */
  now(): number;
  random(): number;
  /** For people: what runs. */
  readonly build: { readonly version: string; readonly nodeVersion: string };
  /** Names this replica in Events. */
  readonly instance: string;
  readonly openCertificates: (client: ApiClient) => CertificateSource;
  /** Absent where clients need no certificate. */
  readonly clientCa: ClientCa | undefined;
}

export interface Hook {
  readonly webhookListener: RequestListener;
  readonly healthListener: RequestListener;
  readonly certificates: CertificateSource;
  start(): void;
  /** To be told of every connection that had to go because there were too many. */
  onDisplaced(): void;
  /** From now on `/readyz` says no, and answers ask clients to connect elsewhere. */
  unready(reason: string): void;
  /** Answers what is in hand now: 429, in doubt. */
  hurry(): void;
  stop(): Promise<void>;
}

/** Puts the parts together: clients, cache, controller, webhook. Nothing runs before `start`. */
export function createHook(config: Config, connection: Connection, world: World): Hook {
  const { log } = world;
  const now = () => world.now();
  const monotonicNow = () => world.monotonicNow();
  const metrics = createMetrics(world.build);
  const settings = settingsOf(config);
  const tracking = config.trackerKind ? { trackerKind: config.trackerKind } : {};

  const client = createApiClient(connection, { monotonicNow }, metrics.onApiCall);
  const certificates = world.openCertificates(client);
  const { clientCa } = world;
  const reads = createReads(client);
  const writes = createWrites(client);
  const announce = createPodEvents(createEmitEvent(client, world.instance), { ...tracking, now });
  const cache = createCache({
    ...tracking,
    client,
    labelSelector: config.labelSelector,
    selectorKeys: config.selector.map(({ key }) => key),
    annotationKey: config.annotationKey,
    entryPrefix: ENTRY_PREFIX,
    isProtected: (pod) => isProtected(pod, settings),
    isMarked: (pod) => isMarked(pod, settings),
    isDraining: (node) => isDraining(node, settings.drainTaints),
    now,
    monotonicNow,
    random: () => world.random(),
    log: (level, message, fields) => log[level](message, fields),
    onInterrupted: metrics.onWatchInterrupted,
    onSynced: () =>
      log.info(LOG.synced, Object.fromEntries(cache.freshness().map((kind) => [kind.kind, kind.objects]))),
  });

  const permissions = new PermissionCheck({
    client,
    permissions: permissionsOf({ ...tracking, ...ownCertificatesOf(config) }),
    setTimer: (callback, ms) => world.setTimer(callback, ms),
    onMissing: (one) =>
      log[one.purpose === 'answers' ? 'error' : 'warn'](LOG.permissionMissing, {
        permission: describePermission(one),
        rule: ruleFor(one),
      }),
    onGranted: () => log.info(LOG.permissionsGranted),
    onFailed: (error) => log.warn(LOG.permissionsUnknown, { error: describeError(error) }),
  });

  const entries = new EntryReconciler({
    ...tracking,
    cache,
    reads,
    writes,
    announce,
    settings,
    log,
    monotonicNow,
    onPrune: metrics.onPrune,
  });
  const stall = new StalledPodReconciler({ ...tracking, cache, announce, settings, log, now, monotonicNow });
  const requested = new MarkEventReconciler({ ...tracking, cache, announce, settings, now });
  const controller = new Controller({
    reconcile: createReconcile(entries, requested, stall),
    clock: world,
    random: () => world.random(),
    log,
    onReconcile: (key, result, durationMs) => metrics.onReconcile(kindOfKey(key), result, durationMs),
    onAdd: metrics.onQueueAdd,
  });
  wakeOnChanges(cache, (key) => controller.queue.add(key), settings, config.trackerKind);

  const observer = new Observer({
    ...tracking,
    cache,
    reads,
    now,
    entryFor: lookUpEntry,
    isProtected: (pod) => isProtected(pod, settings),
    needsNode: (observation) => needsNode(observation, settings),
  });
  const marker = new Marker({
    ...tracking,
    cache,
    writes,
    annotationKey: config.annotationKey,
    annotationValue: config.annotationValue,
    now,
  });
  const deadlines = new Deadlines(world);
  const admitter = new Admitter({
    observer,
    marker,
    settings,
    log,
    monotonicNow,
    timeoutSignal: (ms) => AbortSignal.timeout(ms),
    onDecision: metrics.onDecision,
  });

  const reportDisplaced = createConnectionLimitLog(log, monotonicNow);
  let unreadyBecause: string | undefined;
  // What is missing is named first: without the permission to list, the cache never syncs.
  const notReady = () =>
    unreadyBecause ??
    permissions.problem ??
    certificates.notReady() ??
    (cache.hasSynced() ? undefined : 'the cache has not synced');
  const readiness = {
    notReady,
    details: () => cache.freshness().map((kind) => describeFreshness(kind, monotonicNow())),
  };
  const app = createApp({
    ...readiness,
    admit: (request, deadline) => admitter.admit(request, deadline),
    mayAsk: clientCa && createAccessCheck(clientCa, config.clientNames),
    deadlines,
    isStopping: () => unreadyBecause !== undefined,
    log,
  });
  const health = createHealthApp({ ...readiness, metrics: metrics.registry, log });
  metrics.read({
    stalledPods: () => stall.byHindrance(),
    isReady: () => notReady() === undefined,
    permissionsMissing: (purpose) => permissions.missing(purpose),
    markedPods: () => countMarked(cache.pods.values(), settings),
    entries: () => entries.byState(),
    queueDepth: () => controller.queue.length,
    freshness: () => cache.freshness(),
    monotonicNow,
    certificates: () => [...certificates.expiries(), ...(clientCa?.expiries() ?? [])],
  });

  return {
    webhookListener: app.callback(),
    healthListener: health.callback(),
    certificates,
    start() {
      permissions.start();
      cache.start();
      controller.start();
    },
    onDisplaced() {
      metrics.onDisplaced();
      reportDisplaced();
    },
    unready(reason) {
      unreadyBecause = reason;
    },
    hurry: () => deadlines.hurry(),
    async stop() {
      permissions.stop();
      deadlines.stop();
      await Promise.all([cache.stop(), controller.stop()]);
    },
  };
}

function ownCertificatesOf({ certificates, podNamespace, caSecret, webhookConfiguration }: Config) {
  if (certificates === 'files') return {};
  return { ownCertificates: { namespace: podNamespace, secret: caSecret, registration: webhookConfiguration } };
}

function settingsOf(config: Config): PolicySettings {
  const { selector, annotationValue, drainTaints, replacementCondition, exemptUsers, stallAfterMs, retentionMs } =
    config;
  return { selector, annotationValue, drainTaints, replacementCondition, exemptUsers, stallAfterMs, retentionMs };
}

function countMarked(pods: Iterable<Pod>, settings: PolicySettings): number {
  let count = 0;
  for (const pod of pods) if (isMarked(pod, settings)) count++;
  return count;
}

function describeFreshness({ kind, objects, hasSynced, agreedAt }: Freshness, now: number): string {
  return hasSynced ? `${kind}: ${objects}, heard of ${formatAge(now - agreedAt)} ago` : `${kind}: not synced`;
}

function lookUpEntry(tracker: Tracker, namespace: string, pod: string) {
  const value = tracker.entries[entryKey(namespace, pod)];
  return value === undefined ? undefined : decodeEntry(value);
}
