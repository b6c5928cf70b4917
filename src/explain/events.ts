import type { ApiClient, JsonObject } from '../kube/client.ts';
import { collectionPath } from '../kube/paths.ts';
import type { Pod, Tracker } from '../policy/model.ts';

/** A Kubernetes Event, as far as it is told. */
export interface SeenEvent {
  readonly at: number;
  readonly by: string;
  readonly on: string;
  readonly reason: string;
  readonly message: string;
}

interface EventObject extends JsonObject {
  readonly involvedObject?: { readonly kind?: string; readonly name?: string };
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly series?: { readonly lastObservedTime?: string };
  readonly reportingComponent?: string;
  readonly source?: { readonly component?: string };
}

const HOOK = 'reschedule-hook';
/** They write about every pod, and are nobody's operator. */
const OF_THE_CLUSTER = /^(default-scheduler|kubelet|.*-controller|controllermanager|kwok.*)?$/;

/** What the last Events about the pod, its owner or its tracker say. */
export interface LastEvents {
  /** Absent: none was found. */
  readonly operatorEvent?: SeenEvent;
  readonly hookEvent?: SeenEvent;
  /** Nobody could look. */
  readonly areUnread?: true;
}

export async function lastEvents(
  client: ApiClient,
  pod: Pod,
  tracker: Tracker | undefined,
  signal: AbortSignal,
): Promise<LastEvents> {
  const names = new Set([pod.name, pod.owner?.name, tracker?.name].filter((name) => name !== undefined));
  const path = collectionPath('/api/v1', 'events', pod.namespace);
  const lists = [...names].map(async (name) => {
    const query = { fieldSelector: `involvedObject.name=${name}` };
    const { items } = await client.json({ method: 'GET', path, query, signal });
    return (items as readonly EventObject[]).map(viewOf);
  });
  const found = await Promise.all(lists).catch(() => undefined);
  if (found === undefined) return { areUnread: true };
  const all = found.flat().toSorted((a, b) => b.at - a.at);
  const operatorEvent = all.find(({ by }) => by !== HOOK && !OF_THE_CLUSTER.test(by));
  const hookEvent = all.find(({ by }) => by === HOOK);
  return { ...(operatorEvent && { operatorEvent }), ...(hookEvent && { hookEvent }) };
}

function viewOf(event: EventObject): SeenEvent {
  const { involvedObject: { kind = '', name = '' } = {}, reason = '', message = '', series, source } = event;
  const at = Date.parse(series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? '');
  return {
    at: Number.isNaN(at) ? 0 : at,
    by: event.reportingComponent || source?.component || '',
    on: `${kind} ${name}`,
    reason,
    message,
  };
}
