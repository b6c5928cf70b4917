import { isFinished, type NodePod, podsToEvict } from '../../../testkit/nodes.ts';
import type { Queue } from '../model.ts';
import { ask, type UnderWay } from '../under-way.ts';

/** Looks at the node again and again, and keeps asking for each instance on it. Over when none is left. */
export async function evictFromQueue(drain: UnderWay, way: Queue): Promise<void> {
  const { client, clock, node } = drain;
  const over = new AbortController();
  const signal = AbortSignal.any([drain.signal, over.signal]);
  /** By UID: each instance is tried by one at a time. */
  const queue = new Map<string, Promise<void>>();
  try {
    for (;;) {
      const pods = (await podsToEvict(client, node, signal)).filter((pod) => !isFinished(pod));
      if (pods.length === 0) return;
      for (const pod of pods) {
        const { uid, terminating } = pod;
        if (terminating || queue.has(uid)) continue;
        const dropped = keepAsking({ ...drain, signal }, way, pod).finally(() => queue.delete(uid));
        // What is under way when the drain ends is broken off.
        dropped.catch(() => undefined);
        queue.set(uid, dropped);
      }
      await clock.sleep(way.lookEveryMs, signal);
    }
  } finally {
    over.abort(new Error('the drain is over'));
    await Promise.allSettled(queue.values());
  }
}

/** Resolves when the pod is evicted or dropped. */
async function keepAsking(drain: UnderWay, { leastBackoffMs, mostBackoffMs }: Queue, pod: NodePod): Promise<void> {
  for (let backoffMs = leastBackoffMs; ; backoffMs = Math.min(2 * backoffMs, mostBackoffMs)) {
    const { meaning } = await ask(drain, pod, backoffMs);
    if (meaning === 'gone') return;
    await drain.clock.sleep(backoffMs, drain.signal);
  }
}
