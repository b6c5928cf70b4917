import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, describeError } from '../../../src/kube/errors.ts';
import { podPath } from '../../../src/kube/paths.ts';
import type { PodView } from '../../../testkit/pods.ts';
import type { Happening } from '../../evidence/timeline.ts';
import type { Answer } from '../../evidence/witness.ts';
import { type Annotation, isMarked } from './marks.ts';
import type { Run } from './run.ts';

const PAUSE_MS = 250;

/**
 * Asks for the eviction of marked pods again and again, by name, as somebody would who drains the same node at the same time,
 * until the signal aborts; and keeps the answers. kubectl says nothing of a 404, and the log of an installed hook is not read.
 */
export async function askBeside(
  run: Pick<Run, 'client' | 'witness' | 'now'>,
  annotation: Annotation,
  pods: () => readonly PodView[],
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const marked = pods().filter((pod) => isMarked(pod, annotation));
    for (const pod of marked) await ask(run, pod, signal);
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function ask(
  { client, witness, now }: Pick<Run, 'client' | 'witness' | 'now'>,
  pod: PodView,
  signal: AbortSignal,
) {
  const { namespace, name } = pod;
  const path = `${podPath(namespace, name)}/eviction`;
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } };
  const from = now();
  const given = await client.json({ method: 'POST', path, body, signal }).then(
    () => ({ code: 201, text: '' }),
    (error: unknown) => ({ code: error instanceof ApiError ? error.code : 0, text: describeError(error) }),
  );
  // Without an answer there is nothing to keep.
  if (given.code !== 0) witness.answered({ pod: name, ...given, from, to: now(), asker: 'rehearsal' });
}

/** What kubectl tells of an eviction that the hook has refused. */
export function refusalIn({ who, what }: Happening, at: number): Answer | undefined {
  if (who !== 'kubectl') return undefined;
  const [, pod, text] = /^error when evicting pods\/"([^"]+)" .* denied the request: (.*)$/.exec(what) ?? [];
  if (pod === undefined || text === undefined) return undefined;
  return { pod, code: 429, text, from: at, to: at, asker: 'drainer' };
}
