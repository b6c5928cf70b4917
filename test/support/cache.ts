import { type Cache, createCache, namespacedKey } from '../../src/cache/cache.ts';
import type { ApiClient, JsonObject } from '../../src/kube/client.ts';
import { ENTRY_PREFIX } from '../../src/policy/entry.ts';
import type { PolicySettings } from '../../src/policy/model.ts';
import { isDraining, isMarked, isProtected } from '../../src/policy/pod-state.ts';
import { couchbaseCluster } from '../../src/policy/trackers/couchbasecluster.ts';
import type { TrackerKind } from '../../src/policy/trackers/index.ts';
import { answering } from './api.ts';
import { NOW, SETTINGS } from './builders.ts';
import { RESCHEDULE } from './raw.ts';

export interface CacheWorld {
  readonly pods?: readonly JsonObject[];
  readonly nodes?: readonly JsonObject[];
  readonly trackers?: readonly JsonObject[];
  /** 'off': tracking is switched off. */
  readonly trackerKind?: TrackerKind | 'off';
  readonly settings?: PolicySettings;
  readonly client?: ApiClient;
  /** The wall clock; it stands still unless given. */
  readonly now?: () => number;
}

/** The real cache, not started. It has synced with what is given; with nothing given it has not synced. */
export function aCache(world: CacheWorld = {}): Cache {
  const {
    pods,
    nodes,
    trackers,
    settings = SETTINGS,
    client = answering(new Error('this cache has no API server')),
    now = () => NOW,
  } = world;
  const kind = trackerKindOf(world);
  const cache = createCache({
    client,
    labelSelector: 'app=couchbase',
    selectorKeys: ['app'],
    annotationKey: RESCHEDULE,
    entryPrefix: ENTRY_PREFIX,
    isProtected: (pod) => isProtected(pod, settings),
    isMarked: (pod) => isMarked(pod, settings),
    isDraining: (node) => isDraining(node, settings.drainTaints),
    now,
    monotonicNow: () => 0,
    random: () => 0,
    log: () => undefined,
    ...(kind === undefined ? {} : { trackerKind: kind }),
  });
  if (pods === undefined && nodes === undefined && trackers === undefined) return cache;
  cache.pods.replace((pods ?? []).map(cache.project.pod));
  cache.nodes.replace((nodes ?? []).map(cache.project.node));
  cache.trackers.replace((trackers ?? []).map(cache.project.tracker));
  // No reflector runs; what was given was told just now.
  return { ...cache, podsAgeMs: () => 0, trackersAgeMs: () => 0 };
}

export const trackerKindOf = ({ trackerKind = couchbaseCluster }: CacheWorld): TrackerKind | undefined =>
  trackerKind === 'off' ? undefined : trackerKind;

export const POD_KEY = namespacedKey('db', 'cb-0000');
export const TRACKER_KEY = namespacedKey('db', 'cb');
export const POD_PATH = '/api/v1/namespaces/db/pods/cb-0000';
export const NODE_PATH = '/api/v1/nodes/node-1';
export const TRACKER_PATH = '/apis/couchbase.com/v2/namespaces/db/couchbaseclusters/cb';
export const ENTRY_KEY = `${ENTRY_PREFIX}db.cb-0000`;
