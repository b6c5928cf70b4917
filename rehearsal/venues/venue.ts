import type { ApiClient } from '../../src/kube/client.ts';
import type { Cleanup } from '../../testkit/cleanup.ts';
import type { Cluster } from '../../testkit/cluster.ts';
import type { ResourceKind } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import type { HookProcess } from '../../testkit/hook-process.ts';
import type { LogLine } from '../../testkit/log-lines.ts';
import type { PodView } from '../../testkit/pods.ts';
import type { Drainer } from '../drainers/drainer.ts';
import type { Annotation, OperatorModel } from '../operator/model.ts';
import type { OperatorOptions } from '../operator/operator-options.ts';
import type { HookGuard } from './hook-guard.ts';

/** Where a rehearsal takes place. */
export interface Venue {
  /** How many rehearsals can take place here side by side. */
  readonly atOnce: number;
  /**
   * Prepares the place. Whatever has to be undone is in `cleanup`, also if this throws. Throws a UsageError if the rehearsal
   * cannot or must not take place here.
   */
  open(needs: VenueNeeds, cleanup: Cleanup): Promise<Site>;
}

export interface VenueNeeds {
  /** Worker nodes of a cluster that is started. */
  readonly nodes: number;
  /** Stand-in members that will be created. */
  readonly members: number;
  /** Whose pods they are. */
  readonly model: OperatorModel;
  /** Settings of a hook that is started, over those of a rehearsal. */
  readonly hookEnv: Readonly<Record<string, string>>;
  readonly onHookLine: (line: LogLine) => void;
  /** A line that everybody has to read. */
  readonly write: (line: string) => void;
  /** A line of the log. */
  readonly log: (line: string) => void;
  /** Aborts when the person wants no more. */
  readonly signal: AbortSignal;
}

/** A venue that is open. */
export interface Site {
  readonly client: ApiClient;
  /** What asks an operator to move a pod. Absent: pods carry no mark. */
  readonly annotation?: Annotation;
  /** Who the hook is. Absent: nobody knows. */
  readonly hookUser?: string;
  /** The cluster that a protected pod belongs to; undefined for a pod that nobody protects. */
  readonly clusterOf: (pod: PodView) => string | undefined;
  /** The hook that was started here. Absent: the hook was installed before, and nobody reads its log. */
  readonly hook?: StartedHook;
  /** Where stand-ins are created. Absent: nothing is written here, and the protected pods of all namespaces are watched. */
  readonly place?: Place;
  /** The pods that are watched. Absent: all of the namespace. */
  readonly labelSelector?: string;
  /** Rejects when the cluster or the hook ends unexpectedly. */
  readonly failed: Promise<never>;
}

export interface StartedHook {
  readonly process: HookProcess;
  readonly guard: HookGuard;
}

/** The part of a cluster that a rehearsal has to itself. */
export interface Place {
  /** It exists already. */
  readonly namespace: string;
  /** The only nodes that are touched. */
  readonly nodes: readonly string[];
  /** The name of the stand-in cluster, and the kind of its object. */
  readonly cluster: string;
  readonly kind: ResourceKind;
  /** The path of the object that keeps the entries. */
  readonly trackerPath: string;
  /** Whether a pod is one that the operator moves. */
  readonly isMember: (pod: Pick<PodView, 'labels'>) => boolean;
  /** Labels that select the members, for their disruption budget. */
  readonly memberLabels: Record<string, string>;
  /** What the pods of this place need in addition, so that they keep to its nodes. */
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** How the operator makes members here. */
  readonly operator: Pick<OperatorOptions, 'labels' | 'manifest'>;
  readonly model: OperatorModel;
  /** How often the operator looks at its cluster. */
  readonly periodMs: number;
  /** Pods that nobody protects. Absent: the hook protects everything. */
  readonly plainPods?: { readonly labels: Record<string, string>; readonly spec: object };
  /** For scenarios that bring no drainer of their own. */
  readonly drainer: Drainer;
  /** How long the pods may take to start. Absent: as long as the scenario waits for anything. */
  readonly startWithinMs?: number;
  /** Absent: the API server cannot be stopped. */
  readonly apiServer?: Cluster['apiServer'];
}
