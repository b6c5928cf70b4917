import assert from 'node:assert/strict';
import { ApiError } from '../../../src/kube/errors.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import type { Scene } from './scene.ts';

/** What a drainer gets: the HTTP status and the message of the Status (empty for 201). */
export interface EvictionAnswer {
  readonly code: number;
  readonly message: string;
}

export interface EvictionOptions {
  readonly uid?: string;
  readonly dryRun?: boolean;
  readonly omitNamespace?: boolean;
}

/** One eviction through the real API server, as a drainer sends it. */
export async function evict(
  scene: Pick<Scene, 'rig' | 'namespace'>,
  pod: string,
  options: EvictionOptions = {},
): Promise<EvictionAnswer> {
  const { namespace } = scene;
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: pod, ...(options.omitNamespace ? {} : { namespace }) },
    deleteOptions: {
      ...(options.uid === undefined ? {} : { preconditions: { uid: options.uid } }),
      ...(options.dryRun ? { dryRun: ['All'] } : {}),
    },
  };
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`;
  try {
    await scene.rig.client.json({ method: 'POST', path, body });
    return { code: 201, message: '' };
  } catch (error) {
    if (error instanceof ApiError) return { code: error.code, message: error.message };
    throw error;
  }
}

/**
 * Evicts as a drainer does, again and again, until it is told something like this. A hook whose watches are a moment behind has
 * a drainer wait, so nothing else but 429 may come before.
 */
export async function evictUntil(
  scene: Pick<Scene, 'rig' | 'namespace'>,
  pod: string,
  wanted: RegExp,
  options: EvictionOptions = {},
): Promise<EvictionAnswer> {
  const others: EvictionAnswer[] = [];
  const answer = await until(`an answer like ${wanted}`, async () => {
    const last = await evict(scene, pod, options);
    if (wanted.test(last.message)) return last;
    if (last.code !== 429) others.push(last);
    throw new NotYet(`${last.code} ${last.message}`);
  });
  assert.deepEqual(others, [], 'before it');
  return answer;
}

/** Where the answer that would have told of the mark was in doubt, the next one tells how old the mark is. */
export const MARKED = /Reschedule annotation added to pod|Pod waiting to be rescheduled \(marked/;

/** On a slow machine: the answer was due before the API server had answered the hook. */
export const isLate = ({ code, message }: { readonly code: number; readonly message: string }) =>
  code === 429 && message.includes('(the answer was due before');

/** One eviction that is answered in time: a drainer that is told to ask again does so. */
export async function evictInTime(
  scene: Pick<Scene, 'rig' | 'namespace'>,
  pod: string,
  options: EvictionOptions = {},
): Promise<EvictionAnswer> {
  return untilInTime(() => evict(scene, pod, options));
}

/** Asks until the answer is not a late one, and the cache not seconds behind. */
export function untilInTime<T extends { readonly code: number; readonly message: string }>(
  ask: () => Promise<T>,
): Promise<T> {
  return until('an answer in time', async () => {
    const answer = await ask();
    if (isLate(answer) || answer.message.includes('cache has not seen this pod yet')) throw new NotYet(answer.message);
    return answer;
  });
}

/** One sample of a hook's metrics; 0 where it is not there yet. `labels` as written in the exposition. */
export async function metric(hook: HookProcess, name: string, labels?: RegExp): Promise<number> {
  const text = await (await fetch(`${hook.healthUrl}/metrics`)).text();
  const samples = text.split('\n').filter((line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)));
  return samples
    .filter((line) => labels === undefined || labels.test(line))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** How many calls a hook has made to the API server, and how many of them were writes; Events, which come beside, are not. */
export async function callsOf(hook: HookProcess): Promise<{ reads: number; writes: number }> {
  const name = 'reschedule_hook_api_requests_total';
  return { reads: await metric(hook, name, /method="GET"/), writes: await metric(hook, name, /method="PATCH"/) };
}
