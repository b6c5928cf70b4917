import type { ApiClient } from '../../src/kube/client.ts';
import { evict, isFinished, type NodePod, podsToEvict, taint } from '../../testkit/nodes.ts';
import { type Attempt, attempt } from './attempt.ts';
import { type DrainerClock, REAL_CLOCK } from './clock.ts';
import type { Drainer } from './drainer.ts';

export interface KarpenterLikeOptions {
  /** Between two looks at the node. Default 1 s. */
  readonly lookEveryMs?: number;
  /** After the first refusal of a pod; twice as long after each further one. Default 0.1 s. */
  readonly leastBackoffMs?: number;
  /** Default 10 s. */
  readonly mostBackoffMs?: number;
  readonly clock?: DrainerClock;
}

const TAINT = 'karpenter.sh/disrupted';

/**
 * Drains as Karpenter does: taints and does not cordon, names the instance that it means, leaves the namespace out of the
 * body. A pod that is gone, or is another one (404, 409), is dropped. The node is looked at again and again, and the drain
 * is over when no pod is left on it.
 */
export function karpenterLikeDrainer(client: ApiClient, options: KarpenterLikeOptions = {}): Drainer {
  const wanted = { lookEveryMs: 1_000, leastBackoffMs: 100, mostBackoffMs: 10_000, clock: REAL_CLOCK, ...options };
  return {
    name: 'built-in, like Karpenter',
    voice: 'karpenter',
    drain: (request) => attempt(request, (one) => drain(client, wanted, one)),
  };
}

async function drain(client: ApiClient, options: Required<KarpenterLikeOptions>, one: Attempt): Promise<number> {
  const { node } = one;
  const over = new AbortController();
  const signal = AbortSignal.any([one.signal, over.signal]);
  /** By UID: each instance is tried by one at a time. */
  const queue = new Map<string, Promise<void>>();
  try {
    await taint(client, node, TAINT, signal);
    for (;;) {
      const pods = (await podsToEvict(client, node, signal)).filter((pod) => !isFinished(pod));
      if (pods.length === 0) return 0;
      for (const pod of pods) {
        const { uid, terminating } = pod;
        if (terminating || queue.has(uid)) continue;
        const dropped = keepEvicting(client, options, { ...one, signal }, pod).finally(() => queue.delete(uid));
        // What is under way when the drain ends is broken off.
        dropped.catch(() => undefined);
        queue.set(uid, dropped);
      }
      await options.clock.sleep(options.lookEveryMs, signal);
    }
  } finally {
    over.abort(new Error('the drain is over'));
    await Promise.allSettled(queue.values());
  }
}

/** Resolves when the pod is evicted or dropped. */
async function keepEvicting(
  client: ApiClient,
  { leastBackoffMs, mostBackoffMs, clock }: Required<KarpenterLikeOptions>,
  { signal, say }: Attempt,
  pod: NodePod,
): Promise<void> {
  const { namespace, name, uid } = pod;
  const deleteOptions = { preconditions: { uid } };
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, deleteOptions };
  for (let backoffMs = leastBackoffMs; ; backoffMs = Math.min(2 * backoffMs, mostBackoffMs)) {
    const { code, text } = await evict(client, pod, body, signal);
    say(`evicting pod ${namespace}/${name}: ${text}`);
    if ([201, 404, 409].includes(code)) return;
    await clock.sleep(backoffMs, signal);
  }
}
