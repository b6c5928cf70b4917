import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../../../src/kube/errors.ts';
import { PATIENCE_MS, until } from '../../../testkit/until.ts';
import { evict } from './evict.ts';
import type { Scene } from './scene.ts';

export interface PatientDrain {
  /** How often each code was answered; 0: no answer. */
  readonly answers: Readonly<Record<number, number>>;
  /** What must not be: a selected pod evicted, or a release of one that is still on the node. */
  readonly problems: readonly string[];
  /** One message for each code that is neither 404 nor 429. */
  readonly oddities: readonly string[];
}

export interface PatientOptions {
  readonly everyMs?: number;
  readonly timeoutMs?: number;
  /** Rejects with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Drains as somebody who does not give up. It cordons the node and evicts each of the scene's pods on it by name, again
 * and again whatever is answered, until a 404 says that it has moved. Then it looks whether it has.
 */
export async function drainPatiently(
  scene: Scene,
  node: string,
  { everyMs = 200, timeoutMs = PATIENCE_MS, signal }: PatientOptions = {},
): Promise<PatientDrain> {
  const answers: Record<number, number> = {};
  const problems: string[] = [];
  const oddities = new Map<number, string>();
  const giveUpAt = performance.now() + timeoutMs;
  await until('the node to be cordoned', () => scene.cordon(node));
  const pods = await until('the pods of the node', () => scene.podsOn(node));

  const last = new Map<string, string>();
  const askAgain = async (pod: string): Promise<'released' | 'evicted' | 'wait'> => {
    const { code, message } = await answerOf(scene, pod);
    last.set(pod, message);
    answers[code] = (answers[code] ?? 0) + 1;
    if (code === 404) return 'released';
    if (code === 201) return 'evicted';
    if (code !== 429) oddities.set(code, `${code} ${message}`);
    return 'wait';
  };
  const drainOne = async (pod: string) => {
    let end = await askAgain(pod);
    while (end === 'wait' && performance.now() < giveUpAt) {
      await sleep(everyMs, undefined, { signal });
      end = await askAgain(pod);
    }
    const left = await until(`where ${pod} is`, () => scene.podsOn(node));
    if (end === 'released' && left.includes(pod)) problems.push(`${pod} was released although it is on ${node}`);
    if (end === 'evicted') problems.push(`${pod} was evicted`);
    if (end === 'wait') problems.push(`${pod} was not released within ${timeoutMs / 1000} s: ${last.get(pod)}`);
  };
  await Promise.all(pods.map(drainOne));
  return { answers, problems, oddities: [...oddities.values()] };
}

async function answerOf(scene: Scene, pod: string): Promise<{ code: number; message: string }> {
  try {
    return await evict(scene, pod);
  } catch (error) {
    return { code: 0, message: describeError(error) };
  }
}
