import {
  BUDGET,
  DAEMON_SET,
  DEFINITION,
  DEPLOYMENT,
  type Kind,
  NAMESPACE,
  NODE,
  POD,
  REPLICA_SET,
  WEBHOOKS,
} from '../storage/kinds.ts';
import { type ApiObject, type Json, recordAt, timestamp } from '../storage/object.ts';

/** What the API server fills in when an object is created, as far as somebody here or a kubectl reads it. */
export function withDefaults(kind: Kind, object: ApiObject, now: number): ApiObject {
  const fill = DEFAULTS.get(kind);
  if (fill !== undefined) return fill(object, now);
  // Who may not write the status in its own path cannot create it either.
  const { status: _, ...rest } = object;
  return kind.hasStatus ? (rest as ApiObject) : object;
}

/** What the API server fills in at each write, because the object is read anew with it. */
export function withDefaultsOfUpdate(kind: Kind, object: ApiObject): ApiObject {
  return kind === WEBHOOKS ? webhookDefaults(object) : object;
}

type Fill = (object: ApiObject, now: number) => ApiObject;

const TOLERATIONS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].map((key) => ({
  key,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
}));

function podDefaults(object: ApiObject): ApiObject {
  return { ...object, spec: podSpec(recordAt(object, 'spec')), status: { phase: 'Pending', qosClass: 'BestEffort' } };
}

export function podSpec(spec: Json): Json {
  const tolerations = (spec.tolerations ?? []) as readonly Json[];
  const added = TOLERATIONS.filter(({ key }) => !tolerations.some((given) => given.key === key));
  return {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'default',
    serviceAccount: 'default',
    securityContext: {},
    schedulerName: 'default-scheduler',
    priority: 0,
    enableServiceLinks: true,
    preemptionPolicy: 'PreemptLowerPriority',
    ...spec,
    containers: ((spec.containers ?? []) as readonly Json[]).map((container) => ({
      resources: {},
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      imagePullPolicy: 'IfNotPresent',
      ...container,
    })),
    tolerations: [...tolerations, ...added],
  };
}

function nodeDefaults(object: ApiObject): ApiObject {
  return { ...object, spec: recordAt(object, 'spec'), status: recordAt(object, 'status') };
}

function namespaceDefaults(object: ApiObject): ApiObject {
  const { metadata } = object;
  const labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
  return {
    ...object,
    metadata: { ...metadata, labels },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
}

const workloadDefaults =
  (more: Json = {}): Fill =>
  (object) => ({ ...object, spec: { ...more, ...recordAt(object, 'spec') }, status: {} });

function budgetDefaults(object: ApiObject): ApiObject {
  const status = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  return { ...object, status };
}

function definitionDefaults(object: ApiObject, now: number): ApiObject {
  const spec = recordAt(object, 'spec');
  const names = recordAt(spec, 'names');
  const lastTransitionTime = timestamp(now);
  return {
    ...object,
    spec: { conversion: { strategy: 'None' }, ...spec, names: { listKind: `${String(names.kind)}List`, ...names } },
    status: {
      acceptedNames: names,
      storedVersions: (spec.versions as readonly { name: string }[] | undefined)?.map(({ name }) => name) ?? [],
      conditions: [
        {
          type: 'NamesAccepted',
          status: 'True',
          lastTransitionTime,
          reason: 'NoConflicts',
          message: 'no conflicts found',
        },
        {
          type: 'Established',
          status: 'True',
          lastTransitionTime,
          reason: 'InitialNamesAccepted',
          message: 'the initial names have been accepted',
        },
      ],
    },
  };
}

function webhookDefaults(object: ApiObject): ApiObject {
  const webhooks = ((object.webhooks ?? []) as readonly Json[]).map((webhook) => ({
    failurePolicy: 'Fail',
    matchPolicy: 'Equivalent',
    namespaceSelector: {},
    objectSelector: {},
    timeoutSeconds: 10,
    ...webhook,
    rules: ((webhook.rules ?? []) as readonly Json[]).map((rule) => ({ scope: '*', ...rule })),
  }));
  return { ...object, webhooks };
}

const DEFAULTS: ReadonlyMap<Kind, Fill> = new Map<Kind, Fill>([
  [POD, podDefaults],
  [NODE, nodeDefaults],
  [NAMESPACE, namespaceDefaults],
  [DEPLOYMENT, workloadDefaults({ replicas: 1 })],
  [REPLICA_SET, workloadDefaults({ replicas: 1 })],
  [DAEMON_SET, workloadDefaults()],
  [BUDGET, budgetDefaults],
  [DEFINITION, definitionDefaults],
  [WEBHOOKS, webhookDefaults],
]);
