import { createHash } from 'node:crypto';
import type { ApiClient } from './client.ts';
import { ApiError, isDeniedByAdmission } from './errors.ts';

const COMPONENT = 'reschedule-hook';

export type EventReason = 'RescheduleRequested' | 'RescheduleStalled' | 'RescheduleWithdrawn' | 'Rescheduled';

export interface EventInput {
  /** The pod instance that the Event is about. With the reason it forms the Event's name. */
  readonly about: { readonly namespace: string; readonly name: string; readonly uid: string };
  /** The object that shows the Event, if that is not the pod itself. */
  readonly on?: { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid: string };
  readonly reason: EventReason;
  /** Which one it is of several with this reason. Absent: the first. */
  readonly nth?: number;
  readonly type: 'Normal' | 'Warning';
  readonly message: string;
  readonly now: Date;
}

/** Writes a Kubernetes Event once for each pod instance, reason, number and shown object, whichever replica is first. */
export type EmitEvent = (event: EventInput, signal?: AbortSignal) => Promise<void>;

export function createEmitEvent(client: ApiClient, instance: string): EmitEvent {
  return async (event, signal) => {
    const path = `/api/v1/namespaces/${encodeURIComponent(event.about.namespace)}/events`;
    const body = eventObject(event, instance);
    try {
      await client.json({ method: 'POST', path, body, ...(signal ? { signal } : {}) });
    } catch (error) {
      const isThere = error instanceof ApiError && error.reason === 'AlreadyExists' && !isDeniedByAdmission(error);
      if (!isThere) throw error;
    }
  };
}

function eventObject({ about, on, reason, nth = 1, type, message, now }: EventInput, reportingInstance: string) {
  const { namespace } = about;
  const { apiVersion, kind, name, uid } = on ?? { apiVersion: 'v1', kind: 'Pod', ...about };
  const at = now.toISOString().replace(/\.\d+Z$/, 'Z');
  const parts = [about.uid, reason, ...(on ? [on.uid] : []), ...(nth > 1 ? [`${nth}`] : [])];
  return {
    apiVersion: 'v1',
    kind: 'Event',
    // The name follows from the subject, so the API server refuses a second replica's Event as already existing.
    metadata: { namespace, name: eventName(name, parts) },
    // Also for a Namespace, although it is in no namespace: all Events of one drain are then in one place.
    involvedObject: { apiVersion, kind, namespace, name, uid },
    reason,
    type,
    message,
    count: 1,
    firstTimestamp: at,
    lastTimestamp: at,
    source: { component: COMPONENT },
    reportingComponent: COMPONENT,
    reportingInstance,
  };
}

function eventName(name: string, parts: readonly string[]): string {
  const hash = createHash('sha256').update(parts.join('/')).digest('hex').slice(0, 16);
  return `${name.slice(0, 230).replace(/[-.]+$/, '')}.${hash}`;
}
