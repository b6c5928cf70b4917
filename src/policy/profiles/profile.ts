import type { Pod, PodMetadata, Resource, Selector, Tracker } from '../model.ts';
import type { RequestObject } from '../requests/request.ts';
import { formatSelector, matches } from '../selector.ts';
import { NO_TRACKING, type Tracking } from '../tracking/tracking.ts';
import type { HindranceSource } from './hindrance.ts';
import type { MarkOfProfile } from './mark.ts';
import type { Report } from './report.ts';

/** An annotation that a pod must carry. Absent value: any. */
export interface RequiredAnnotation {
  readonly key: string;
  readonly value?: string;
}

/**
 * Whether the operator gives a moved pod its old name. `either`: nobody knows before. `byTracker`: its tracker says so. A
 * name that may come back needs an entry.
 */
export type Names = 'reused' | 'new' | 'either' | 'byTracker';

/** How many pods of a group may be under way at a time. */
export interface MaxConcurrent {
  readonly pods: number;
  /** The labels whose values make a group, within a namespace. */
  readonly by: readonly string[];
}

/** What the hook knows of one kind of operator, and of the pods that it moves. */
export interface Profile {
  readonly name: string;
  /** Any of them selects the pods of the profile. */
  readonly selectors: readonly Selector[];
  /** What a pod must carry besides. Its operator moves no other. */
  readonly requires: readonly RequiredAnnotation[];
  /** Absent, and so is `request`: nobody is asked to move its pods. They leave by themselves, or people move them. */
  readonly mark?: MarkOfProfile;
  /** Moves are asked for on another object, and pods get no mark. */
  readonly request?: RequestObject;
  readonly names: Names;
  readonly tracking: Tracking;
  /** How long the operator has to act on a mark before the pod counts as stalled. */
  readonly stallAfterMs: number;
  /** Its operator moves any number of marked pods at once, so the hook marks no more of a group. */
  readonly maxConcurrent?: MaxConcurrent;
  /** Its operator asks no disruption budget, so the hook marks a pod only while those of the pod allow a disruption. */
  readonly respectsBudgets?: boolean;
  /** Its operator never moves the only pod of a cluster. It explains, and decides nothing. */
  readonly neverAlone?: boolean;
  /** Where it says what keeps it from acting, beside the tracker. The first that reports something counts. */
  readonly hindrances?: readonly HindranceSource[];
  /** Whether a mark is taken back once nobody drains the node any more, if the operator has not begun. Absent: no. */
  readonly withdraws?: boolean;
  /** Its operator deletes nothing. Once it reports that a marked pod may go, the hook itself evicts the pod. */
  readonly report?: Report;
  /** Webhooks that must not be asked about its evictions as well: their names, or those of their registrations. */
  readonly conflicts: readonly string[];
  /** PROFILES_FILE has it no more, or selects less; it counts for a few minutes yet. */
  readonly isLeaving?: boolean;
}

/** The settings that the policy needs. */
export interface PolicySettings {
  /** A pod is of the first one that selects it. */
  readonly profiles: readonly Profile[];
  /** The name of this installation's registration; its entries carry it. */
  readonly installation: string;
  readonly drainTaints: readonly string[];
  /** Types of node conditions that mean a drain. The projection of a node keeps only these. */
  readonly drainConditions: readonly string[];
  /** `left`: the drain ends once the instance has left the node, whatever became of its replacement. */
  readonly replacementCondition: 'scheduled' | 'ready' | 'left';
  /** `draining`: the hook marks a pod only if its node is draining. */
  readonly markWhen: 'always' | 'draining';
  readonly exemptUsers: readonly string[];
  /** Whether Namespaces may say `ignore` or `hold`, too. Absent: only pods and trackers. */
  readonly readsNamespacePolicy?: boolean;
  /** How long an entry stays after its pod has settled. */
  readonly retentionMs: number;
}

/**
 * The first profile that selects the pod; undefined if none does. It may also select backup and restore Jobs, which carry
 * the members' labels: see `isProtected`.
 */
export function profileOf(
  pod: Pick<PodMetadata, 'labels' | 'annotations'>,
  { profiles }: Pick<PolicySettings, 'profiles'>,
): Profile | undefined {
  return profiles.find((profile) => selects(profile, pod));
}

/** In the place of a profile's name, which is in lower case. */
export const NO_PROFILE = 'None';

/** The name of the pod's profile, for people and metrics. */
export function profileNameOf(
  pod: Pick<PodMetadata, 'labels' | 'annotations'>,
  settings: Pick<PolicySettings, 'profiles'>,
): string {
  return profileOf(pod, settings)?.name ?? NO_PROFILE;
}

/** Whether the profile selects the pod. */
export function selects(
  { selectors, requires }: Pick<Profile, 'selectors' | 'requires'>,
  { labels, annotations = {} }: Pick<PodMetadata, 'labels' | 'annotations'>,
): boolean {
  if (!selectors.some((selector) => matches(selector, labels))) return false;
  return requires.every(({ key, value }) => {
    const carried = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
    return value === undefined ? carried !== undefined : carried === value;
  });
}

/** Each list and watch of pods has one of these, in the API server's syntax. Two profiles may have the same. */
export function labelSelectorsOf({
  profiles,
}: {
  readonly profiles: readonly Pick<Profile, 'selectors'>[];
}): readonly string[] {
  return [...new Set(profiles.flatMap(({ selectors }) => selectors.map(formatSelector)))];
}

/** Where the entries of the pod are; nowhere if no profile selects it. */
export function trackingOfPod(pod: PodMetadata, settings: Pick<PolicySettings, 'profiles'>): Tracking {
  return profileOf(pod, settings)?.tracking ?? NO_TRACKING;
}

/** What is tracked, of all profiles; each kind once. */
export function trackingsOf({ profiles }: Pick<PolicySettings, 'profiles'>): readonly Tracking[] {
  return [...new Set(profiles.map(({ tracking }) => tracking))];
}

/** The resources of all trackers, each once. */
export function trackedResources(settings: Pick<PolicySettings, 'profiles'>): readonly Resource[] {
  const all = trackingsOf(settings).flatMap(({ resources }) => resources);
  return all.filter(
    (one, i) => all.findIndex(({ plural, apiPath }) => plural === one.plural && apiPath === one.apiPath) === i,
  );
}

/** The custom resources that say why operators do not act, each once. */
export function reportersOf({ profiles }: Pick<PolicySettings, 'profiles'>): readonly HindranceSource[] {
  const all = profiles.flatMap(({ hindrances = [] }) => hindrances);
  return [...new Map(all.map((source) => [`${source.plural}.${source.group}`, source])).values()];
}

/** The objects on which moves are asked for, each kind once. */
export function requestsOf({ profiles }: Pick<PolicySettings, 'profiles'>): readonly RequestObject[] {
  const all = profiles.flatMap(({ request }) => request ?? []);
  return [...new Map(all.map((one) => [`${one.plural}.${one.group}`, one])).values()];
}

/** Whether the hook itself evicts pods of some profile. */
export function evictsPods({ profiles }: Pick<PolicySettings, 'profiles'>): boolean {
  return profiles.some(({ report }) => report !== undefined);
}

/** Whether a pod of the profile may come back under its name, so that it needs an entry. */
export function namesComeBack({ names }: Pick<Profile, 'names'>, tracker: Pick<Tracker, 'reusesNames'>): boolean {
  return names === 'byTracker' ? tracker.reusesNames : names !== 'new';
}

/** Whether the hook protects the pod: a profile selects it, and an operator can move pods of its kind. */
export function isProtected(pod: PodMetadata, settings: Pick<PolicySettings, 'profiles'>): boolean {
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
