import { type Cache, createCache } from '../../src/cache/cache.ts';
import { storeKey, type TrackerKey, trackerKey } from '../../src/cache/keys.ts';
import type { ApiClient, JsonObject } from '../../src/kube/client.ts';
import { ENTRY_PREFIX } from '../../src/policy/entry.ts';
import type { Resource } from '../../src/policy/model.ts';
import type { PolicySettings } from '../../src/policy/profiles/profile.ts';
import { couchbaseCluster } from '../../src/policy/tracking/couchbasecluster.ts';
import { NO_TRACKING, type Tracking } from '../../src/policy/tracking/index.ts';
import { answering } from './api.ts';
import { NOW, SETTINGS, settingsWith } from './builders.ts';
import { aStillClock } from './time.ts';

export interface CacheWorld {
  readonly pods?: readonly JsonObject[];
  readonly nodes?: readonly JsonObject[];
  readonly trackers?: readonly JsonObject[];
  readonly namespaces?: readonly JsonObject[];
  /** Replaces the tracking of the settings. */
  readonly tracking?: Tracking | 'off';
  readonly settings?: PolicySettings;
  readonly client?: ApiClient;
  /** The wall clock; by default it stands still. */
  readonly now?: () => number;
  readonly monotonicNow?: () => number;
}

/** The real cache, not started. It has synced with the given objects; without objects it has not synced. */
export function aCache(world: CacheWorld = {}): Cache {
  const { pods, nodes, trackers, namespaces, now = () => NOW, monotonicNow = () => 0 } = world;
  const { client = answering(new Error('this cache has no API server')) } = world;
  const cache = createCache({
    client,
    settings: settingsOf(world),
    clock: { ...aStillClock(), now, monotonicNow },
    random: () => 0,
    log: () => undefined,
  });
  if (pods === undefined && nodes === undefined && trackers === undefined) return cache;
  cache.pods.replace((pods ?? []).map(cache.project.pod));
  cache.nodes.replace((nodes ?? []).map(cache.project.node));
  cache.trackers.replace((trackers ?? []).map((one) => cache.project.tracker(one)));
  cache.namespaces.replace((namespaces ?? []).map((one) => cache.project.namespace(one)));
  // No reflector runs, so the given objects count as just received.
  return { ...cache, podsAgeMs: () => 0, nodesAgeMs: () => 0, trackersAgeMs: () => 0 };
}

export function settingsOf({ settings = SETTINGS, tracking }: CacheWorld): PolicySettings {
  if (tracking === undefined) return settings;
  return settingsWith({ tracking: tracking === 'off' ? NO_TRACKING : tracking }, settings);
}

export const POD = { namespace: 'db', name: 'cb-0000' };
const [CLUSTERS] = couchbaseCluster.resources as readonly [Resource];
export const TRACKER: TrackerKey = { resource: CLUSTERS, namespace: 'db', name: 'cb' };
export const POD_KEY = storeKey({ namespace: 'db', name: 'cb-0000' });
export const TRACKER_KEY = trackerKey(TRACKER);
export const POD_PATH = '/api/v1/namespaces/db/pods/cb-0000';
export const NODE_PATH = '/api/v1/nodes/node-1';
export const TRACKER_PATH = '/apis/couchbase.com/v2/namespaces/db/couchbaseclusters/cb';
export const ENTRY_KEY = `${ENTRY_PREFIX}db.cb-0000`;
