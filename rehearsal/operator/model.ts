import type { JsonObject } from '../../src/kube/client.ts';
import type { ResourceKind } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import type { ClusterView, IndexOf, Member } from '../../testkit/couchbase/member.ts';

/** Asks an operator to move the pod that carries it. */
export interface Annotation {
  readonly key: string;
  readonly value: string;
  /** Whether any value asks for it. Absent: only this one. */
  readonly isAny?: boolean;
}

export function isMarked(
  { annotations }: { readonly annotations: Readonly<Record<string, string>> },
  { key, value, isAny }: Annotation,
): boolean {
  return isAny ? annotations[key] !== undefined : annotations[key] === value;
}

/** One thing that a model does as its operator does, and the file or page where that was read. */
export interface Behaviour {
  readonly what: string;
  readonly source: string;
}

/** How long something takes, in periods of the operator: nobody knows it in seconds, and tests shorten the period. */
export interface Pace {
  /** Between the choice of a member and its deletion: leaders, migrations or shards move. Default 0. */
  readonly prepare?: number;
  /** From a new member that is Ready to the next move. Default 1. */
  readonly settle?: number;
  /** A member that is emptied while it is terminating. Default 0. */
  readonly empty?: number;
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
  readonly mark: Annotation;
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

/** The labels that all members of a cluster have, and no other pod. */
export function sharedLabels(model: OperatorModel, cluster: string): Record<string, string> {
  const view = model.view({ metadata: { name: cluster } });
  const [one = {}, other = {}] = [0, 1].map((index) => model.labels(cluster, model.nameOf(view, index)));
  return Object.fromEntries(Object.entries(one).filter(([key, value]) => other[key] === value));
}
