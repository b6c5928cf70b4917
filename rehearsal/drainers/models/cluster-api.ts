import type { DrainerModel, Pass } from '../model.ts';

const DRAIN = 'kubernetes-sigs/cluster-api 1.9: internal/controllers/machine/drain/drain.go';
const MACHINE = 'kubernetes-sigs/cluster-api 1.9: internal/controllers/machine/machine_controller.go';
const HOUR = 3_600_000;
const AFTER_DRAIN = 'after `nodeDrainTimeoutSeconds` it asks no more';
const RAISE = '`nodeDrainTimeoutSeconds` of the Machine (before 1.11 `nodeDrainTimeout`), 0 for none';

const WAY: Pass = { kind: 'pass', everyMs: 20_000, mostMs: 10_000, lists: 'each pass', trusts201: false };

export const CLUSTER_API: DrainerModel = {
  name: 'cluster-api',
  title: 'Cluster API',
  voice: 'capi',
  claims: [
    { what: 'cordons, and asks by name for one pod after the other, for 10 s of each pass', source: DRAIN },
    { what: 'passes again after 20 s, until a pass leaves nothing to wait for', source: MACHINE },
    { what: 'has nothing to wait for after a 404, and does not look whether the pod is still there', source: DRAIN },
    { what: 'asks again in the next pass after any other refusal', source: DRAIN },
  ],
  leavesOut: [
    'versions before 1.9, which wait for a lost node',
    'the grace of a lost node',
    'the label `cluster.x-k8s.io/drain` of a pod, where there are no rules, and its value `wait-completed`',
  ],
  marks: ['cordon'],
  body: { version: 'policy/v1', hasNamespace: true, hasUid: false },
  answers: { 404: 'gone', 409: 'again', 429: 'again', other: 'again' },
  way: WAY,
  tells: {
    where: 'the condition `Deleting` of the Machine',
    refusal: 'Pod {namespace}/{pod}: failed to evict: {answer}',
  },
  afterwards: 'deletes the machine',
};

const RULES = 'kubernetes-sigs/cluster-api main: api/core/v1beta2/machinedrainrules_types.go';

/** With MachineDrainRules. */
export const clusterApiWith = (rules: NonNullable<Pass['rules']>): DrainerModel => ({
  ...CLUSTER_API,
  claims: [...CLUSTER_API.claims, { what: 'does what the first rule says that selects a pod', source: RULES }],
  way: { ...WAY, rules },
});

/**
 * About protected pods: all but those that a rehearsal puts beside them, which are drained as without rules. One rule for
 * the labels of each operator would say the same.
 */
const aboutProtected = (behavior: 'Skip' | 'WaitCompleted') =>
  clusterApiWith([
    { labels: { app: 'web' }, behavior: 'Drain' },
    { labels: {}, behavior },
  ]);

export const CLUSTER_API_DRAINERS: readonly DrainerModel[] = [
  CLUSTER_API,
  {
    ...CLUSTER_API,
    name: 'cluster-api-timeout',
    title: 'Cluster API with `nodeDrainTimeoutSeconds: 3600`',
    claims: [
      ...CLUSTER_API.claims,
      { what: `${AFTER_DRAIN}, and waits for ever until the volumes of the pods are detached`, source: MACHINE },
    ],
    leavesOut: [
      ...CLUSTER_API.leavesOut,
      'volumes of pods that a rule skips, for which it does not wait, and those of a lost node',
      '`machine.cluster.x-k8s.io/exclude-wait-for-node-volume-detach` of the Machine: it waits for no volume then',
    ],
    limit: { afterMs: HOUR, covers: 'drain', atEnd: 'waits', raise: RAISE },
  },
  {
    ...CLUSTER_API,
    name: 'cluster-api-timeouts',
    title: 'Cluster API with `nodeVolumeDetachTimeoutSeconds`, too',
    claims: [
      ...CLUSTER_API.claims,
      {
        what: `${AFTER_DRAIN}, and deletes the machine after \`nodeVolumeDetachTimeoutSeconds\`, whatever runs there`,
        source: MACHINE,
      },
    ],
    leavesOut: [
      ...CLUSTER_API.leavesOut,
      'the time for the volumes, which adds to that of the drain; where no pod has a volume, the first timeout is enough',
      'the machine goes at once, and its pods when their node has been missing for a minute',
    ],
    limit: {
      afterMs: HOUR,
      covers: 'drain',
      atEnd: 'deletes',
      raise: `${RAISE}; leave \`nodeVolumeDetachTimeoutSeconds\` out`,
    },
  },
  {
    ...aboutProtected('Skip'),
    name: 'cluster-api-skip',
    title: 'Cluster API with a MachineDrainRule `Skip`',
    afterwards: 'deletes the machine, and the pods that it passed over with it',
  },
  {
    ...aboutProtected('WaitCompleted'),
    name: 'cluster-api-wait',
    title: 'Cluster API with a MachineDrainRule `WaitCompleted`',
  },
];
