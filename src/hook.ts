import type { RequestListener } from 'node:http';
import type { Clock } from './async/clock.ts';
import type { Freshness } from './cache/cache.ts';
import type { CertificateSource } from './certificates/certificate-source.ts';
import type { Config } from './config/config.ts';
import { type ControllerMetrics, oneAtATime } from './controller/controller.ts';
import { INSTALLATION_LOOK_MS, InstallationReconciler } from './controller/installation.ts';
import { type ApiCall, type ApiClient, createApiClient } from './kube/client.ts';
import type { Connection } from './kube/connection.ts';
import { createReads } from './kube/reads.ts';
import { clockOf, ServerTime } from './kube/server-time.ts';
import type { Log } from './log/messages.ts';
import { createMetrics } from './metrics.ts';
import { formatAge } from './policy/duration.ts';
import type { ProtectedPods } from './registration/manage.ts';
import { describeRivals } from './registration/rivals.ts';
import type { ProfilesFile } from './reload/profiles-file.ts';
import { type ClientCa, createAccessCheck } from './server/client-certificates.ts';
import { createConnectionLimitLog } from './server/connection-limit-log.ts';
import { Deadlines } from './server/deadlines.ts';
import { createHealthApp } from './server/health-app.ts';
import { createApp } from './server/webhook-app.ts';
import { followProfiles, type Serving } from './serving.ts';

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
  /** Absent where the profiles are in no file. */
  readonly profilesFile?: ProfilesFile | undefined;
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
  const { log, random, instance, clientCa, profilesFile } = world;
  const time = new ServerTime(world.clock);
  // Ages of marks, times of Events and entries, validity of certificates: all of it is the API server's time.
  const clock = clockOf(time, world.clock);
  const metrics = createMetrics(world.build);
  const onCall = (call: ApiCall) => {
    time.onCall(call);
    metrics.onApiCall(call);
  };
  const client = createApiClient(connection, clock, { onCall, onFull: metrics.onTurnedAway });
  const running = { clock, random, log };
  const profiles = followProfiles(config, { client, ...running, instance, metrics, profilesFile });
  const { serving } = profiles;
  const certificates = world.openCertificates(client, metrics, clock, () => profiles.protectedPods);
  const installation =
    config.registration === 'managed' ? undefined : oneAtATime(installationOf(config, client, log), running, metrics);
  const deadlines = new Deadlines(clock);
  const logConnectionLimit = createConnectionLimitLog(log, () => clock.monotonicNow());
  let unreadyBecause: string | undefined;
  // What is missing is named first: without the permission to list, the cache never syncs.
  const notReady = () =>
    unreadyBecause ??
    serving().permissions.problem ??
    certificates.notReady() ??
    (serving().cache.hasSynced() ? undefined : 'the cache has not synced');
  const details = () => [
    ...serving()
      .cache.freshness()
      .map((kind) => describeFreshness(kind, clock.monotonicNow())),
    ...describeMisselected(serving()),
    ...describeRivals(serving().rivals),
    ...describeProfiles(profiles.profilesProblem()),
  ];
  const app = createApp({
    notReady,
    details,
    admit: (request, signal, client, review) => serving().core.admitter.admit(request, signal, client, review),
    mayAsk: clientCa && createAccessCheck(clientCa, config.clientNames),
    deadlines,
    isStopping: () => unreadyBecause !== undefined,
    log,
  });
  const health = createHealthApp({ notReady, details, metrics: metrics.registry, log });
  metrics.read({
    profiles: () => serving().settings.profiles.map(({ name }) => name),
    stalledPods: () => serving().core.stalledPods.byProfile(),
    isReady: () => notReady() === undefined,
    permissionsMissing: (purpose) => serving().permissions.missing(purpose),
    markedPods: () => serving().cache.podIndex.marked,
    misselectedPods: () => serving().cache.podIndex.misselected,
    rivalWebhooks: () => serving().rivals.counts,
    entries: () => serving().core.entries.byState(),
    entriesLeftOut: () => serving().core.entries.leftOut(),
    earlierInstances: () => serving().core.cache.earlierInstances.size,
    queueDepth: () => serving().core.controllers.reduce((sum, { queue }) => sum + queue.length, 0),
    freshness: () => serving().cache.freshness(),
    monotonicNow: () => clock.monotonicNow(),
    clockAheadMs: () => time.aheadMs(),
    calls: () => client.load(),
    linesLost: world.linesLost,
    certificates: () => [...certificates.expiries(), ...(clientCa?.expiries() ?? [])],
    registration: () => certificates.registration(),
    profilesFileInForce: () => profilesFile && profiles.profilesProblem() === undefined,
  });

  return {
    webhookListener: app.callback(),
    healthListener: health.callback(),
    certificates,
    start() {
      installation?.start();
      installation?.queue.addAfter('installation', INSTALLATION_LOOK_MS);
      profiles.start();
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
      await Promise.all([installation?.stop(), profiles.stop()]);
    },
  };
}

/** For a registration that somebody else fills. What the hook fills is watched anyway. */
function installationOf({ webhookConfiguration: registration }: Config, client: ApiClient, log: Log) {
  return new InstallationReconciler({ reads: createReads(client), registration, log });
}

function describeMisselected({ cache }: Serving): string[] {
  const found = [...cache.podIndex.misselected].filter(([, count]) => count > 0);
  return found.map(([why, count]) => `selected by mistake (${why}): ${count} pods`);
}

function describeProfiles(problem: string | undefined): string[] {
  return problem === undefined ? [] : [`PROFILES_FILE is not in force: ${problem.replaceAll('\n', '; ')}`];
}

function describeFreshness({ kind, objects, hasSynced, agreedAt }: Freshness, now: number): string {
  return hasSynced ? `${kind}: ${objects}, heard of ${formatAge(now - agreedAt)} ago` : `${kind}: not synced`;
}
