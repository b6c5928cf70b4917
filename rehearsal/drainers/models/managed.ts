import type { DrainerModel } from '../model.ts';

const MINUTE = 60_000;
const BODY = { version: 'policy/v1', hasNamespace: true, hasUid: false } as const;

const EKS_PAGE = 'AWS, Amazon EKS user guide: managed-node-update-behavior';
const GKE_PAGE = 'Google, GKE documentation: standard cluster upgrades';
const AKS_PAGE = 'Microsoft, Azure API: drainTimeoutInMinutes of AgentPoolUpgradeSettings';

const EKS: DrainerModel = {
  name: 'eks',
  title: 'EKS managed node group',
  voice: 'eks',
  claims: [
    { what: 'taints the node, evicts its pods, and cordons it only when they have left', source: EKS_PAGE },
    { what: 'fails with `PodEvictionFailure` if pods have not left after 15 min', source: EKS_PAGE },
  ],
  leavesOut: [
    'how often it asks, which nobody has published: 5 s here',
    'what it does after any code but 429, which is not known: it asks again here',
  ],
  marks: [{ taint: 'eks.amazonaws.com/nodegroup=unschedulable' }],
  body: BODY,
  answers: { 404: 'gone', 409: 'again', 429: 'again', other: 'again' },
  guesses404: true,
  way: { kind: 'patient', retryAfterMs: 5_000, looks: { by: 'node', everyMs: 5_000 } },
  limit: {
    afterMs: 15 * MINUTE,
    covers: 'drain',
    atEnd: 'fails',
    raise: 'not to be raised: drain the nodes by kubectl, then update',
  },
  tells: {
    where: 'the errors of the update, without the words of the hook',
    refusal: 'PodEvictionFailure: pods could not be evicted: {pod}',
  },
  afterwards: 'ends the machine',
};

export const MANAGED: readonly DrainerModel[] = [
  EKS,
  {
    ...EKS,
    name: 'eks-force',
    title: 'EKS managed node group, forced update',
    claims: [...EKS.claims.slice(0, 1), { what: 'deletes the pods that have not left after 15 min', source: EKS_PAGE }],
    limit: {
      afterMs: 15 * MINUTE,
      covers: 'drain',
      atEnd: 'deletes',
      raise: 'not to be raised: do not force the update',
    },
  },
  {
    name: 'gke',
    title: 'GKE node upgrade',
    voice: 'gke',
    claims: [{ what: 'respects budgets for up to an hour, and then removes the pods', source: GKE_PAGE }],
    leavesOut: [
      'how it evicts, which nobody has published: it cordons, and asks every 5 s here',
      'blue-green upgrades, which have a limit of their own',
    ],
    marks: ['cordon'],
    body: BODY,
    answers: { 404: 'gone', 409: 'again', 429: 'again', other: 'again' },
    guesses404: true,
    way: { kind: 'patient', retryAfterMs: 5_000, looks: { by: 'node', everyMs: 5_000 } },
    limit: {
      afterMs: 60 * MINUTE,
      covers: 'drain',
      atEnd: 'deletes',
      raise: 'not to be raised for surge upgrades: drain the nodes by kubectl, then upgrade',
    },
    tells: {
      where: 'the operation of the upgrade; nobody has said whether with the words of the hook',
      refusal: 'pod {namespace}/{pod} is not evicted: {answer}',
    },
    afterwards: 'ends the machine',
  },
  {
    name: 'aks',
    title: 'AKS node pool upgrade',
    voice: 'aks',
    claims: [
      { what: 'waits for 30 min for the pods of a node, and then the upgrade fails', source: AKS_PAGE },
      { what: 'asks every 5 s after a 429', source: 'Azure/AKS#4720: the log of a webhook that was asked' },
      { what: 'ends within seconds if a webhook refuses with a code that is not 429', source: 'Azure/AKS#5637' },
    ],
    leavesOut: [
      'whether it takes the 404 of a webhook for a refusal, which would end the upgrade, or for a pod that is gone, which nobody has published: gone here',
    ],
    marks: ['cordon'],
    body: BODY,
    answers: { 404: 'gone', 409: 'aborts', 429: 'again', other: 'aborts' },
    guesses404: true,
    way: { kind: 'patient', retryAfterMs: 5_000, looks: { by: 'uid', everyMs: 5_000 } },
    limit: {
      afterMs: 30 * MINUTE,
      covers: 'drain',
      atEnd: 'fails',
      raise:
        "`drainTimeoutInMinutes` of the node pool's upgrade settings: `az aks nodepool update --drain-timeout 120`",
    },
    tells: {
      where: 'Events of the node, without the words of the hook',
      refusal: 'Eviction blocked by Too many Requests (usually a pdb): {pod}',
    },
    afterwards: 'replaces the machine',
  },
];
