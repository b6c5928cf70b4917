import { createHash } from 'node:crypto';
import type { ApiClient } from './client.ts';
import { ApiError } from './errors.ts';

const COMPONENT = 'reschedule-hook';

export interface EventInput {
  readonly about: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly reason: 'RescheduleStalled' | 'Rescheduled';
  readonly type: 'Normal' | 'Warning';
  readonly message: string;
  readonly now: Date;
}

/** Writes a Kubernetes Event about a pod, once for each instance and reason, whichever replica comes first. */
export type EmitEvent = (event: EventInput, signal?: AbortSignal) => Promise<void>;

export function createEmitEvent(client: ApiClient, instance: string): EmitEvent {
  return async ({ about, reason, type, message, now }, signal) => {
    const { namespace, name, uid } = about;
    const at = now.toISOString().replace(/\.\d+Z$/, 'Z');
    const body = {
      apiVersion: 'v1',
      kind: 'Event',
      // The name is made of what the event is about, so that a second replica's event is refused as already there.
      metadata: { namespace, name: eventName(name, uid, reason) },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name, uid },
      reason,
      type,
      message,
      count: 1,
      firstTimestamp: at,
      lastTimestamp: at,
      source: { component: COMPONENT },
      reportingComponent: COMPONENT,
      reportingInstance: instance,
    };
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
    try {
      await client.json({ method: 'POST', path, body, ...(signal ? { signal } : {}) });
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
    }
  };
}

function eventName(pod: string, uid: string, reason: string): string {
  const hash = createHash('sha256').update(`${uid}/${reason}`).digest('hex').slice(0, 16);
  return `${pod.slice(0, 230).replace(/[-.]+$/, '')}.${hash}`;
}
