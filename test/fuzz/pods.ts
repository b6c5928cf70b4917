import type { JsonObject } from '../../src/kube/client.ts';
import { aRawPod, markedBy, RESCHEDULE } from '../support/raw.ts';

/** What the decision table says of a pod's eviction by name, asked for in earnest by somebody who is not exempt. */
export type Lot = 'mark' | 'wait' | 'ending' | 'finished' | 'allow';

export interface WorldPod {
  readonly name: string;
  readonly uid: string;
  readonly lot: Lot;
  readonly raw: JsonObject;
}

const PAST = '2026-01-01T11:59:00Z';

/** The pods of the fuzzed world, one for each lot that a pod can have; all of them in the namespace db. */
export const PODS: readonly WorldPod[] = [
  pod('cb-0000', 'uid-a', 'mark', {}),
  pod('cb-0001', 'uid-marked', 'wait', {
    metadata: { annotations: { [RESCHEDULE]: 'true' }, managedFields: markedBy('reschedule-hook', PAST) },
  }),
  pod('cb-0002', 'uid-ending', 'ending', { metadata: { deletionTimestamp: PAST, deletionGracePeriodSeconds: 30 } }),
  pod('cb-0003', 'uid-finished', 'finished', { status: { phase: 'Failed' } }),
  pod('web-0', 'uid-web', 'allow', { metadata: { labels: { app: 'web' }, ownerReferences: [] } }),
  pod('backup-1', 'uid-job', 'allow', {
    metadata: { ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'backup', controller: true }] },
  }),
];

function pod(name: string, uid: string, lot: Lot, raw: NonNullable<Parameters<typeof aRawPod>[0]>): WorldPod {
  return { name, uid, lot, raw: aRawPod({ ...raw, metadata: { name, uid, ...raw.metadata } }) };
}
