import type { ApiClient } from '../../src/kube/client.ts';
import type { ResourceKind } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import type { ClusterView, OwnerReference, PodManifest } from '../../testkit/couchbase/member.ts';
import type { Annotation, WaitingFor } from './operator-plan.ts';

export type { Annotation };

export const DEFAULT_ANNOTATION: Annotation = { key: 'cao.couchbase.com/reschedule', value: 'true' };

export interface OperatorOptions {
  readonly client: ApiClient;
  readonly namespaces: readonly string[];
  /** How often it looks at its clusters. Default 10 s, as in life. */
  readonly periodMs?: number;
  /** How long a rebalance takes once new members are Ready. Default: one period. */
  readonly rebalanceMs?: number;
  /** How long a name is gone when a member is moved in place. Default: 2 s, or a period where that is shorter. */
  readonly recreateDelayMs?: number;
  readonly maxUpgradable?: number;
  /** Default: cao.couchbase.com/reschedule with exactly the value true. */
  readonly annotation?: Annotation;
  /** The kind of its clusters; any kind with `spec.size` will do. */
  readonly kind?: ResourceKind;
  readonly labels?: (cluster: string, pod: string) => Record<string, string>;
  /** The controller owner of members; undefined for none. It has to exist, or the members are garbage-collected. */
  readonly owner?: (cluster: ClusterView) => OwnerReference | undefined;
  /** Members have the gate pod.couchbase.com/readiness, and the operator opens it. Default false. */
  readonly readinessGate?: boolean;
  /** Last word on every pod before it is created. */
  readonly manifest?: (pod: PodManifest, cluster: ClusterView) => PodManifest;
  readonly onEvent?: (event: OperatorEvent) => void;
  readonly now?: () => number;
}

export type OperatorEvent =
  | {
      readonly kind: 'created' | 'ready' | 'rebalanced' | 'deleted';
      readonly namespace: string;
      readonly cluster: string;
      readonly pod: string;
      readonly uid: string;
      /** Absent for a pod that has no node (yet). */
      readonly node?: string;
      readonly why?: string;
      readonly at: number;
    }
  /** Told when it starts to wait for something else than before. */
  | {
      readonly kind: 'waiting';
      readonly namespace: string;
      readonly cluster: string;
      readonly why: WaitingFor;
      readonly at: number;
    }
  | { readonly kind: 'failed'; readonly namespace: string; readonly error: string; readonly at: number };
