import { isDeepStrictEqual } from 'node:util';
import type { Clock } from './async/clock.ts';
import type { Cache } from './cache/cache.ts';
import type { Config } from './config/config.ts';
import { policySettingsOf } from './config/policy-settings.ts';
import type { ConfiguredProfile } from './config/profiles/configured-profile.ts';
import { type ControllerMetrics, oneAtATime } from './controller/controller.ts';
import { PermissionReconciler } from './controller/permissions.ts';
import { type Core, type CoreMetrics, createCore } from './core.ts';
import type { ApiClient } from './kube/client.ts';
import { podPath } from './kube/paths.ts';
import { permissionsOf } from './kube/permissions.ts';
import { LOG, type Log } from './log/messages.ts';
import {
  evictsPods,
  labelSelectorsOf,
  type PolicySettings,
  reportersOf,
  requestsOf,
  trackedResources,
} from './policy/profiles/profile.ts';
import { conflictsOf } from './policy/profiles/rivals.ts';
import { RivalWatch } from './registration/rivals.ts';
import { InForce } from './reload/in-force.ts';
import { type ProfilesFile, ProfilesFileReconciler } from './reload/profiles-file.ts';

/** What answers evictions by one set of profiles, and whether it may do all that this takes. */
export interface Serving {
  readonly core: Core;
  readonly cache: Cache;
  readonly permissions: PermissionReconciler;
  readonly rivals: RivalWatch;
  readonly settings: PolicySettings;
  start(): void;
  stop(): Promise<void>;
}

export interface ServingWorld {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly instance: string;
  readonly metrics: CoreMetrics & ControllerMetrics & { onTurnedAway(bound: string): void };
  /** Absent where the profiles are in no file. */
  readonly profilesFile?: ProfilesFile | undefined;
}

/** What serves now, and what PROFILES_FILE makes of it. Nothing runs before `start`. */
export function followProfiles(config: Config, world: ServingWorld) {
  const { clock, log, metrics, profilesFile } = world;
  // Nothing else may hold on to the first one: it goes, with its cache, when another one takes its place.
  const onSynced = () => log.info(LOG.synced, objectCounts(inForce.current));
  const inForce = new InForce(createServing(config, world, onSynced), clock);
  const file =
    profilesFile && new ProfilesFileReconciler({ file: profilesFile, profiles: config.profiles, replace, clock, log });
  const controller = file && oneAtATime(file, world, metrics);

  let candidate: Candidate | undefined;
  /** Not before its permissions have been checked: what it lacks would end every eviction. */
  async function replace(profiles: readonly ConfiguredProfile[], signal: AbortSignal): Promise<void> {
    // Of the same one, what is missing is logged once.
    if (!isDeepStrictEqual(candidate?.profiles, profiles)) candidate = aCandidate(config, world, profiles);
    const { next, synced } = candidate as Candidate;
    await next.permissions.reconcile('permissions', signal);
    if (next.permissions.problem !== undefined) throw new Error(next.permissions.problem);
    candidate = undefined;
    await inForce.replace(next, synced, signal);
  }

  return {
    serving: () => inForce.current,
    protectedPods: {
      get hasSynced() {
        return inForce.current.cache.pods.hasSynced;
      },
      subscribe: (handler: Parameters<typeof inForce.subscribe>[0]) => inForce.subscribe(handler),
      get labelSelectors() {
        return labelSelectorsOf(inForce.current.settings);
      },
    },
    /** Why what PROFILES_FILE says is not in force; undefined if it is, or if there is no such file. */
    profilesProblem: () => file?.problem,
    start() {
      inForce.current.start();
      controller?.start();
      controller?.queue.add('profiles');
    },
    async stop() {
      await controller?.stop();
      await inForce.current.stop();
    },
  };
}

/** What would serve with other profiles. */
interface Candidate {
  readonly profiles: readonly ConfiguredProfile[];
  readonly next: Serving;
  readonly synced: Promise<void>;
}

function aCandidate(config: Config, world: ServingWorld, profiles: readonly ConfiguredProfile[]): Candidate {
  const { promise: synced, resolve } = Promise.withResolvers<void>();
  return { profiles, next: createServing({ ...config, profiles }, world, resolve), synced };
}

function createServing(config: Config, world: ServingWorld, onSynced: () => void): Serving {
  const { client, clock, random, log, instance, metrics } = world;
  const settings = policySettingsOf(config);
  const core = createCore({ client, settings, clock, random, log, instance, on: { ...metrics, onSynced } });
  const permissions = new PermissionReconciler({
    client,
    permissions: permissionsOf(neededBy(config, settings)),
    ...trialOf(config, settings),
    log,
  });
  const onLeftOut = () => metrics.onTurnedAway('rivals');
  const rivals = new RivalWatch({ client, profiles: settings.profiles, clock, random, log, onLeftOut });
  const controller = oneAtATime(permissions, world, metrics);
  return {
    core,
    cache: core.cache,
    permissions,
    rivals,
    settings,
    start() {
      controller.start();
      controller.queue.add('permissions');
      rivals.start();
      core.start();
    },
    async stop() {
      await Promise.all([controller.stop(), rivals.stop(), core.stop()]);
    },
  };
}

/** Its own pod, as it is the one that is there wherever the hook runs in a cluster. */
function trialOf({ podNamespace, podName }: Config, { profiles }: PolicySettings) {
  if (podNamespace === '' || podName === '') return {};
  return { trial: { path: podPath(podNamespace, podName), marks: profiles.flatMap(({ mark }) => mark ?? []) } };
}

/** What a hook with that configuration has to be allowed. */
export function neededBy(config: Config, settings = policySettingsOf(config)) {
  const { certificates, registration, podNamespace, caSecret, webhookConfiguration } = config;
  return {
    tracking: { resources: trackedResources(settings) },
    readsNamespaces: settings.readsNamespacePolicy === true,
    reporters: reportersOf(settings),
    requests: requestsOf(settings),
    respectsBudgets: settings.profiles.some(({ respectsBudgets }) => respectsBudgets === true),
    evicts: evictsPods(settings),
    hasConflicts: conflictsOf(settings.profiles).size > 0,
    ...(certificates === 'self' && { ownSecret: { namespace: podNamespace, name: caSecret } }),
    ...(registration === 'managed' && { ownRegistration: webhookConfiguration }),
  };
}

function objectCounts({ cache }: Serving): Record<string, number> {
  return Object.fromEntries(cache.freshness().map(({ kind, objects }) => [kind, objects]));
}
