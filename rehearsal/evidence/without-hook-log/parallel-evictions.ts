import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../../../src/kube/client.ts';
import { ApiError, describeError } from '../../../src/kube/errors.ts';
import { podPath } from '../../../src/kube/paths.ts';
import type { PodView } from '../../../testkit/pods.ts';
import type { HistoryKeeper } from '../history.ts';

export interface ParallelEvictions {
  readonly client: ApiClient;
  readonly history: HistoryKeeper;
  /** On the clock of the history. */
  readonly now: () => number;
  /** The marked pods that are on the node now. */
  readonly markedPods: () => readonly PodView[];
}

const PAUSE_MS = 250;

/**
 * Requests the eviction of marked pods by name, again and again, until the signal aborts, like a second drainer of the
 * same node. It keeps the responses, for kubectl says nothing of a 404, and nobody reads the log of an installed hook.
 */
export async function evictInParallel(options: ParallelEvictions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const pod of options.markedPods()) await evict(options, pod, signal);
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function evict({ client, history, now }: ParallelEvictions, pod: PodView, signal: AbortSignal): Promise<void> {
  const { namespace, name } = pod;
  const path = `${podPath(namespace, name)}/eviction`;
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } };
  const from = now();
  const response = await client.json({ method: 'POST', path, body, signal }).then(
    () => ({ code: 201, text: '' }),
    (error: unknown) => ({ code: error instanceof ApiError ? error.code : 0, text: describeError(error) }),
  );
  // Without a response there is nothing to keep.
  if (response.code !== 0) history.response({ pod: name, ...response, from, to: now(), sender: 'rehearsal' });
}
