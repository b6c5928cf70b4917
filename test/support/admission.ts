import { systemClock } from '../../src/async/system-clock.ts';
import { Observer } from '../../src/cache/observer.ts';
import { createReads } from '../../src/kube/reads.ts';
import { createWrites } from '../../src/kube/writes.ts';
import type { Decision } from '../../src/policy/decision.ts';
import type { EvictionRequest } from '../../src/policy/model.ts';
import { Admitter } from '../../src/webhook/admitter.ts';
import { Marker } from '../../src/webhook/marker.ts';
import { FakeApi } from './api.ts';
import { aRequest, NOW } from './builders.ts';
import { aCache, type CacheWorld, NODE_PATH, POD_PATH, settingsOf, TRACKER_PATH } from './cache.ts';
import { aLog } from './log.ts';
import { aRawCluster, aRawNode, aRawPod } from './raw.ts';
import { aStillClock } from './time.ts';

/** A marker on the real cache and a fake API server that has the same pod and tracker. */
export function aMarker(world: CacheWorld = {}) {
  const api = new FakeApi();
  api.put(POD_PATH, aRawPod());
  const cordoned = aRawNode({ spec: { unschedulable: true } });
  api.put(NODE_PATH, cordoned);
  api.put(TRACKER_PATH, aRawCluster());
  const calm = aRawNode({ metadata: { name: 'node-2', uid: 'uid-node-2' } });
  const synced = { pods: [aRawPod()], nodes: [cordoned, calm], trackers: [aRawCluster()] };
  const cache = aCache({ ...synced, ...world });
  const settings = settingsOf(world);
  const full = { count: 0 };
  const onFull = () => void full.count++;
  const marker = new Marker({ cache, writes: createWrites(api), settings, clock: aStillClock(NOW), onFull });
  return { api, cache, marker, settings, full };
}

/** Everything from the request to the API server, which is the only fake. `api.calls` counts its calls. */
export function anAdmitter(world: CacheWorld = {}) {
  const { api, cache, marker, settings } = aMarker(world);
  const log = aLog();
  const decided: Decision[] = [];
  const clock = { ...aStillClock(NOW), setTimer: systemClock.setTimer };
  const observer = new Observer({ cache, reads: createReads(api), settings, clock });
  const onDecision = (decision: Decision) => void decided.push(decision);
  let full = 0;
  const onFull = () => void full++;
  const admitter = new Admitter({ observer, marker, settings, log, clock, onDecision, onFull });
  const deadline = new AbortController();
  return {
    api,
    cache,
    log,
    decided,
    deadline,
    /** How many were refused because too many waited for a look. */
    full: () => full,
    admit: (request: Partial<EvictionRequest> = {}, client?: string) =>
      admitter.admit(aRequest(request), deadline.signal, client),
  };
}

/** What a drainer would get: `429 message`, or `allow`. */
export function answerOf(decision: Decision): string {
  if (decision.kind === 'allow') return 'allow';
  return `${decision.kind === 'mark' ? 429 : decision.code} ${decision.message}`;
}
