import type { RequestListener } from 'node:http';
import type { Clock } from './async/clock.ts';
import type { Freshness } from './cache/cache.ts';
import type { CertificateSource } from './certificates/certificate-source.ts';
import type { Config } from './config/config.ts';
import { policySettingsOf } from './config/policy-settings.ts';
import { type ControllerMetrics, oneAtATime } from './controller/controller.ts';
import { INSTALLATION_LOOK_MS, InstallationReconciler } from './controller/installation.ts';
import { PermissionReconciler } from './controller/permissions.ts';
import { type Core, createCore } from './core.ts';
import { type ApiCall, type ApiClient, createApiClient } from './kube/client.ts';
import type { Connection } from './kube/connection.ts';
import { podPath } from './kube/paths.ts';
import { permissionsOf } from './kube/permissions.ts';
import { createReads } from './kube/reads.ts';
import { clockOf, ServerTime } from './kube/server-time.ts';
import { LOG, type Log } from './log/messages.ts';
import { createMetrics } from './metrics.ts';
import { formatAge } from './policy/duration.ts';
import { type PolicySettings, trackedResources } from './policy/profiles/profile.ts';
import { conflictsOf } from './policy/profiles/rivals.ts';
import type { ProtectedPods } from './registration/manage.ts';
import { describeRivals, RivalWatch } from './registration/rivals.ts';
import { type ClientCa, createAccessCheck } from './server/client-certificates.ts';
import { createConnectionLimitLog } from './server/connection-limit-log.ts';
import { Deadlines } from './server/deadlines.ts';
import { createHealthApp } from './server/health-app.ts';
import { createApp } from './server/webhook-app.ts';

/** The world outside: what `main` touches and everything below only gets. */
export interface World {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** How many lines of the log nobody could read. */
  readonly linesLost: () => number;
  /** For people: what runs. */
  readonly build: { readonly version: string; readonly nodeVersion: string };
  /** Names this replica in Events. */
  readonly instance: string;
  readonly openCertificates: (
    client: ApiClient,
    metrics: ControllerMetrics,
    clock: Clock,
    protectedPods: ProtectedPods,
  ) => CertificateSource;
  /** Absent where clients need no certificate. */
  readonly clientCa: ClientCa | undefined;
}

export interface Hook {
  readonly webhookListener: RequestListener;
  readonly healthListener: RequestListener;
  readonly certificates: CertificateSource;
  start(): void;
  /** To be called for every connection that had to go because there were too many. */
  onDisplaced(): void;
  /** To be called for every connection that was ended because it sent a request before the response to the last one. */
  onPipelined(): void;
  /** From now on `/readyz` says no, and responses ask clients to connect elsewhere. */
  unready(reason: string): void;
  /** Answers what is in hand now: 429, in doubt. */
  hurry(): void;
  stop(): Promise<void>;
}

/** Adds server, metrics and readiness to the core. Nothing runs before `start`. */
export function createHook(config: Config, connection: Connection, world: World): Hook {
  const { log, random, instance, clientCa } = world;
  const time = new ServerTime(world.clock);
  // Ages of marks, times of Events and entries, validity of certificates: all of it is the API server's time.
  const clock = clockOf(time, world.clock);
  const settings = policySettingsOf(config);
  const metrics = createMetrics(world.build);
  const onCall = (call: ApiCall) => {
    time.onCall(call);
    metrics.onApiCall(call);
  };
  const client = createApiClient(connection, clock, { onCall, onFull: metrics.onTurnedAway });
  const certificates = world.openCertificates(client, metrics, clock, () => core.cache.pods);
  const core = createCore({
    client,
    settings,
    clock,
    random,
    log,
    instance,
    on: { ...metrics, onSynced: () => log.info(LOG.synced, objectCounts(core)) },
  });
  const permissions = new PermissionReconciler({
    client,
    permissions: permissionsOf(neededBy(config, settings)),
    ...trialOf(config, settings),
    log,
  });
  const running = { clock, random, log };
  const permissionController = oneAtATime(permissions, running, metrics);
  const installation =
    config.registration === 'managed' ? undefined : oneAtATime(installationOf(config, client, log), running, metrics);
  const rivals = new RivalWatch({
    client,
    ...running,
    profiles: settings.profiles,
    onLeftOut: () => metrics.onTurnedAway('rivals'),
  });
  const deadlines = new Deadlines(clock);
  const logConnectionLimit = createConnectionLimitLog(log, () => clock.monotonicNow());
  let unreadyBecause: string | undefined;
  // What is missing is named first: without the permission to list, the cache never syncs.
  const notReady = () =>
    unreadyBecause ??
    permissions.problem ??
    certificates.notReady() ??
    (core.cache.hasSynced() ? undefined : 'the cache has not synced');
  const details = () => [
    ...core.cache.freshness().map((kind) => describeFreshness(kind, clock.monotonicNow())),
    ...describeMisselected(core),
    ...describeRivals(rivals),
  ];
  const app = createApp({
    notReady,
    details,
    admit: (request, signal, client, review) => core.admitter.admit(request, signal, client, review),
    mayAsk: clientCa && createAccessCheck(clientCa, config.clientNames),
    deadlines,
    isStopping: () => unreadyBecause !== undefined,
    log,
  });
  const health = createHealthApp({ notReady, details, metrics: metrics.registry, log });
  metrics.read({
    profiles: () => settings.profiles.map(({ name }) => name),
    stalledPods: () => core.stalledPods.byProfile(),
    isReady: () => notReady() === undefined,
    permissionsMissing: (purpose) => permissions.missing(purpose),
    markedPods: () => core.cache.podIndex.marked,
    misselectedPods: () => core.cache.podIndex.misselected,
    rivalWebhooks: () => rivals.counts,
    entries: () => core.entries.byState(),
    entriesLeftOut: () => core.entries.leftOut(),
    queueDepth: () => core.controllers.reduce((sum, { queue }) => sum + queue.length, 0),
    freshness: () => core.cache.freshness(),
    monotonicNow: () => clock.monotonicNow(),
    clockAheadMs: () => time.aheadMs(),
    calls: () => client.load(),
    linesLost: world.linesLost,
    certificates: () => [...certificates.expiries(), ...(clientCa?.expiries() ?? [])],
    registration: () => certificates.registration(),
  });

  return {
    webhookListener: app.callback(),
    healthListener: health.callback(),
    certificates,
    start() {
      permissionController.start();
      permissionController.queue.add('permissions');
      installation?.start();
      installation?.queue.addAfter('installation', INSTALLATION_LOOK_MS);
      rivals.start();
      core.start();
    },
    onDisplaced() {
      metrics.onDisplaced();
      logConnectionLimit();
    },
    onPipelined: () => metrics.onTurnedAway('pipelined'),
    unready(reason) {
      unreadyBecause = reason;
    },
    hurry: () => deadlines.hurry(),
    async stop() {
      await Promise.all([permissionController.stop(), installation?.stop(), rivals.stop(), core.stop()]);
    },
  };
}

/** For a registration that somebody else fills. What the hook fills is watched anyway. */
function installationOf({ webhookConfiguration: registration }: Config, client: ApiClient, log: Log) {
  return new InstallationReconciler({ reads: createReads(client), registration, log });
}

/** Its own pod, as it is the one that is there wherever the hook runs in a cluster. */
function trialOf({ podNamespace, podName }: Config, { profiles }: PolicySettings) {
  if (podNamespace === '' || podName === '') return {};
  return { trial: { path: podPath(podNamespace, podName), keys: profiles.map(({ mark }) => mark.key) } };
}

function neededBy(config: Config, settings: PolicySettings) {
  const { certificates, registration, podNamespace, caSecret, webhookConfiguration } = config;
  return {
    tracking: { resources: trackedResources(settings) },
    hasConflicts: conflictsOf(settings.profiles).size > 0,
    ...(certificates === 'self' && { ownSecret: { namespace: podNamespace, name: caSecret } }),
    ...(registration === 'managed' && { ownRegistration: webhookConfiguration }),
  };
}

function objectCounts({ cache }: Core): Record<string, number> {
  return Object.fromEntries(cache.freshness().map(({ kind, objects }) => [kind, objects]));
}

function describeMisselected({ cache }: Core): string[] {
  const found = [...cache.podIndex.misselected].filter(([, count]) => count > 0);
  return found.map(([why, count]) => `selected by mistake (${why}): ${count} pods`);
}

function describeFreshness({ kind, objects, hasSynced, agreedAt }: Freshness, now: number): string {
  return hasSynced ? `${kind}: ${objects}, heard of ${formatAge(now - agreedAt)} ago` : `${kind}: not synced`;
}
