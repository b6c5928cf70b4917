import type { ApiClient } from '../../src/kube/client.ts';
import { cordon, evict, type NodePod, podsToEvict } from '../../testkit/nodes.ts';
import { type Attempt, attempt } from './attempt.ts';
import { type DrainerClock, REAL_CLOCK } from './clock.ts';
import type { Drainer } from './drainer.ts';

export interface ClusterApiLikeOptions {
  /** Between two passes. Default 20 s. */
  readonly everyMs?: number;
  /** No eviction is begun later in a pass. Default 10 s. */
  readonly passMs?: number;
  readonly clock?: DrainerClock;
}

/**
 * Drains as Cluster API 1.9 and later do: cordons, and evicts by name, one pod after the other, so many as fit into a pass. A
 * pass that leaves nothing to wait for ends the drain, and a 404 is nothing to wait for: nobody looks whether the pod is
 * still there.
 */
export function clusterApiLikeDrainer(client: ApiClient, options: ClusterApiLikeOptions = {}): Drainer {
  const wanted = { everyMs: 20_000, passMs: 10_000, clock: REAL_CLOCK, ...options };
  return {
    name: 'built-in, like Cluster API',
    voice: 'capi',
    drain: (request) => attempt(request, (one) => drain(client, wanted, one)),
  };
}

async function drain(client: ApiClient, options: Required<ClusterApiLikeOptions>, one: Attempt): Promise<number> {
  const { node, signal } = one;
  await cordon(client, node, signal);
  for (;;) {
    const left = await pass(client, options, one, await podsToEvict(client, node, signal));
    if (left === 0) return 0;
    await options.clock.sleep(options.everyMs, signal);
  }
}

/** Resolves to how many pods have to be looked at again. */
async function pass(
  client: ApiClient,
  { passMs, clock }: Required<ClusterApiLikeOptions>,
  { signal, say }: Attempt,
  pods: readonly NodePod[],
): Promise<number> {
  const endsAt = clock.now() + passMs;
  let left = 0;
  for (const pod of pods) {
    const { namespace, name, terminating } = pod;
    if (terminating || clock.now() >= endsAt) {
      left += 1;
      continue;
    }
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
    const { code, text } = await evict(client, pod, body, signal);
    say(`evicting pod ${namespace}/${name}: ${text}`);
    if (code !== 404) left += 1;
  }
  return left;
}
