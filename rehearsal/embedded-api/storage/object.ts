/** A Kubernetes object as JSON. What is in the store is never modified: a change is a new object. */
export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
}

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly generateName?: string;
  readonly uid: string;
  /** Decimal. Absent until the object is stored. */
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly ManagedFields[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ManagedFields {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly time: string;
  readonly fieldsType: 'FieldsV1';
  readonly fieldsV1: Json;
  readonly subresource?: string;
}

export type Json = { readonly [field: string]: unknown };

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

interface PodSpec {
  readonly nodeName?: string;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly terminationGracePeriodSeconds?: number;
  readonly tolerations?: readonly Json[];
  readonly readinessGates?: readonly { readonly conditionType: string }[];
  readonly affinity?: Json;
  readonly containers?: readonly { readonly name: string; readonly image?: string }[];
  readonly [field: string]: unknown;
}

interface PodStatus {
  readonly phase?: string;
  readonly conditions?: readonly Condition[];
  readonly startTime?: string;
  readonly containerStatuses?: readonly { readonly ready?: boolean; readonly restartCount?: number }[];
  readonly [field: string]: unknown;
}

export interface Pod extends ApiObject {
  readonly spec: PodSpec;
  readonly status: PodStatus;
}

export interface Node extends ApiObject {
  readonly spec: { readonly unschedulable?: boolean; readonly taints?: readonly Taint[] };
  readonly status: {
    readonly conditions?: readonly Condition[];
    readonly allocatable?: Readonly<Record<string, string>>;
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly nodeInfo?: Readonly<Record<string, string>>;
  };
}

export const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A field that may be missing, as a record. */
export const recordAt = (object: Json | undefined, field: string): Json => {
  const value = object?.[field];
  return isRecord(value) ? value : {};
};

/** As the API writes times: UTC, whole seconds. */
export const timestamp = (epochMs: number) => new Date(epochMs).toISOString().replace(/\.\d+Z$/, 'Z');

export const conditionOf = (conditions: readonly Condition[] | undefined, type: string) =>
  conditions?.find((condition) => condition.type === type);

export const isPodReady = ({ status }: Pod) => conditionOf(status.conditions, 'Ready')?.status === 'True';

export const isFinished = ({ status }: Pod) => status.phase === 'Succeeded' || status.phase === 'Failed';

export const controllerOf = ({ metadata }: ApiObject) =>
  metadata.ownerReferences?.find(({ controller }) => controller === true);
