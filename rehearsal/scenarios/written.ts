import type { JsonObject } from '../../src/kube/client.ts';
import { nodePath } from '../../src/kube/paths.ts';
import { COUCHBASE_CLUSTER, resourcePath } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import * as workload from '../../testkit/couchbase/workload.ts';
import { NotYet } from '../../testkit/until.ts';
import { CLUSTER, type Play } from './play.ts';

/** Of everything that the hook could have written to, and whether the nodes are cordoned: the same where nothing was written. */
export async function versions({ options, namespace }: Play): Promise<string> {
  const { client, cluster } = options.stage;
  const { items } = await client.json({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` });
  const owner = await client.json({ method: 'GET', path: resourcePath(COUCHBASE_CLUSTER, namespace, CLUSTER) });
  const nodes = await Promise.all(cluster.nodes.map((name) => client.json({ method: 'GET', path: nodePath(name) })));
  const all = [...(items as readonly JsonObject[]), owner] as {
    metadata?: { uid?: string; resourceVersion?: string };
  }[];
  return JSON.stringify([
    all.map(({ metadata }) => [metadata?.uid, metadata?.resourceVersion]),
    nodes.map(({ spec }) => (spec as { unschedulable?: boolean }).unschedulable === true),
  ]);
}

interface EventSeen {
  readonly reason?: string;
  readonly count?: number;
  readonly involvedObject?: { readonly kind?: string; readonly uid?: string };
}

/** The Events of that reason about pods. */
async function eventsOf({ options, namespace }: Play, reason: string): Promise<readonly EventSeen[]> {
  const path = `/api/v1/namespaces/${namespace}/events`;
  const { items } = await options.stage.client.json({ method: 'GET', path });
  const all = items as readonly EventSeen[];
  return all.filter((event) => event.reason === reason && event.involvedObject?.kind === 'Pod');
}

/** Waits for an Event of that reason. */
export function anEvent(play: Play, reason: string): Promise<void> {
  return play.until(`an Event ${reason}`, async () => {
    if ((await eventsOf(play, reason)).length === 0) throw new NotYet('none so far');
  });
}

/** Of each pod instance, how many Events of that reason tell. */
export async function countEvents(play: Play, reason: string): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const { count = 1, involvedObject } of await eventsOf(play, reason)) {
    const uid = involvedObject?.uid ?? '';
    counts.set(uid, (counts.get(uid) ?? 0) + count);
  }
  return counts;
}

/** Waits until the cluster has no tracking entry any more. */
export function noEntry(play: Play): Promise<void> {
  return play.until('the end of every tracking entry', async () => {
    const left = Object.keys(await workload.entriesOnCluster(play.options.stage.client, play.namespace, CLUSTER));
    if (left.length > 0) throw new NotYet(`left: ${left.join(', ')}`);
  });
}
