import assert from 'node:assert/strict';
import { nodePath, podPath } from '../../../src/kube/paths.ts';
import { entryKey } from '../../../src/policy/entry.ts';
import { workerNode } from '../../../testkit/control-plane/nodes.ts';
import { COUCHBASE_CLUSTER, resourcePath } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { createPod } from '../../../testkit/couchbase/workload.ts';
import { viewPod } from '../../../testkit/pods.ts';
import type { Answer } from './answer.ts';
import type { Rig } from './rig.ts';
import { MERGE_PATCH, RESCHEDULE, type Ward } from './ward.ts';

/** A name that is asked about, and which answers about it are right. */
export interface Subject {
  readonly pod: string;
  isRight(answer: Answer): boolean;
  /** Whether this is the answer of a hook that is in no doubt. */
  isClear(answer: Answer): boolean;
}

/**
 * Names about which a hook that is cut off could say something wrong. (Of pods that wait on a draining node it cannot,
 * whatever happens.) Each has one right answer, and doubt.
 */
export interface Witnesses {
  readonly subjects: readonly Subject[];
  /** The one that has moved to a node that is not draining, until `cordon`. Absent where there is nothing to keep its entry. */
  readonly successor?: Subject;
  /** Cordons the node of the successor: it has to move again, and whatever the cache knows of that node is out of date. */
  cordon(): Promise<void>;
  /** Whether it was asked about the successor after that node had been cordoned. */
  wasAskedAfterCordon(answers: readonly Answer[]): boolean;
  /** Asserts that the pod which is none of the hook's was not marked. */
  assertUnmarked(): Promise<void>;
}

const isDoubt = ({ code, message }: Answer) =>
  code === 429 && /^Pod waiting to be rescheduled \((?!marked\b|it came back\b)/.test(message);

let rounds = 0;

/** `successor: false` where there is no tracking resource, or none that stays. */
export async function callWitnesses(rig: Rig, ward: Ward, { successor = true } = {}): Promise<Witnesses> {
  const { client } = rig;
  const { namespace } = ward;
  const round = ++rounds;
  const [moved, absent, unselected] = [`moved-${round}`, `absent-${round}`, `unselected-${round}`];
  const node = `${namespace}-moved-${round}`;
  let cordonBegan = Number.POSITIVE_INFINITY;
  let cordonedAt = Number.POSITIVE_INFINITY;

  const isMoved = ({ code, message }: Answer) =>
    code === 404 && /^Pod has been rescheduled with the same name/.test(message);
  const isGone = ({ code, message }: Answer) => code === 404 && message === 'Pod has been rescheduled';
  const subjects: Subject[] = [
    { pod: absent, isRight: (answer) => isGone(answer) || isDoubt(answer), isClear: isGone },
    {
      pod: unselected,
      isRight: (answer) => answer.code === 200 || isDoubt(answer),
      isClear: ({ code }) => code === 200,
    },
  ];
  const theMoved: Subject = {
    pod: moved,
    isRight(answer) {
      if (answer.askedAt >= cordonedAt) return answer.code === 429;
      const isRightBefore = isMoved(answer) || isDoubt(answer);
      return answer.answeredAt <= cordonBegan ? isRightBefore : isRightBefore || answer.code === 429;
    },
    isClear: (answer) => (answer.askedAt >= cordonedAt ? answer.code === 429 && !isDoubt(answer) : isMoved(answer)),
  };

  await createPod(client, { namespace, name: unselected, node: ward.node, labels: { app: 'something-else' } });
  if (successor) {
    // First the entry and the node: what is asked about is never without them.
    const entry = { uid: 'an-earlier-instance', node: ward.node, at: new Date().toISOString() };
    const metadata = { annotations: { [entryKey(namespace, moved)]: JSON.stringify(entry) } };
    const path = resourcePath(COUCHBASE_CLUSTER, namespace, 'cb');
    await client.json({ method: 'PATCH', path, contentType: MERGE_PATCH, body: { metadata } });
    await client.json({ method: 'POST', path: '/api/v1/nodes', body: workerNode(node) });
    await createPod(client, { namespace, name: moved, node, labels: { app: 'couchbase', couchbase_cluster: 'cb' } });
    subjects.push(theMoved);
  }
  return {
    subjects,
    ...(successor ? { successor: theMoved } : {}),
    async cordon() {
      cordonBegan = performance.now();
      const body = { spec: { unschedulable: true } };
      await client.json({ method: 'PATCH', path: nodePath(node), contentType: MERGE_PATCH, body });
      cordonedAt = performance.now();
    },
    wasAskedAfterCordon: (answers) => answers.some(({ pod, askedAt }) => pod === moved && askedAt >= cordonedAt),
    async assertUnmarked() {
      const { annotations } = viewPod(await client.json({ method: 'GET', path: podPath(namespace, unselected) }));
      assert.equal(annotations[RESCHEDULE], undefined, `${unselected} is none of the hook's, and was marked`);
    },
  };
}
