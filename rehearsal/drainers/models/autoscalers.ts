import type { DrainerModel } from '../model.ts';

const ACTUATION = 'kubernetes/autoscaler cluster-autoscaler 1.34: core/scaledown/actuation/drain.go';
const FLAGS = 'kubernetes/autoscaler cluster-autoscaler 1.34: config/flags/flags.go';
const TERMINATOR = 'kubernetes-sigs/karpenter main: pkg/controllers/node/termination/terminator';

/** Before 1.34, or with `--cordon-node-before-terminating=false`. */
export const CLUSTER_AUTOSCALER: DrainerModel = {
  name: 'cluster-autoscaler',
  title: 'cluster-autoscaler',
  voice: 'scaler',
  claims: [
    { what: 'taints the node, lists its pods once, and asks for all of them at the same time', source: ACTUATION },
    { what: 'asks again 10 s after any refusal but a 404, for 2 min (`--max-pod-eviction-time`)', source: FLAGS },
    {
      what: 'counts a 404 as evicted, and looks in the end, by name, whether the pods have left the node',
      source: ACTUATION,
    },
    { what: 'takes its marks away when it has failed', source: ACTUATION },
  ],
  leavesOut: [
    '`gracePeriodSeconds` of its evictions',
    'pods in groups by priority',
    'it does not begin where it thinks that a pod cannot move',
  ],
  marks: [{ taint: 'ToBeDeletedByClusterAutoscaler' }],
  body: { version: 'policy/v1beta1', hasNamespace: true, hasUid: false },
  answers: { 404: 'gone', 409: 'again', 429: 'again', other: 'again' },
  // They may take their grace, at most 10 min, and 30 s.
  way: { kind: 'patient', retryAfterMs: 10_000, looks: { by: 'node', everyMs: 5_000, withinMs: 630_000 } },
  limit: { afterMs: 120_000, covers: 'evictions', atEnd: 'fails', raise: '`--max-pod-eviction-time`' },
  rollsBack: true,
  tells: { where: 'its log; its Events name no reason', refusal: 'Failed to evict pod {pod}, error: {answer}' },
  afterwards: 'deletes the machine',
};

export const KARPENTER: DrainerModel = {
  name: 'karpenter',
  title: 'Karpenter',
  voice: 'karpenter',
  claims: [
    {
      what: 'taints the node and does not cordon it; looks at it every second until no pod is left',
      source: TERMINATOR,
    },
    { what: 'names the instance that it means, and no namespace, in the body', source: TERMINATOR },
    { what: 'drops a pod after a 404 or a 409', source: TERMINATOR },
    {
      what: 'asks again after any other refusal: after 0.1 s, then twice as long each time, 10 s at most',
      source: TERMINATOR,
    },
  ],
  leavesOut: ['its DaemonSet pods and critical pods, which come last', 'the limit of its queue over all nodes'],
  marks: [{ taint: 'karpenter.sh/disrupted' }],
  body: { version: 'policy/v1', hasNamespace: false, hasUid: true },
  answers: { 404: 'gone', 409: 'gone', 429: 'again', other: 'again' },
  way: { kind: 'queue', lookEveryMs: 1_000, leastBackoffMs: 100, mostBackoffMs: 10_000 },
  tells: {
    where: 'Events of the pod and of the node, without the words of the hook',
    refusal: 'evicting pod violates a PDB: {namespace}/{pod}',
  },
  afterwards: 'deletes the machine',
};

export const AUTOSCALERS: readonly DrainerModel[] = [
  {
    ...CLUSTER_AUTOSCALER,
    name: 'cluster-autoscaler-1.34',
    title: 'cluster-autoscaler 1.34 and later',
    claims: [...CLUSTER_AUTOSCALER.claims, { what: 'cordons the node, too', source: FLAGS }],
    marks: [...CLUSTER_AUTOSCALER.marks, 'cordon'],
  },
  { ...CLUSTER_AUTOSCALER, title: 'cluster-autoscaler' },
  KARPENTER,
  {
    ...KARPENTER,
    name: 'karpenter-limit',
    title: 'Karpenter with `terminationGracePeriod: 1h`',
    claims: [
      ...KARPENTER.claims,
      { what: 'deletes what is left when `terminationGracePeriod` ends', source: `${TERMINATOR}/terminator.go` },
    ],
    leavesOut: [...KARPENTER.leavesOut, 'each pod is deleted earlier by its own grace'],
    limit: {
      afterMs: 3_600_000,
      covers: 'drain',
      atEnd: 'deletes',
      raise: '`terminationGracePeriod` of the NodePool: leave it out, or make it long',
    },
  },
];
