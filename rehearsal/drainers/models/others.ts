import type { DrainerModel } from '../model.ts';

const DRAINO = 'planetlabs/draino main: internal/kubernetes/drainer.go';
const BODY = { version: 'policy/v1', hasNamespace: true, hasUid: false } as const;
const AGAIN = { 404: 'again', 409: 'again', 429: 'again', other: 'again' } as const;

export const OTHERS: readonly DrainerModel[] = [
  {
    name: 'draino',
    title: 'draino',
    voice: 'draino',
    claims: [
      {
        what: 'cordons, lists the pods once, and asks for all at the same time; 5 s after a 429 again',
        source: DRAINO,
      },
      { what: 'ends the drain at any other refusal; a 404 is the end of a pod', source: DRAINO },
      {
        what: 'gives up after its grace and its headroom: 8.5 min',
        source: 'planetlabs/draino main: cmd/draino/draino.go',
      },
    ],
    leavesOut: ['`gracePeriodSeconds` of its evictions', '`allowForceDelete`, which is off by default'],
    marks: ['cordon'],
    body: { ...BODY, version: 'policy/v1beta1' },
    answers: { 404: 'gone', 409: 'aborts', 429: 'again', other: 'aborts' },
    way: { kind: 'patient', retryAfterMs: 5_000, looks: { by: 'uid', everyMs: 1_000, withinMs: 1_440_000 } },
    limit: {
      afterMs: 510_000,
      covers: 'drain',
      atEnd: 'fails',
      raise: '`--max-grace-period` and `--eviction-headroom`',
    },
    tells: {
      where: 'its log, without the words of the hook',
      refusal: 'Too many requests, retrying in {retry} seconds: {namespace}/{pod}',
    },
    afterwards: 'leaves the node cordoned',
  },
  {
    name: 'descheduler',
    title: 'descheduler',
    voice: 'descheduler',
    claims: [
      {
        what: 'asks once a cycle for each pod that its strategies choose, and counts any refusal as an error, a 404 too',
        source: 'kubernetes-sigs/descheduler main: pkg/descheduler/evictions/evictions.go',
      },
      {
        what: 'has a cycle each 5 min if it runs as a Deployment',
        source: 'kubernetes-sigs/descheduler main: charts/descheduler/values.yaml',
      },
    ],
    leavesOut: [
      'all strategies but the one for pods that do not tolerate a taint of their node',
      'its limits of evictions',
      'evictions in the background',
    ],
    marks: [{ taint: 'example.com/maintenance', isSomebodyElses: true }],
    body: BODY,
    answers: AGAIN,
    way: { kind: 'pass', everyMs: 300_000, lists: 'each pass', trusts201: false },
    tells: { where: 'its log', refusal: 'Error evicting pod {namespace}/{pod} (ignoring): {answer}' },
    afterwards: 'goes on with its cycles',
  },
  {
    name: 'vpa',
    title: 'VPA updater',
    voice: 'vpa',
    claims: [
      {
        what: 'asks once a cycle for each pod whose requests are to change, and tries again in the next one',
        source: 'kubernetes/autoscaler vertical-pod-autoscaler main: pkg/updater/logic/updater.go',
      },
      {
        what: 'has a cycle each minute',
        source: 'kubernetes/autoscaler vertical-pod-autoscaler main: pkg/updater/main.go',
      },
    ],
    leavesOut: [
      'how it chooses pods: here all that the node has at the beginning',
      'its own limits, which protect the last replica',
      'updates in place',
    ],
    marks: [],
    body: BODY,
    answers: AGAIN,
    way: { kind: 'pass', everyMs: 60_000, lists: 'first', trusts201: false },
    tells: { where: 'its log', refusal: 'Eviction failed: pod {namespace}/{pod}: {answer}' },
    afterwards: 'goes on with its cycles',
  },
];
