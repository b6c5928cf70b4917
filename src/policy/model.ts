import type { Policy } from './policy-annotation.ts';

/**
 * The plain data that decisions are made on. It has no client library type and no clock. Instants are epoch
 * milliseconds. Every object is a projection that `src/cache` makes of the API server's object.
 */

/**
 * The reschedule annotation of a pod. Its value is not kept, because anybody may write 256 KiB there. `by` and `at` come from the API server's managed fields, if these have them. */
export interface Mark {
  /** Whether the value is the one that asks the operator to move the pod. */
  readonly matches: boolean;
  readonly at?: number;
  readonly by?: string;
  /** Somebody else than the hook made it, by the managed fields. Absent also if they do not say who made it. */
  readonly isForeign?: true;
  /** The hook made it, and somebody else applies it, too. */
  readonly isShared?: true;
}

export interface Owner {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** The metadata of a pod: enough to see whether the hook protects it. */
export interface PodMetadata {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Those that a profile requires; absent if the pod has none of them. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** The controller owner reference, if there is one. */
  readonly owner?: Owner;
  /** The kubelet runs the pod from a file of its node; no API call can move it. */
  readonly isMirror?: true;
}

/** With what people have said of its evictions. */
export interface Pod extends PodMetadata, Policy {
  readonly resourceVersion: string;
  /** Present if the reschedule annotation is, whatever its value. */
  readonly mark?: Mark;
  /** Its operator reports that it may go now, where its profile waits for that. */
  readonly isReported?: true;
  /** It asks the descheduler to take an eviction for a request that is carried out later (`in-background.ts`). */
  readonly isEvictedInBackground?: true;
  /** `spec.nodeName`; absent until the pod is scheduled. */
  readonly node?: string;
  /** When the scheduler bound the pod to its node, in whole seconds. */
  readonly boundAt?: number;
  /** Present if the scheduler has tried and found no node for the pod. */
  readonly unschedulable?: Unschedulable;
  readonly ready: boolean;
  /** `metadata.deletionTimestamp`: for a pod, the end of its grace period and not the time of the DELETE. */
  readonly deletionDeadline?: number;
  readonly deletionGraceSeconds?: number;
  /** Present for a finished pod: when its last container ended, or the best known instant. */
  readonly finishedAt?: number;
}

/** What the scheduler says of a pod that it cannot bind. */
export interface Unschedulable {
  readonly since?: number;
  readonly message: string;
}

export interface Node {
  readonly name: string;
  /** A node that was replaced under its name has another UID (S8). */
  readonly uid: string;
  readonly resourceVersion: string;
  readonly unschedulable: boolean;
  /** As kubectl writes them: `key:Effect`, or `key=value:Effect`. */
  readonly taints: readonly string[];
  /** When a taint was added, by its text in `taints`; only taints whose time the API server has. */
  readonly taintedAt: Readonly<Record<string, number>>;
  /**
   * Of the conditions that the settings list, those that are True, and since when; null if the API server does not say. Absent if
   * there is none.
   */
  readonly drainConditions?: Readonly<Record<string, number | null>>;
  readonly deleting: boolean;
}

/** A resource of the API server, and the paths of its objects. */
export interface Resource {
  /** `v1`, or `<group>/<version>` */
  readonly apiVersion: string;
  readonly kind: string;
  /** `/api/v1`, or `/apis/<group>/<version>` */
  readonly apiPath: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
  /** Present for objects that the hook creates itself. Their entries are in `data`, those of others in annotations. */
  readonly own?: OwnObjects;
}

/** Where the hook keeps objects of its own, and the label that tells them from those of another installation. */
export interface OwnObjects {
  readonly namespace: string;
  readonly label: { readonly key: string; readonly value: string };
}

/**
 * An object that carries entries: a CouchbaseCluster, a Namespace, or a ConfigMap of the hook. With what people have said of
 * evictions of its pods, which is never read of an object of the hook.
 */
export interface Tracker extends Policy {
  readonly resource: Resource;
  /** Absent for a cluster-scoped resource. */
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
  /** Empty, as is the UID, if the object does not exist yet: the first entry creates it. */
  readonly resourceVersion: string;
  /** The Namespace that an object of the hook stands for, and goes with. Its UID is empty if the object has no owner. */
  readonly owner?: { readonly namespace: string; readonly uid: string };
  /** What stands in the place of an object that does not exist yet: that of an earlier Namespace of this name (S8). */
  readonly leftover?: { readonly uid: string; readonly resourceVersion: string };
  /** Whether its operator recreates a pod under the same name; without that no entry is needed. */
  readonly reusesNames: boolean;
  /**
   * What keeps its operator from moving a pod now, as one of a few PascalCase words. Absent if the object reports
   * nothing.
   */
  readonly hindrance?: string;
  /** Its entries: annotation key to raw value, or to what stands for one that is too long (`kept-entries.ts`). */
  readonly entries: Readonly<Record<string, string>>;
  /** How many entries more it has than the hook keeps; absent if none. */
  readonly leftOut?: number;
}

/**
 * A Namespace, as far as its trackers need it, with what people have said of evictions of its pods. One that was recreated under
 * its name has another UID (S8).
 */
export interface Namespace extends Policy {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** An entry of a pod at a place where entries are read, but not written any more. */
export interface EntryElsewhere {
  readonly value: string;
  /** For people, such as `CouchbaseCluster cb`. */
  readonly on: string;
}

/** One tracked instance. `uid` is absent in an entry of the reference hook (value `true`): an unknown instance. */
export interface Entry {
  readonly uid?: string;
  readonly node?: string;
  readonly nodeUid?: string;
  /** When the entry was written. A later mark of the instance has a later one, so its entry is another one to prune. */
  readonly at?: number;
  /** When the instance was marked first. Absent: at `at`. */
  readonly firstAt?: number;
  /** Whether that node was draining at `at`. Absent: it was, or it is not known. */
  readonly draining?: boolean;
  /** How often in a row instances of this name came back to that node while it was draining. Absent: never. */
  readonly returns?: number;
  /** How often the hook has marked this instance. Absent: once. */
  readonly marks?: number;
  /** Who took the last mark away, as far as the API server knows. */
  readonly unmarkedBy?: string;
  /** The installation that wrote the entry, by the name of its registration. Absent: it counts as ours. */
  readonly installation?: string;
  /** The pod's group, and how many were in it, where a profile limits how many may be under way. */
  readonly group?: string;
  readonly groupSize?: number;
}

/** What one admission request asks for. */
export interface EvictionRequest {
  /** True only for a CREATE of `pods/eviction`. */
  readonly isEviction: boolean;
  readonly namespace: string;
  readonly name: string;
  readonly username: string;
  /** `deleteOptions.preconditions.uid` */
  readonly uid?: string;
  /** `deleteOptions.gracePeriodSeconds` */
  readonly graceSeconds?: number;
  /** From the request or from `deleteOptions.dryRun`; kubectl uses the latter. */
  readonly dryRun: boolean;
}

/** A parsed Kubernetes label selector. All of its requirements must hold. */
export type Selector = readonly Requirement[];

export type Requirement =
  | { readonly op: 'in' | 'notIn'; readonly key: string; readonly values: readonly string[] }
  | { readonly op: 'exists' | 'missing'; readonly key: string };

/** Makes a switch over a union exhaustive: adding a variant breaks the build, not production. */
export function assertNever(value: never): never {
  throw new Error(`unexpected variant: ${JSON.stringify(value)}`);
}
