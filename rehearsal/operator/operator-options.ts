import type { ApiClient } from '../../src/kube/client.ts';
import type { ResourceKind } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import type { ClusterView, OwnerReference, PodManifest } from '../../testkit/couchbase/member.ts';
import type { Annotation, OperatorModel } from './model.ts';

export interface OperatorOptions {
  readonly client: ApiClient;
  readonly namespaces: readonly string[];
  /** Whose behaviour it has. Default: Couchbase's operator. */
  readonly model?: OperatorModel;
  /** How often it looks at its clusters. Default: as in life. */
  readonly periodMs?: number;
  /** How long a rebalance takes once new members are Ready. Default: as many periods as the model says. */
  readonly rebalanceMs?: number;
  /** How long a name is gone when a member is moved in place. Default: 2 s, or a period where that is shorter. */
  readonly recreateDelayMs?: number;
  /** How many members it moves at a time. Default: as the model says; as the others that follow. */
  readonly maxUpgradable?: number;
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
      readonly kind: 'created' | 'ready' | 'rebalanced' | 'deleted' | 'reported';
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
      readonly why: string;
      readonly at: number;
    }
  | { readonly kind: 'failed'; readonly namespace: string; readonly error: string; readonly at: number };
