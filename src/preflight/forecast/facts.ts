import type { Decision } from '../../policy/decision.ts';
import type { Pod, Tracker } from '../../policy/model.ts';
import type { Reported } from '../../policy/profiles/hindrance.ts';
import type { Profile } from '../../policy/profiles/profile.ts';
import type {
  ConditionObject,
  LabelSelectorObject,
  ObjectMeta,
  PodObject,
  SchedulingWorld,
} from '../scheduling/objects.ts';

/** A pod that the hook protects, and what its policy would say if the node were cordoned. */
export interface ProtectedPod {
  readonly object: PodObject;
  readonly pod: Pod;
  readonly profile: Profile;
  readonly decision: Decision;
  readonly tracker?: Tracker;
  readonly reported?: Reported;
  /** How many protected pods of its namespace have its owner, itself among them. */
  readonly siblings: number;
  /** The others of its group that are away or about to be, and are on no node that is to be drained. */
  readonly busyElsewhere: boolean;
}

export interface Budget {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly selector?: LabelSelectorObject; readonly unhealthyPodEvictionPolicy?: string };
  readonly status?: {
    readonly disruptionsAllowed?: number;
    readonly currentHealthy?: number;
    readonly desiredHealthy?: number;
    readonly expectedPods?: number;
    readonly conditions?: readonly ConditionObject[];
  };
}

/** What was read of the cluster. */
export interface DrainFacts {
  readonly now: number;
  /** The nodes that are to be drained. */
  readonly nodes: readonly string[];
  /** All pods of these nodes. */
  readonly pods: readonly PodObject[];
  /** Those of them that the hook protects. */
  readonly protectedPods: readonly ProtectedPod[];
  /** Those that a profile selects although no operator moves pods of their kind. */
  readonly immovable: ReadonlySet<PodObject>;
  readonly budgets: readonly Budget[];
  readonly world: SchedulingWorld;
}
