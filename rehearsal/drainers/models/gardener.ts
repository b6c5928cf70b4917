import type { DrainerModel } from '../model.ts';

const DRAIN = 'gardener/machine-controller-manager main: pkg/util/provider/drain/drain.go';
const HOURS = 3_600_000;

const GARDENER = {
  voice: 'mcm',
  marks: ['cordon'],
  body: { version: 'policy/v1beta1', hasNamespace: true, hasUid: false },
  limit: {
    afterMs: 2 * HOURS,
    covers: 'drain',
    atEnd: 'deletes',
    raise: '`machineDrainTimeout` of the worker',
  },
  tells: {
    where: 'the log of machine-controller-manager',
    refusal: "Pod {namespace}/{pod} couldn't be evicted. This may also occur due to PDB violation: {answer}",
  },
  afterwards: 'deletes the machine',
} satisfies Partial<DrainerModel>;

const CLAIMS = [
  { what: 'cordons, lists the pods of the node once, and asks by name every 20 s', source: DRAIN },
  { what: 'deletes with grace 0 what is left after 360 tries, which is 2 h', source: DRAIN },
  { what: 'takes a 404 for the end of a pod without a look at the node', source: DRAIN },
];

const LEAVES_OUT = [
  'a disruption budget that never allows anything ends the drain at once',
  'volumes that are attached elsewhere',
];

export const GARDENER_DRAINERS: readonly DrainerModel[] = [
  {
    ...GARDENER,
    name: 'gardener-volumes',
    title: 'Gardener MCM, pods with volumes',
    claims: [
      ...CLAIMS,
      { what: 'asks for one after the other, and asks again after any refusal', source: DRAIN },
      { what: 'drops a refused pod whose UID has changed', source: DRAIN },
    ],
    leavesOut: [
      ...LEAVES_OUT,
      'its tries and `machineDrainTimeout` end together, so a pod may get no DELETE of its own: it goes with the machine',
    ],
    answers: { 404: 'gone', 409: 'again', 429: 'again', other: 'again' },
    way: { kind: 'pass', everyMs: 20_000, lists: 'once', trusts201: true },
  },
  {
    ...GARDENER,
    name: 'gardener',
    title: 'Gardener MCM, pods without volumes',
    claims: [
      ...CLAIMS,
      { what: 'asks for all at the same time, and gives a pod up at any other refusal than 429', source: DRAIN },
    ],
    leavesOut: LEAVES_OUT,
    answers: { 404: 'gone', 409: 'fails', 429: 'again', other: 'fails' },
    way: { kind: 'patient', retryAfterMs: 20_000, looks: { by: 'uid', everyMs: 5_000 } },
  },
];
