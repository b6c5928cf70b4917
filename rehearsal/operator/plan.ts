import type { JsonObject } from '../../src/kube/client.ts';
import type { ClusterView, Member } from '../../testkit/couchbase/member.ts';
import type { Annotation, OperatorModel, Progress } from './model.ts';

/** What the operator sees when it looks at one cluster. */
export interface Sight {
  readonly cluster: ClusterView;
  readonly members: readonly Member[];
  /** Names of nodes; empty if the model does not look at nodes. */
  readonly cordoned?: ReadonlySet<string>;
  /** The keys of their taints, likewise. */
  readonly taints?: ReadonlyMap<string, readonly string[]>;
  /** Whether it is a look of a period, not one in between. */
  readonly isDue?: boolean;
}

/** What the operator remembers of one cluster between two looks at it. */
export interface Memory {
  /** UIDs of the members that a rebalance has taken in. */
  readonly balanced: ReadonlySet<string>;
  readonly rebalance?: { readonly until: number; readonly uids: ReadonlySet<string> };
  /** When a member of that number was deleted in order to be recreated. */
  readonly deletedAt: ReadonlyMap<number, number>;
  /** UIDs of the members that the last look of a period chose. */
  readonly chosen?: ReadonlySet<string>;
  /** Until when a member is prepared for its move, or emptied after its deletion; by UID. */
  readonly busyUntil?: ReadonlyMap<string, number>;
  /** Since when the node of a member has had a taint that the operator follows; by UID. */
  readonly taintedSince?: ReadonlyMap<string, number>;
}

export interface PlanSettings {
  readonly model: OperatorModel;
  readonly annotation: Annotation | undefined;
  readonly maxUpgradable: number;
  readonly rebalanceMs: number;
  readonly prepareMs: number;
  readonly emptyMs: number;
  readonly noticeMs: number;
  readonly recreateDelayMs: number;
}

/** One thing to do. A step that fails is planned again by the next look. */
export type Step =
  | { readonly kind: 'create'; readonly pod: string; readonly why: 'scale up' | 'recreate' | 'swap in' | 'surge' }
  | {
      readonly kind: 'delete';
      readonly member: Member;
      readonly why: 'in place' | 'swapped out' | 'scale down' | 'ended';
    }
  /** Opens the readiness gate, takes its finalizers away, or writes the mark. */
  | { readonly kind: 'open gate' | 'let go' | 'mark'; readonly member: Member }
  | { readonly kind: 'report'; readonly member: Member; readonly progress: Progress }
  | { readonly kind: 'name role'; readonly member: Member; readonly value: string }
  | { readonly kind: 'hand over'; readonly member: Member; readonly to: Member; readonly status: JsonObject }
  /** Nothing to write, only an event: these members became Ready, or a rebalance has taken them in. */
  | { readonly kind: 'ready' | 'rebalanced'; readonly member: Member };

/** The last three: while its data is out of order, another member is not Ready, or the chosen one is being prepared. */
export type WaitingFor = 'paused' | 'pending' | 'recreate' | 'ready' | 'rebalance' | 'sync' | 'others' | 'preparation';

export interface OperatorPlan {
  readonly steps: readonly Step[];
  readonly memory: Memory;
  /** To be merged into the object's status before the steps, where it differs. Absent: leave the status alone. */
  readonly status?: OperatorStatus;
  readonly waitingFor?: WaitingFor;
  /** When it is worth looking again before the period is over. */
  readonly lookAgainInMs?: number;
}

export interface OperatorStatus {
  readonly size: number;
  readonly members: { readonly ready: readonly string[]; readonly unready: readonly string[] };
  readonly nextMemberIndex: number;
  readonly conditions: readonly { readonly type: string; readonly status: 'True' | 'False' }[];
}
