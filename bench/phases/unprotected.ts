import type { EchoHandlers } from '../processes/echo.ts';
import type { StandInHandlers } from '../processes/stand-in.ts';
import type { Context } from '../support/context.ts';
import { IMAGE } from '../support/image.ts';
import { namespaceOf, unprotectedName } from '../support/objects.ts';
import type { CaseResult } from '../support/results.ts';
import { Rounds } from './rounds.ts';

const SIZE = { pods: 1_000, nodes: 100, clusters: 20, entries: 0, onCordonedNode: false };

/**
 * Evictions of pods that no profile selects, on a stand-in. A real API server takes so much of the machine for each read
 * that what the hook adds to it would be lost in the noise.
 */
export async function measureUnprotected(context: Context): Promise<CaseResult> {
  const standIn = context.start<StandInHandlers>('stand-in');
  const kubeconfigPath = await context.kubeconfig(await standIn.call('start', { size: SIZE, ...context.serving }));
  const hook = await context.startHook(kubeconfigPath);
  const namespace = namespaceOf(0);
  const pods = Array.from({ length: 20 }, (_, i) => unprotectedName(i));
  const readingEcho = context.start<EchoHandlers>('echo', IMAGE);
  const reading = { kubeconfigPath, namespace, pods };
  const port = await readingEcho.call('listen', { ...context.serving, reading });
  const result = await new Rounds(context, hook).run({
    name: 'unprotected, stand-in',
    ours: { namespace, pods, expected: '"allowed":true' },
    readingEcho: { port, cpuSeconds: () => readingEcho.call('cpuSeconds', undefined as never) },
  });
  return { ...result, wholePodReads: await standIn.call('wholePodReads', undefined) };
}
