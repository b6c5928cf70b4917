import { Observer } from '../../src/cache/observer.ts';
import { createReads } from '../../src/kube/reads.ts';
import { createWrites } from '../../src/kube/writes.ts';
import type { Decision } from '../../src/policy/decision.ts';
import { decodeEntry, entryKey } from '../../src/policy/entry.ts';
import type { EvictionRequest } from '../../src/policy/model.ts';
import { isProtected } from '../../src/policy/pod-state.ts';
import { needsNode } from '../../src/policy/rules/earlier-instance.ts';
import { Admitter } from '../../src/webhook/admitter.ts';
import { Marker } from '../../src/webhook/marker.ts';
import { FakeApi } from './api.ts';
import { aRequest, NOW, SETTINGS } from './builders.ts';
import { aCache, type CacheWorld, NODE_PATH, POD_PATH, TRACKER_PATH, trackerKindOf } from './cache.ts';
import { aLog } from './log.ts';
import { aRawCluster, aRawNode, aRawPod, RESCHEDULE } from './raw.ts';

/** A marker over the real cache, and an API server that has the same pod and tracking resource. */
export function aMarker(world: CacheWorld = {}) {
  const api = new FakeApi();
  api.put(POD_PATH, aRawPod());
  const cordoned = aRawNode({ spec: { unschedulable: true } });
  api.put(NODE_PATH, cordoned);
  api.put(TRACKER_PATH, aRawCluster());
  const synced = { pods: [aRawPod()], nodes: [cordoned], trackers: [aRawCluster()] };
  const cache = aCache({ ...synced, ...world });
  const kind = trackerKindOf(world);
  const tracking = kind === undefined ? {} : { trackerKind: kind };
  const marker = new Marker({
    ...tracking,
    cache,
    writes: createWrites(api),
    annotationKey: RESCHEDULE,
    annotationValue: 'true',
    now: () => NOW,
  });
  return { api, cache, marker, tracking };
}

/** The whole way of an eviction, from the request to the API server, which is the only fake; `api.calls` counts. */
export function anAdmitter(world: CacheWorld = {}) {
  const { api, cache, marker, tracking } = aMarker(world);
  const log = aLog();
  const decided: Decision[] = [];
  const observer = new Observer({
    ...tracking,
    cache,
    reads: createReads(api),
    now: () => NOW,
    entryFor: (tracker, namespace, pod) => {
      const value = tracker.entries[entryKey(namespace, pod)];
      return value === undefined ? undefined : decodeEntry(value);
    },
    isProtected: (pod) => isProtected(pod, SETTINGS),
    needsNode: (observation) => needsNode(observation, SETTINGS),
  });
  const admitter = new Admitter({
    observer,
    marker,
    settings: SETTINGS,
    log,
    monotonicNow: () => 0,
    timeoutSignal: (ms) => AbortSignal.timeout(ms),
    onDecision: (decision) => decided.push(decision),
  });
  const deadline = new AbortController();
  return {
    api,
    cache,
    log,
    decided,
    deadline,
    admit: (request: Partial<EvictionRequest> = {}) => admitter.admit(aRequest(request), deadline),
  };
}

/** What a drainer would see: `429 message`, or `allow`. */
export function answerOf(decision: Decision): string {
  if (decision.kind === 'allow') return 'allow';
  return `${decision.kind === 'mark' ? 429 : decision.code} ${decision.message}`;
}
