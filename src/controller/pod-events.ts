import type { EmitEvent, EventReason } from '../kube/events.ts';
import type { Pod, Tracker } from '../policy/model.ts';
import { type PolicySettings, profileNameOf } from '../policy/profiles/profile.ts';

/** A Kubernetes Event about a pod, which is shown on the pod and on its tracker. */
export interface PodEvent {
  readonly pod: Pod;
  readonly tracker?: Tracker;
  readonly reason: EventReason;
  readonly type: 'Normal' | 'Warning';
  /** It follows `The pod` on the pod itself, `Pod <name>` on the tracker. */
  readonly text: string;
  /** Which one it is of several with this reason. Absent: the first. */
  readonly nth?: number;
}

/** Writes both Events, each once however often it is called, by whichever replica. Throws where one could not be written. */
export type EmitPodEvent = (event: PodEvent, signal: AbortSignal) => Promise<void>;

export function createPodEvents(
  emitEvent: EmitEvent,
  clock: { now(): number },
  settings: Pick<PolicySettings, 'profiles'>,
): EmitPodEvent {
  return async ({ pod, tracker, reason, type, text: what, nth = 1 }, signal) => {
    // Of one profile nobody needs to be told.
    const text = settings.profiles.length > 1 ? `${what} (profile ${profileNameOf(pod, settings)})` : what;
    const event = { about: pod, reason, nth, type, now: new Date(clock.now()) };
    await emitEvent({ ...event, message: `The pod ${text}` }, signal);
    // Nobody looks at an object of the hook, and an Event is in the namespace of what it shows itself on.
    if (tracker === undefined || tracker.resource.own) return;
    const { apiVersion, kind } = tracker.resource;
    const on = { apiVersion, kind, name: tracker.name, uid: tracker.uid };
    await emitEvent({ ...event, on, message: `Pod ${pod.name} ${text}` }, signal);
  };
}
