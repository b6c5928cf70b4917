import type { DrainerModel, Patient } from '../model.ts';

const LIBRARY = 'kubernetes/kubectl 0.36: pkg/drain/drain.go';
const MINUTE = 60_000;

const WAY: Patient = {
  kind: 'patient',
  retryAfterMs: 5_000,
  looks: { by: 'uid', everyMs: 1_000 },
  // That of client-go, which none of them changes.
  rate: { perSecond: 5, burst: 10 },
};

/** What all do that drain by kubectl's library. */
const BY_LIBRARY = {
  marks: ['cordon'],
  body: { version: 'policy/v1', hasNamespace: true, hasUid: false },
  answers: { 404: 'gone', 409: 'fails', 429: 'again', other: 'fails', waitsForNamespace: true },
  way: WAY,
} satisfies Partial<DrainerModel>;
const REFUSAL = 'error when evicting pods/"{pod}" -n "{namespace}" (will retry after {retry}s): {answer}';

const SHARED = [
  { what: 'lists the pods of the node once, and asks for all of them at the same time, by name', source: LIBRARY },
  { what: 'takes a 404 for the end of a pod without a look at the node', source: LIBRARY },
  { what: 'gives a pod up at any other refusal than 429; the others go on, and the drain fails', source: LIBRARY },
];

/** `kubectl drain --ignore-daemonsets --delete-emptydir-data` of 0.35 and later, for where there is no kubectl. */
export const KUBECTL: DrainerModel = {
  ...BY_LIBRARY,
  name: 'kubectl-like',
  title: 'kubectl drain',
  voice: 'kubectl',
  claims: [...SHARED, { what: 'asks again 5 s after a 429, for ever', source: LIBRARY }],
  leavesOut: [
    'pods are looked up again after a 429 only since 0.35; before, an eviction that comes late waits for another UID',
  ],
  way: { ...WAY, needsControllers: true },
  tells: { where: 'its terminal', refusal: REFUSAL },
  afterwards: 'its user does what the node was drained for',
};

const KURED = 'kubereboot/kured main: internal/k8soperations/drain.go';

const KURED_MODEL: DrainerModel = {
  ...BY_LIBRARY,
  name: 'kured',
  title: 'kured 1.22 and later',
  voice: 'kured',
  claims: [
    ...SHARED,
    { what: 'sets no pause between two tries, so that only the limit of its client slows it down', source: KURED },
  ],
  leavesOut: ['its lock, its windows and what it labels', '`--drain-timeout`, which is off by default'],
  way: { ...WAY, retryAfterMs: 0 },
  tells: { where: 'the log of its pod on that node', refusal: REFUSAL },
  afterwards: 'reboots the node',
};

export const LIBRARY_DRAINERS: readonly DrainerModel[] = [
  KURED_MODEL,
  {
    ...KURED_MODEL,
    name: 'kured-1.21',
    title: 'kured up to 1.21',
    claims: [
      ...SHARED,
      { what: 'waits for the 5 s of the library of that time', source: 'kubereboot/kured 1.21: go.mod' },
    ],
    way: WAY,
  },
  {
    ...BY_LIBRARY,
    name: 'kured-timeout',
    title: 'kured up to 1.21 with `drainTimeout: 1h`',
    voice: 'kured',
    claims: [...SHARED, { what: 'gives up after its `--drain-timeout`', source: KURED }],
    leavesOut: ['it tries again at its next look for a reboot, and reboots all the same with `--force-reboot`'],
    limit: {
      afterMs: 60 * MINUTE,
      covers: 'drain',
      atEnd: 'fails',
      raise: '`--drain-timeout` (`drainTimeout` of its chart), 0 for none',
    },
    tells: { where: 'the log of its pod on that node', refusal: REFUSAL },
    afterwards: 'reboots the node',
  },
  {
    ...BY_LIBRARY,
    name: 'aws-nth',
    title: 'AWS Node Termination Handler',
    voice: 'nth',
    claims: [
      ...SHARED,
      {
        what: 'puts a taint `aws-node-termination-handler/*` on the node, if that is on, and cordons it',
        source: 'aws/aws-node-termination-handler main: pkg/node/node.go',
      },
      {
        what: 'gives up after its `--node-termination-grace-period`, 120 s by default',
        source: 'aws/aws-node-termination-handler main: pkg/node/node.go, pkg/config/config.go',
      },
    ],
    leavesOut: [
      'the machine ends when its cloud says so: 2 min after the notice of a spot instance, whatever the drain does',
      'it begins anew with the next message, if it reads a queue',
    ],
    limit: {
      afterMs: 2 * MINUTE,
      covers: 'drain',
      atEnd: 'fails',
      raise: '`--node-termination-grace-period` (`nodeTerminationGracePeriod` of its chart)',
    },
    marks: [{ taint: 'aws-node-termination-handler/scheduled-maintenance' }, 'cordon'],
    tells: { where: 'the log of its pod', refusal: REFUSAL },
    afterwards: 'lets the cloud end the machine',
  },
  {
    ...BY_LIBRARY,
    name: 'openshift-mco',
    title: 'OpenShift Machine Config Operator',
    voice: 'mco',
    claims: [
      ...SHARED,
      {
        what: 'tries for 90 s, waits for a minute, and for 5 min once it has failed for 10 min; it never forces',
        source: 'openshift/machine-config-operator main: pkg/controller/drain/drain_controller.go',
      },
    ],
    leavesOut: ['other nodes that wait for the same worker', 'its alert after an hour'],
    way: {
      ...WAY,
      window: { limitMs: 90_000, pauseMs: MINUTE, slowAfterMs: 10 * MINUTE, slowPauseMs: 5 * MINUTE },
    },
    tells: { where: 'the log of machine-config-controller; the alert comes after an hour', refusal: REFUSAL },
    afterwards: 'reboots the node',
  },
  {
    ...BY_LIBRARY,
    name: 'medik8s-nmo',
    title: 'medik8s Node Maintenance Operator',
    voice: 'nmo',
    claims: [
      ...SHARED,
      {
        what: 'taints and cordons, tries for 30 s, and begins anew after 5 s',
        source: 'medik8s/node-maintenance-operator main: controllers/nodemaintenance_controller.go, taint.go',
      },
    ],
    leavesOut: ['its lease', 'a version that sets no pause between two tries, as kured does'],
    marks: [{ taint: 'medik8s.io/drain' }, 'cordon'],
    way: { ...WAY, window: { limitMs: 30_000, pauseMs: 5_000 } },
    tells: { where: 'its log, and `status.lastError` of the NodeMaintenance', refusal: REFUSAL },
    afterwards: 'reports that the node is in maintenance',
  },
];
