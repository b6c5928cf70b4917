import type { JsonObject } from '../../../src/kube/client.ts';
import { nodePath } from '../../../src/kube/paths.ts';
import { resourcePath } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { NotYet } from '../../../testkit/until.ts';
import type { Play } from '../play.ts';

/** The versions of all that the hook could have written to, and the cordons of the nodes: the same if nothing was written. */
export async function versions({ client, place }: Play): Promise<string> {
  const { namespace, kind, cluster, nodes, trackerPath } = place;
  const { items } = await client.json({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` });
  const owner = await client.json({ method: 'GET', path: resourcePath(kind, namespace, cluster) });
  const tracker = await client.json({ method: 'GET', path: trackerPath });
  const raw = await Promise.all(nodes.map((name) => client.json({ method: 'GET', path: nodePath(name) })));
  const all = [...(items as readonly JsonObject[]), owner, tracker] as {
    metadata?: { uid?: string; resourceVersion?: string };
  }[];
  return JSON.stringify([
    all.map(({ metadata }) => [metadata?.uid, metadata?.resourceVersion]),
    raw.map(({ spec }) => (spec as { unschedulable?: boolean }).unschedulable === true),
  ]);
}

interface EventSeen {
  readonly reason?: string;
  readonly count?: number;
  readonly involvedObject?: { readonly kind?: string; readonly uid?: string };
}

/** The Events of that reason about pods. */
async function eventsOf({ client, namespace }: Play, reason: string): Promise<readonly EventSeen[]> {
  const { items } = await client.json({ method: 'GET', path: `/api/v1/namespaces/${namespace}/events` });
  const all = items as readonly EventSeen[];
  return all.filter((event) => event.reason === reason && event.involvedObject?.kind === 'Pod');
}

/** Waits for an Event of that reason. */
export function anEvent(play: Play, reason: string): Promise<void> {
  return play.until(`an Event ${reason}`, async () => {
    if ((await eventsOf(play, reason)).length === 0) throw new NotYet('none so far');
  });
}

/** How many Events of that reason there are about each pod instance. */
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
    const left = await play.entries();
    if (left.length > 0) throw new NotYet(`left: ${left.join(', ')}`);
  });
}
