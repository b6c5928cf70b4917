import { type ObjectKey, storeKey } from '../../src/cache/keys.ts';
import { EarlierInstanceReconciler } from '../../src/controller/earlier-instances.ts';
import { EntryReconciler } from '../../src/controller/entries.ts';
import { createPodEvents } from '../../src/controller/pod-events.ts';
import type { JsonObject } from '../../src/kube/client.ts';
import { createEmitEvent } from '../../src/kube/events.ts';
import { createReads } from '../../src/kube/reads.ts';
import { createWrites } from '../../src/kube/writes.ts';
import type { PolicySettings } from '../../src/policy/profiles/profile.ts';
import { FakeApi } from './api.ts';
import { NOW } from './builders.ts';
import { aCache, type CacheWorld, ENTRY_KEY, POD, POD_PATH, settingsOf, TRACKER, TRACKER_PATH } from './cache.ts';
import { aLog } from './log.ts';
import { aRawCluster, aRawNode, aRawPod, RESCHEDULE } from './raw.ts';
import { FakeClock } from './time.ts';

export const SECOND = 1_000;
export const MINUTES = 60 * SECOND;
export const HOURS = 60 * MINUTES;

export const ENTRY = '{"uid":"uid-a","node":"node-1","at":"2026-01-01T11:00:00.000Z"}';
export const PRUNE = `PATCH ${TRACKER_PATH}`;
export const EVENT = 'POST /api/v1/namespaces/db/events';

interface Present {
  readonly uid?: string;
  readonly mark?: string;
  readonly node?: string;
  readonly version?: number;
  readonly ready?: boolean;
}

/** A pod as the API server has it. By default it is the instance of the entry, on node-1, not marked. */
export function present({ uid = 'uid-a', mark, node = 'node-1', version = 100, ready = true }: Present = {}) {
  const annotations = mark === undefined ? {} : { [RESCHEDULE]: mark };
  return aRawPod({
    metadata: { uid, resourceVersion: `${version}`, annotations },
    spec: { nodeName: node === '' ? undefined : node },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });
}

/**
 * The entry reconciler on the real cache with two nodes (node-2 is not draining), and an API server that has the entry.
 */
export function anEntryReconciler(
  options: {
    readonly pod?: object | undefined;
    readonly annotations?: Record<string, string>;
    readonly isSynced?: boolean;
    readonly tracking?: 'off';
    readonly settings?: PolicySettings;
    /** The API server of another replica. */
    readonly api?: FakeApi;
  } = {},
) {
  const { annotations = { [ENTRY_KEY]: ENTRY }, isSynced = true } = options;
  const clock = new FakeClock();
  const log = aLog();
  const api = options.api ?? new FakeApi();
  const cluster = aRawCluster({ metadata: { annotations } });
  if (options.api === undefined) api.put(TRACKER_PATH, cluster);
  if (options.api === undefined && options.pod !== undefined) api.put(POD_PATH, options.pod as JsonObject);
  const nodes = [aRawNode({ spec: { unschedulable: true } }), aRawNode({ metadata: { name: 'node-2' } })];
  const pods = options.pod === undefined ? [] : [{ ...options.pod }];
  const tracking: Pick<CacheWorld, 'tracking' | 'settings'> = {
    ...(options.tracking && { tracking: options.tracking }),
    ...(options.settings && { settings: options.settings }),
  };
  const now = () => NOW + clock.monotonicNow();
  const trackers = tracking.tracking ? [] : [cluster];
  const cache = aCache(isSynced ? { pods, nodes, trackers, now, ...tracking } : {});
  const settings = settingsOf(tracking);
  const pruned: string[] = [];
  const prunedOf: string[] = [];
  const reconciler = new EntryReconciler({
    cache,
    reads: createReads(api),
    writes: createWrites(api),
    emitEvent: createPodEvents(createEmitEvent(api, 'hook-1'), { now: () => NOW }, settings),
    settings,
    log,
    clock,
    onPrune(state, profile) {
      pruned.push(state);
      prunedOf.push(profile);
    },
  });
  const memory = new EarlierInstanceReconciler({ cache, settings, clock });
  const { signal } = new AbortController();
  return {
    reconciler,
    cache,
    api,
    clock,
    log,
    pruned,
    /** The profiles of what is in `pruned`. */
    prunedOf,
    /** The keys of who reconciles the cache's memory of pods. */
    remembered: () => [...new Set([...memory.keys()].map(storeKey))],
    /** Reconciles the cache's memory of a pod. */
    lookBack: (pod: ObjectKey = POD) => memory.reconcile(pod),
    look: () => reconciler.reconcile(TRACKER, signal),
    /** Sends the next state of the pod to the cache. */
    tell: (pod: Present) => {
      api.put(POD_PATH, present(pod));
      cache.pods.put(cache.project.pod(present(pod)));
    },
    calls: () => api.calls.splice(0),
  };
}
