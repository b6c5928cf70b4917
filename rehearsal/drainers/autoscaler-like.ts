import type { ApiClient } from '../../src/kube/client.ts';
import { isNotFound } from '../../src/kube/errors.ts';
import { podPath } from '../../src/kube/paths.ts';
import { evict, type NodePod, podsToEvict, taint, untaint } from '../../testkit/nodes.ts';
import { viewPod } from '../../testkit/pods.ts';
import { type Attempt, attempt } from './attempt.ts';
import { type DrainerClock, REAL_CLOCK } from './clock.ts';
import type { Drainer } from './drainer.ts';

export interface AutoscalerLikeOptions {
  /** After an answer that is no eviction. Default 10 s. */
  readonly retryAfterMs?: number;
  /** No eviction is tried later. Default 2 min. */
  readonly giveUpAfterMs?: number;
  /** How often it looks whether evicted pods have left. Default 5 s. */
  readonly lookEveryMs?: number;
  /** How long they may take for that: their grace, at most 10 min, and 30 s. */
  readonly leaveWithinMs?: number;
  readonly clock?: DrainerClock;
}

const TAINT = 'ToBeDeletedByClusterAutoscaler';

/**
 * Drains as cluster-autoscaler does before 1.34: taints and does not cordon, lists the pods once, evicts them all at the same
 * time with the older version of the API. A 404 counts as evicted, but in the end no pod may be on the node any more. Where
 * that does not come about in time it takes its taint away again, and the drain has failed.
 */
export function autoscalerLikeDrainer(client: ApiClient, options: AutoscalerLikeOptions = {}): Drainer {
  const wanted = {
    retryAfterMs: 10_000,
    giveUpAfterMs: 120_000,
    lookEveryMs: 5_000,
    leaveWithinMs: 630_000,
    clock: REAL_CLOCK,
    ...options,
  };
  return {
    name: 'built-in, like cluster-autoscaler',
    voice: 'scaler',
    drain: (request) => attempt(request, (one) => drain(client, wanted, one)),
  };
}

async function drain(client: ApiClient, options: Required<AutoscalerLikeOptions>, one: Attempt): Promise<number> {
  const { node, signal, say } = one;
  await taint(client, node, TAINT, signal);
  const pods = await podsToEvict(client, node, signal);
  const giveUpAt = options.clock.now() + options.giveUpAfterMs;
  const problems = (await Promise.all(pods.map((pod) => evictUntil(giveUpAt, client, options, one, pod)))).flat();
  if (problems.length === 0 && !(await haveLeft(client, options, one, pods)))
    problems.push('pods are left on the node');
  if (problems.length === 0) return 0;
  for (const problem of problems) say(`error: failed to drain node ${node}: ${problem}`);
  await untaint(client, node, TAINT, signal);
  say(`node ${node} is no longer to be deleted`);
  return 1;
}

/** Resolves to what has gone wrong, if anything. */
async function evictUntil(
  giveUpAt: number,
  client: ApiClient,
  { retryAfterMs, clock }: Required<AutoscalerLikeOptions>,
  { signal, say }: Attempt,
  pod: NodePod,
): Promise<string[]> {
  const { namespace, name } = pod;
  const body = { apiVersion: 'policy/v1beta1', kind: 'Eviction', metadata: { name, namespace } };
  for (;;) {
    const { code, text } = await evict(client, pod, body, signal);
    say(`evicting pod ${namespace}/${name}: ${text}`);
    if (code === 201 || code === 404) return [];
    await clock.sleep(retryAfterMs, signal);
    if (clock.now() >= giveUpAt) return [`${namespace}/${name} could not be evicted in time (last error: ${text})`];
  }
}

async function haveLeft(
  client: ApiClient,
  { lookEveryMs, leaveWithinMs, clock }: Required<AutoscalerLikeOptions>,
  { node, signal }: Attempt,
  pods: readonly NodePod[],
): Promise<boolean> {
  const endsAt = clock.now() + leaveWithinMs;
  while (clock.now() < endsAt) {
    const isHere = await Promise.all(pods.map((pod) => isOn(client, node, pod, signal)));
    if (!isHere.includes(true)) return true;
    await clock.sleep(lookEveryMs, signal);
  }
  return false;
}

/** By its name: another instance that is on another node will do. What cannot be read may be there. */
async function isOn(client: ApiClient, node: string, { namespace, name }: NodePod, signal: AbortSignal) {
  try {
    return viewPod(await client.json({ method: 'GET', path: podPath(namespace, name), signal })).node === node;
  } catch (error) {
    signal.throwIfAborted();
    return !isNotFound(error);
  }
}
