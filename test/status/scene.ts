import type { ReportOptions } from '../../src/status/report.ts';
import { MINUTE, NOW, SETTINGS } from '../support/builders.ts';
import { aCache } from '../support/cache.ts';
import { aRawCluster, aRawNode, aRawPod, markedBy, RESCHEDULE } from '../support/raw.ts';

const ago = (ms: number) => new Date(NOW - ms).toISOString();

const SCHEDULED = { type: 'PodScheduled' };
const CORDON = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule', timeAdded: ago(30 * MINUTE) };

interface Member {
  readonly uid?: string;
  readonly node?: string;
  readonly markedMs?: number;
  readonly by?: string;
  readonly deleting?: boolean;
  readonly boundMs?: number;
  readonly unschedulableMs?: number;
}

export function member(
  name: string,
  { uid = `uid-${name}`, node, markedMs, by = 'reschedule-hook', deleting, boundMs, unschedulableMs }: Member = {},
) {
  return aRawPod({
    metadata: {
      name,
      uid,
      ...(markedMs === undefined
        ? {}
        : { annotations: { [RESCHEDULE]: 'true' }, managedFields: markedBy(by, ago(markedMs)) }),
      ...(deleting ? { deletionTimestamp: ago(0) } : {}),
    },
    spec: { nodeName: node },
    status: {
      conditions: [
        ...(boundMs === undefined ? [] : [{ ...SCHEDULED, status: 'True', lastTransitionTime: ago(boundMs) }]),
        ...(unschedulableMs === undefined
          ? []
          : [{ ...SCHEDULED, status: 'False', message: '0/3 nodes', lastTransitionTime: ago(unschedulableMs) }]),
      ],
    },
  });
}

const entry = (uid: string, node: string, ms: number) => JSON.stringify({ uid, node, at: ago(ms) });

/**
 * A drain of node-1 under way: one member stalls, one has just come back elsewhere, one is not scheduled yet, and
 * one comes back to node-1 itself. */
export const ENTRIES = {
  'reschedule.hook/db.cb-0000': entry('uid-cb-0000', 'node-1', 20 * MINUTE),
  'reschedule.hook/db.cb-0001': entry('uid-old', 'node-1', 22 * MINUTE),
  'reschedule.hook/db.cb-0002': entry('uid-older', 'node-1', 25 * MINUTE),
  'reschedule.hook/db.cb-0004': JSON.stringify({ uid: 'uid-before', node: 'node-1', at: ago(5 * MINUTE), returns: 1 }),
};

export const PODS = [
  member('cb-0000', { node: 'node-1', markedMs: 20 * MINUTE }),
  member('cb-0001'),
  member('cb-0002', { node: 'node-2' }),
  member('cb-0003', { node: 'node-1', markedMs: 30_000, by: 'kubectl-annotate' }),
  member('cb-0004', { node: 'node-1', boundMs: 4 * MINUTE }),
  member('cb-0005', { node: 'node-1' }),
];

export const NODES = [
  aRawNode({ spec: { unschedulable: true, taints: [CORDON] } }),
  aRawNode({ metadata: { name: 'node-2' } }),
  aRawNode({ metadata: { name: 'node-3' }, spec: { taints: [{ key: 'karpenter.sh/disrupted' }] } }),
];

export const CLUSTERS = [aRawCluster({ metadata: { annotations: ENTRIES }, spec: { paused: true } })];

/** What the policy answers for cb-0005. */
const HELD =
  'Pod waiting to be rescheduled (reschedule.hook/policy on Namespace db says hold, so nobody is asked to move it)';

export const aDrain = () => aCache({ pods: PODS, nodes: NODES, trackers: CLUSTERS });

export const OPTIONS: ReportOptions = {
  settings: SETTINGS,
  installation: 'reschedule-hook',
  settingsFrom: 'Deployment reschedule-hook-system/reschedule-hook-server',
  now: NOW,
  rivals: [],
  unmarked: new Map([['uid-cb-0005', { reason: 'Held', why: HELD }]]),
};
