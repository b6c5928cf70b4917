import type { Instance } from '../../../rehearsal/evidence/pod-watch.ts';
import type { DrainSeen, Seen } from '../../../rehearsal/evidence/verdict.ts';
import { viewPod } from '../../../testkit/pods.ts';

export function aMember(name: string, uid: string, over: Partial<Instance> = {}): Instance {
  const metadata = { name, uid, labels: { app: 'couchbase', couchbase_server: 'true' } };
  return { ...viewPod({ metadata, spec: { nodeName: 'node-2' } }), isGone: false, ...over };
}

export const drain: DrainSeen = {
  node: 'node-1',
  drained: new Set(['old']),
  beganAt: 100,
  endedAt: 300,
  code: 0,
  isCut: false,
  heldFor: 1,
  left: [],
};

/** One pod moved in place from node-1 to node-2. */
export const safe: Seen = {
  drains: [drain],
  members: [aMember('cb-1', 'old', { node: 'node-1', isGone: true }), aMember('cb-1', 'new')],
  deletedAt: new Map([['old', 200]]),
  startedAt: 50,
  givenBack: new Set(),
  annotation: { key: 'move', value: 'true' },
  history: {
    responses: [
      { pod: 'cb-1', code: 429, text: 'Pod waiting to be rescheduled (marked)', from: 149, to: 150, sender: 'drainer' },
      { pod: 'cb-1', code: 404, text: 'Pod has been rescheduled', from: 290, to: 291, sender: 'drainer' },
    ],
    stays: [
      { uid: 'old', name: 'cb-1', node: 'node-1', from: 0, to: 201 },
      { uid: 'new', name: 'cb-1', node: 'node-2', from: 220, to: Infinity },
    ],
    drainings: [{ node: 'node-1', from: 101, to: Infinity }],
  },
};
