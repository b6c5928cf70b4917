import type { Pod, PodMetadata, Selector } from './model.ts';
import { matches } from './selector.ts';
import type { Tracking } from './tracking/tracking.ts';

/** What the hook knows of one kind of operator, and of the pods that it moves. */
export interface Profile {
  readonly name: string;
  /** Selects the pods of the profile. */
  readonly selector: Selector;
  /** The annotation that asks the operator to move a pod. */
  readonly mark: { readonly key: string; readonly value: string };
  readonly tracking: Tracking;
  /** How long the operator has to act on a mark before the pod counts as stalled. */
  readonly stallAfterMs: number;
}

/** The settings that the policy needs. */
export interface PolicySettings {
  readonly profile: Profile;
  /** The name of this installation's registration; its entries carry it. */
  readonly installation: string;
  readonly drainTaints: readonly string[];
  /** `left`: the drain ends once the instance has left the node, whatever became of its replacement. */
  readonly replacementCondition: 'scheduled' | 'ready' | 'left';
  /** `draining`: the hook marks a pod only if its node is draining. */
  readonly markWhen: 'always' | 'draining';
  readonly exemptUsers: readonly string[];
  /** How long an entry stays after its pod has settled. */
  readonly retentionMs: number;
}

/**
 * The profile that selects the pod; undefined if none does. It also selects backup and restore Jobs, which carry the
 * members' labels: see `isProtected`.
 */
export function profileOf(pod: Pick<PodMetadata, 'labels'>, { profile }: PolicySettings): Profile | undefined {
  return matches(profile.selector, pod.labels) ? profile : undefined;
}

/** Whether the hook protects the pod: a profile selects it, and an operator can move pods of its kind. */
export function isProtected(pod: PodMetadata, settings: PolicySettings): boolean {
  return profileOf(pod, settings) !== undefined && immovable(pod) === undefined;
}

/** The kind of a pod that no operator moves, as the reason of an allow; undefined for any other pod. */
export function immovable({ owner, isMirror }: PodMetadata): 'JobPod' | 'DaemonSetPod' | 'MirrorPod' | undefined {
  if (isMirror || (owner?.kind === 'Node' && owner.apiVersion === 'v1')) return 'MirrorPod';
  if (owner?.kind === 'Job' && owner.apiVersion.startsWith('batch/')) return 'JobPod';
  if (owner?.kind === 'DaemonSet' && owner.apiVersion.startsWith('apps/')) return 'DaemonSetPod';
  return undefined;
}

/** Whether the pod carries the mark of the profile. */
export function isMarked(pod: Pod): boolean {
  return pod.mark?.matches === true;
}
