/** The fields of raw objects that a forecast reads. What the API server leaves out is absent. */

export type Labels = Readonly<Record<string, string>>;

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerObject[];
}

export interface OwnerObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly controller?: boolean;
}

export interface PodObject {
  readonly metadata: ObjectMeta;
  readonly spec: PodSpec;
  readonly status?: { readonly phase?: string; readonly conditions?: readonly ConditionObject[] };
}

export interface ConditionObject {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface PodSpec {
  readonly nodeName?: string;
  readonly nodeSelector?: Labels;
  readonly affinity?: {
    readonly nodeAffinity?: { readonly requiredDuringSchedulingIgnoredDuringExecution?: NodeSelectorObject };
    readonly podAffinity?: { readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly PodTerm[] };
    readonly podAntiAffinity?: {
      readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly PodTerm[];
      readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly { readonly podAffinityTerm: PodTerm }[];
    };
  };
  readonly tolerations?: readonly Toleration[];
  readonly topologySpreadConstraints?: readonly SpreadConstraint[];
  readonly containers?: readonly ContainerObject[];
  readonly initContainers?: readonly ContainerObject[];
  readonly resources?: ResourcesObject;
  readonly overhead?: Labels;
  readonly volumes?: readonly VolumeOfPod[];
  readonly hostNetwork?: boolean;
}

export interface ContainerObject {
  readonly restartPolicy?: string;
  readonly resources?: ResourcesObject;
  readonly ports?: readonly { readonly hostPort?: number; readonly protocol?: string; readonly hostIP?: string }[];
}

export interface ResourcesObject {
  readonly requests?: Labels;
}

export interface VolumeOfPod {
  readonly name: string;
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly emptyDir?: object;
}

export interface Toleration {
  readonly key?: string;
  readonly operator?: string;
  readonly value?: string;
  readonly effect?: string;
}

export interface LabelSelectorObject {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly Requirement[];
}

export interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface NodeSelectorObject {
  readonly nodeSelectorTerms?: readonly {
    readonly matchExpressions?: readonly Requirement[];
    readonly matchFields?: readonly Requirement[];
  }[];
}

export interface PodTerm {
  readonly labelSelector?: LabelSelectorObject;
  readonly namespaces?: readonly string[];
  readonly namespaceSelector?: LabelSelectorObject;
  readonly topologyKey: string;
}

export interface SpreadConstraint {
  readonly maxSkew: number;
  readonly topologyKey: string;
  readonly whenUnsatisfiable: string;
  readonly labelSelector?: LabelSelectorObject;
  readonly minDomains?: number;
  readonly nodeAffinityPolicy?: string;
  readonly nodeTaintsPolicy?: string;
}

export interface NodeObject {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly unschedulable?: boolean; readonly taints?: readonly TaintObject[] };
  readonly status?: { readonly allocatable?: Labels; readonly conditions?: readonly ConditionObject[] };
}

export interface TaintObject {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

export interface ClaimObject {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly volumeName?: string };
}

export interface VolumeObject {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly nodeAffinity?: { readonly required?: NodeSelectorObject } };
}

/** What the scheduler would look at. `pods`: those that are bound and have not ended. */
export interface SchedulingWorld {
  readonly nodes: readonly NodeObject[];
  readonly pods: readonly PodObject[];
  readonly claims: readonly ClaimObject[];
  readonly volumes: readonly VolumeObject[];
  /** The labels of each namespace. */
  readonly namespaces: ReadonlyMap<string, Labels>;
}

export const hasEnded = ({ status }: PodObject) => status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** `namespace/name`, for people and as a key. */
export const nameOf = ({ metadata: { namespace, name } }: { readonly metadata: ObjectMeta }) => `${namespace}/${name}`;

function pick<T extends object>(from: T, keys: readonly (keyof T)[]): T {
  return Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]])) as T;
}

const leanContainer = (one: ContainerObject) => pick(one, ['resources', 'ports', 'restartPolicy']);

/** What the replacement of another pod meets of this one. The rest of a hundred thousand pods would fill the memory. */
export function leanPod({ metadata, spec, status = {} }: PodObject): PodObject {
  const { containers = [], initContainers = [] } = spec;
  return {
    metadata: pick(metadata, ['namespace', 'name', 'labels', 'deletionTimestamp']),
    spec: {
      ...pick(spec, ['nodeName', 'affinity', 'resources', 'overhead']),
      containers: containers.map(leanContainer),
      initContainers: initContainers.map(leanContainer),
    },
    status: pick(status, ['phase']),
  };
}
