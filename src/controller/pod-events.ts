import type { EmitEvent, EventReason } from '../kube/events.ts';
import type { Pod, Tracker } from '../policy/model.ts';
import type { TrackerKind } from '../policy/trackers/index.ts';

/** What people are told of a pod, on the pod and on its tracking resource. */
export interface PodEvent {
  readonly pod: Pod;
  readonly tracker?: Tracker;
  readonly reason: EventReason;
  readonly type: 'Normal' | 'Warning';
  /** What is said of the pod: it follows `The pod` on the pod itself, `Pod <name>` on the tracking resource. */
  readonly text: string;
}

/** Writes both Events, each once however often it is called, by whichever replica. Throws where one could not be written. */
export type EmitPodEvent = (announcement: PodEvent, signal: AbortSignal) => Promise<void>;

export interface PodEventsOptions {
  /** Absent where tracking is switched off. */
  readonly trackerKind?: TrackerKind;
  readonly now: () => number;
}

export function createPodEvents(emitEvent: EmitEvent, { trackerKind, now }: PodEventsOptions): EmitPodEvent {
  return async ({ pod, tracker, reason, type, text }, signal) => {
    const event = { about: pod, reason, type, now: new Date(now()) };
    await emitEvent({ ...event, message: `The pod ${text}` }, signal);
    if (tracker === undefined || trackerKind === undefined) return;
    const { apiVersion, kind } = trackerKind;
    const on = { apiVersion, kind, name: tracker.name, uid: tracker.uid };
    await emitEvent({ ...event, on, message: `Pod ${pod.name} ${text}` }, signal);
  };
}

/** Who is to move the pod, for people. */
export function operatorOf({ owner }: Pod): string {
  return owner === undefined ? 'its operator' : `the operator of ${owner.kind} ${owner.name}`;
}
