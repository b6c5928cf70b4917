import { fastClock } from '../../rehearsal/drainers/clock.ts';
import { drainerOf } from '../../rehearsal/drainers/drain-node.ts';
import type { Drainer } from '../../rehearsal/drainers/drainer.ts';
import type { DrainerModel } from '../../rehearsal/drainers/model.ts';
import type { ApiClient } from '../../src/kube/client.ts';

/** A drainer that asks so many times as often as in life, and is as patient as in life. */
export function hasty({ limit, ...model }: DrainerModel, times: number): (client: ApiClient) => Drainer {
  const patient = limit === undefined ? model : { ...model, limit: { ...limit, afterMs: limit.afterMs * times } };
  return (client) => drainerOf(patient, client, fastClock(times));
}
