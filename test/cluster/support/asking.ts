import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { describeError } from '../../../src/kube/errors.ts';
import type { HookProcess } from '../../../src/rehearsal/hook-process.ts';
import { NotYet, until } from '../../../src/rehearsal/until.ts';
import { aReview, type Reply } from './review.ts';
import type { Rig } from './rig.ts';
import type { Ward } from './ward.ts';

/** One answer of the hook, or why there was none (code 0). An allowed eviction has code 200. */
export interface Answer {
  readonly pod: string;
  readonly code: number;
  readonly message: string;
  readonly atMs: number;
}

export interface Asking {
  readonly answers: readonly Answer[];
  /** Ends it, and asserts that all answers were 429 and that the hook was ready each time it was asked. */
  stop(): Promise<void>;
}

const PAUSE_MS = 40;
/** What the API server would allow an answer, so that a fault is not waited out by a single question. */
const QUERY = '?timeout=4s';

/** Asks a hook about an eviction, by name, as the API server would. */
export async function askHook(dispatcher: Agent, hook: HookProcess, namespace: string, pod: string): Promise<Answer> {
  const atMs = Math.round(performance.now());
  try {
    const response = await request(hook.url + QUERY, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: aReview(namespace, pod),
    });
    const { response: answer, error } = (await response.body.json()) as Reply['body'];
    if (answer?.allowed) return { pod, code: 200, message: 'allowed', atMs };
    return { pod, code: answer?.status?.code ?? 0, message: answer?.status?.message ?? error ?? '', atMs };
  } catch (error) {
    return { pod, code: 0, message: describeError(error), atMs };
  }
}

export const newAgent = () => new Agent({ connect: { rejectUnauthorized: false }, allowH2: false });

/** Asks about the pods of a ward in turn, without end, beside whatever the test does. */
export function keepAsking(
  rig: Rig,
  hook: HookProcess,
  ward: Ward,
  { ready = true }: { ready?: boolean } = {},
): Asking {
  const over = new AbortController();
  const answers: Answer[] = [];
  const unready: string[] = [];
  const dispatcher = newAgent();
  const round = async () => {
    for (const pod of ward.pods) {
      if (over.signal.aborted) return;
      answers.push(await askHook(dispatcher, hook, ward.namespace, pod));
    }
    const readiness = await fetch(`${hook.healthUrl}/readyz`).then(({ status }) => String(status), describeError);
    if (readiness !== '200') unready.push(readiness);
  };
  const done = (async () => {
    while (!over.signal.aborted) {
      await round();
      await sleep(PAUSE_MS);
    }
  })();
  const end = async () => {
    over.abort();
    await done;
    await dispatcher.destroy();
  };
  rig.atStop(end);
  return {
    answers,
    async stop() {
      await end();
      assert.ok(answers.length > 0, 'the hook was asked');
      assert.deepEqual(
        answers.filter(({ code }) => code !== 429),
        [],
        'an answer that is not 429',
      );
      if (ready) assert.deepEqual(unready, [], 'the hook is not ready');
    },
  };
}

/** What an answer says, in a word or two. */
export function sense({ message }: Answer): 'marked' | 'waiting' | 'cache behind' | 'in doubt' {
  if (/annotation added/.test(message)) return 'marked';
  if (/^Pod waiting to be rescheduled( \(marked .*\))?$/.test(message)) return 'waiting';
  return /cache has not seen/.test(message) ? 'cache behind' : 'in doubt';
}

/** Waits until so many answers have said so, which shows that a fault is felt. */
export async function untilAnswered({ answers }: Asking, count: number, wanted: RegExp): Promise<void> {
  await until(
    `${count} answers like ${wanted}`,
    async () => {
      const found = answers.filter(({ message }) => wanted.test(message)).length;
      if (found < count) throw new NotYet(`${found}; the last answer: ${answers.at(-1)?.message}`);
    },
    { timeoutMs: 120_000 },
  );
}

/** What the answers said, counted, for a diagnostic. */
export function tally({ answers }: Asking): string {
  const kinds = Map.groupBy(answers, sense);
  const parts = [...kinds].map(([kind, { length }]) => `${length} ${kind}`);
  return `${answers.length} answers meanwhile, all of them 429: ${parts.join(', ')}`;
}
