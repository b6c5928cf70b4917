import type { PodRecord, RehearsalRecord } from '../../../rehearsal/evidence/record.ts';

/** A safe rehearsal: `drained` members of `members` are on node-1 and are moved in place, one after the other. */
export function aRecord(
  { nodes = 3, members = 3, drained = 1 } = {},
  over: Partial<RehearsalRecord> = {},
): RehearsalRecord {
  const periodMs = 10_000;
  const durationMs = drained * periodMs + 20_000;
  const pods = Array.from({ length: members }, (_, i) => aMember(i, i < drained ? 1 : 2 + (i % (nodes - 1))));
  const movedPods = pods.slice(0, drained).flatMap((pod, i) => moved(pod, i, periodMs, 2 + (i % (nodes - 1))));
  const points = movedPods.flatMap(({ goneMs }) =>
    goneMs === undefined
      ? []
      : [
          { afterMs: goneMs, ready: members - 1, wanted: members },
          { afterMs: goneMs + 3_000, ready: members, wanted: members },
        ],
  );
  return {
    format: 1,
    scenario: { name: 'in-place', title: 'A drain', about: 'A node is drained.' },
    startedAt: '2026-01-02T03:04:05.678Z',
    durationMs,
    versions: { Kubernetes: 'v1.36.3' },
    holds: true,
    checks: [
      { what: 'no pod was evicted', holds: true, problems: [] },
      { what: 'the drain ended', holds: true, problems: [] },
    ],
    figures: [{ what: 'pods moved', value: `${drained} of ${drained}` }],
    drains: [
      { node: 'node-1', drainer: 'kubectl drain', beganMs: 0, endedMs: durationMs - 5_000, result: 'exit code 0' },
    ],
    nodes: Array.from({ length: nodes }, (_, i) => ({
      name: `node-${i + 1}`,
      cordons: i === 0 ? [{ fromMs: 200 }] : [],
    })),
    pods: [...movedPods, ...pods.slice(drained), aPlainPod()],
    availability: [{ cluster: 'cb', points: [{ afterMs: 0, ready: members, wanted: members }, ...points] }],
    log: [
      { afterMs: 200, who: 'kubectl', what: 'node/node-1 cordoned' },
      ...movedPods.flatMap(({ name, uid, node, goneMs = 0, marks }) =>
        marks.marked === undefined
          ? []
          : [
              { afterMs: 400, who: 'hook', what: 'Pod marked for rescheduling', level: 'info', pod: name, uid },
              {
                afterMs: 5_000,
                who: 'hook',
                what: 'Pod waiting',
                pod: name,
                repeatedMs: marks.refused?.slice(1) ?? [],
              },
              { afterMs: goneMs, who: 'operator', what: 'deleted', pod: name, uid, ...(node ? { node } : {}) },
            ],
      ),
    ].sort((a, b) => a.afterMs - b.afterMs),
    ...over,
  };
}

function aMember(index: number, node: number): PodRecord {
  const name = `cb-${String(index).padStart(4, '0')}`;
  return {
    namespace: 'db',
    name,
    uid: `${name}-first`,
    node: `node-${node}`,
    cluster: 'cb',
    createdMs: -9_000,
    readyMs: -8_000,
    marks: {},
  };
}

/** The instance that has to go, and the one that takes its name. */
function moved(pod: PodRecord, turn: number, periodMs: number, node: number): PodRecord[] {
  const goneMs = (turn + 1) * periodMs;
  const refused = Array.from({ length: Math.floor(goneMs / 5_000) }, (_, i) => (i + 1) * 5_000);
  return [
    {
      ...pod,
      goneMs,
      marks: { marked: [400], refused, stalled: [6_000], deleted: [goneMs], released: [goneMs + 1_000] },
    },
    {
      ...pod,
      uid: `${pod.name}-second`,
      node: `node-${node}`,
      createdMs: goneMs + 2_000,
      readyMs: goneMs + 3_000,
      marks: { created: [goneMs + 2_000], pruned: [goneMs + 8_000] },
    },
  ];
}

function aPlainPod(): PodRecord {
  const { cluster: _, ...rest } = aMember(900, 2);
  return { ...rest, name: 'web-1', uid: 'web-uid' };
}
