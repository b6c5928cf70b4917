import type { JsonObject } from '../../src/kube/client.ts';
import type { ResourceKind } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import type { ClusterView, IndexOf, Member } from '../../testkit/couchbase/member.ts';
import type { PodView } from '../../testkit/pods.ts';

/** Asks an operator to move the pod that carries it. */
export interface Annotation {
  readonly key: string;
  readonly value: string;
  /** Whether any value asks for it. Absent: only this one. */
  readonly isAny?: boolean;
}

/** Without an annotation nothing is marked. */
export function isMarked(
  { annotations }: { readonly annotations: Readonly<Record<string, string>> },
  annotation: Annotation | undefined,
): boolean {
  if (annotation === undefined) return false;
  const { key, value, isAny } = annotation;
  return isAny ? annotations[key] !== undefined : annotations[key] === value;
}

/** One thing that a model does as its operator does, and the file or page where that was read. */
export interface Behaviour {
  readonly what: string;
  readonly source: string;
}

/** How far an operator is with a pod that it prepares. `done`: the pod may go. */
export type Progress = 'none' | 'begun' | 'done';

/** What an operator writes on a pod: annotations, where null takes one away, or conditions of its status. */
export type Written =
  | { readonly annotations: Readonly<Record<string, string | null>> }
  | { readonly conditions: Readonly<Record<string, 'True' | 'False'>> };

/** How an operator that deletes no pod reports on one that it was asked to prepare. */
export interface Reports {
  read(pod: Pick<PodView, 'annotations' | 'conditions'>): Progress;
  write(progress: Progress): Written;
}

/** The role of one member, which a label of all members names. */
export interface Role {
  readonly label: string;
  readonly primary: string;
  readonly replica: string;
  /** What the status of the custom resource gets when the role has been handed over as was asked. */
  handedOver(cluster: ClusterView): JsonObject;
}

/** How long something takes, in periods of the operator: nobody knows it in seconds, and tests shorten the period. */
export interface Pace {
  /** Between the choice of a member and its deletion: leaders, migrations or shards move. Default 0. */
  readonly prepare?: number;
  /** From a new member that is Ready to the next move. Default 1. */
  readonly settle?: number;
  /** A member that is emptied while it is terminating. Default 0. */
  readonly empty?: number;
  /** From a taint of a node to the choice of its members. Default 0. */
  readonly notice?: number;
}

/**
 * What an operator does, as data: `planCluster` acts by it, and `StandInOperator` writes. It knows its own mark and labels,
 * from the operator's source and not from the profile, so that a profile that is wrong shows. What its operator
 * does beyond that, and nobody has verified, is left out.
 */
export interface OperatorModel {
  /** The name of the profile whose operator it is. */
  readonly profile: string;
  /** What its custom resource stands for, like `a Kafka cluster of Strimzi`. */
  readonly title: string;
  readonly behaviours: readonly Behaviour[];
  /** What it does although nobody has verified that its operator does so; for people. */
  readonly unverified: readonly string[];
  /** Its field manager. */
  readonly manager: string;
  /** The kind of its custom resource; a stand-in has `spec.size`, and what the model reads besides. */
  readonly kind: ResourceKind;
  /** The kind of the controller owner of its pods. Absent: the custom resource itself. */
  readonly ownerKind?: ResourceKind;
  /** What its custom resource says from the start, beside its size. */
  readonly spec?: JsonObject;
  /** Of each new pod. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Absent: pods carry no mark. */
  readonly mark?: Annotation;
  /** Whether it is asked to move that member. Absent: if the pod carries the mark. */
  isAsked?(member: Member, cluster: ClusterView): boolean;
  /** It deletes no pod, and reports that one may go. Absent: it deletes those that it moves. */
  readonly reports?: Reports;
  /** It deletes no pod, and hands the role of one over to another. Only the pod with the role is protected. */
  readonly role?: Role;
  /** The period in life. */
  readonly periodMs: number;
  /** `period`: marks that come between two periods wait. `mark`: it looks as soon as there is one. `look`: at any look. */
  readonly takesMarks: 'period' | 'mark' | 'look';
  readonly pace: Pace;
  readonly atOnce: number;
  /** Its profile has `maxConcurrent`: the hook marks so many at a time, because the operator takes all. */
  readonly heldTo?: number;
  /** `counted`: no number is used twice. `ordinal`: the lowest that is free. */
  readonly numbers: 'counted' | 'ordinal';
  /** Whether pods end within their own grace. False: it deletes with grace 0. */
  readonly isGraceful: boolean;
  /** It moves no member while another one is not Ready. */
  readonly needsOthersReady: boolean;
  /** It also moves unmarked members that are on a cordoned node. */
  readonly followsCordon: boolean;
  /** The taints of nodes whose members it moves, marked or not. Absent: it looks at no taint. */
  followsTaints?(cluster: ClusterView): readonly string[];
  /** It writes its mark itself on a member that it moves. */
  readonly marksItself: boolean;
  /** What keeps it while `spec.dataInSync` of a stand-in is false. */
  readonly outOfSync: string;
  /** What is lost with a member that is moved. */
  readonly loses?: string;
  readonly finalizers?: readonly string[];
  /** Whether it makes a disruption budget that lets one member go at a time. */
  readonly hasBudget: boolean;
  /** How its custom resource says that it is to do nothing; absent: it cannot be told. */
  readonly pausedBy?: { readonly paused: JsonObject; readonly resumed: JsonObject };
  /** What changes its custom resource so that members come back under another name; absent: nothing does. */
  readonly renamedBy?: JsonObject;
  view(raw: JsonObject): ClusterView;
  nameOf(cluster: ClusterView, index: number): string;
  readonly indexOf: IndexOf;
  readonly labels: (cluster: string, pod: string) => Record<string, string>;
  /** All members in the order of their moves. */
  order(members: readonly Member[]): readonly Member[];
  /** Whether a member that is terminating is emptied before it may go. */
  isEmptied?(cluster: ClusterView, member: Member, isCordoned: boolean): boolean;
  /** What it writes to the status beside what every stand-in writes. */
  statusOf?(state: { readonly isPaused: boolean; readonly isMoving: boolean }): JsonObject;
}

/** Who ends the pods that an operator was asked to move. */
export type EndedBy = 'operator' | 'hook' | 'drainer';

export function endedBy({ reports, role }: OperatorModel): EndedBy {
  if (reports !== undefined) return 'hook';
  return role === undefined ? 'operator' : 'drainer';
}

/** Whether the hook has to protect that member now. */
export function isProtected({ role }: Pick<OperatorModel, 'role'>, { labels }: Pick<PodView, 'labels'>): boolean {
  return role === undefined || labels[role.label] === role.primary;
}

/** The labels that all members of a cluster have, and no other pod. */
export function sharedLabels(model: OperatorModel, cluster: string): Record<string, string> {
  const view = model.view({ metadata: { name: cluster } });
  const [one = {}, other = {}] = [0, 1].map((index) => model.labels(cluster, model.nameOf(view, index)));
  return Object.fromEntries(Object.entries(one).filter(([key, value]) => other[key] === value));
}
