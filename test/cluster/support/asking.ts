import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { describeError } from '../../../src/kube/errors.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import type { Answer } from './answer.ts';
import { byDepth } from './depth.ts';
import { aReview, type Reply } from './review.ts';
import type { Rig } from './rig.ts';
import type { Ward } from './ward.ts';
import { callWitnesses, type Subject } from './witnesses.ts';

export interface Asking {
  readonly answers: readonly Answer[];
  /** Cordons the node to which the successor has moved; resolves when the hook has answered a question that came after it. */
  cordonSuccessor(): Promise<void>;
  /** Waits until the hook is in no doubt about anything that it would not be in doubt about without a fault. */
  untilClear(): Promise<void>;
  /** Ends it, and asserts that all answers were right and that the hook was ready each time it was asked. */
  stop(): Promise<void>;
}

const PAUSE_MS = byDepth(180, 60);
/** What the API server would allow an answer, so that a fault is not waited out by a single question. */
const QUERY = '?timeout=4s';

/** Asks a hook about an eviction, by name, as the API server would. */
export async function askHook(dispatcher: Agent, hook: HookProcess, namespace: string, pod: string): Promise<Answer> {
  const askedAt = performance.now();
  const told = (code: number, message: string) => ({ pod, code, message, askedAt, answeredAt: performance.now() });
  try {
    const response = await request(hook.url + QUERY, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: aReview(namespace, pod),
    });
    const { response: answer, error } = (await response.body.json()) as Reply['body'];
    if (answer?.allowed) return told(200, 'allowed');
    return told(answer?.status?.code ?? 0, answer?.status?.message ?? error ?? '');
  } catch (error) {
    return told(0, describeError(error));
  }
}

export const newAgent = () => new Agent({ connect: { rejectUnauthorized: false }, allowH2: false });

/** Of the pods of a ward, none of which ever moves, everybody has to wait. */
const waits = (pod: string): Subject => ({ pod, isRight: ({ code }) => code === 429, isClear: () => true });

export interface AskingOptions {
  /** Default true: the hook is ready, all the time, and begins without a doubt. */
  readonly ready?: boolean;
  /** See callWitnesses. */
  readonly successor?: boolean;
}

/** Asks about the pods of a ward, and about witnesses, in turn and without end, beside whatever the test does. */
export async function keepAsking(
  rig: Rig,
  hook: HookProcess,
  ward: Ward,
  { ready = true, successor = true }: AskingOptions = {},
): Promise<Asking> {
  const witnesses = await callWitnesses(rig, ward, { successor });
  const over = new AbortController();
  const answers: Answer[] = [];
  const unready: string[] = [];
  const dispatcher = newAgent();
  const subjects = () => [...ward.pods.map(waits), ...witnesses.subjects];
  const round = async () => {
    for (const { pod } of subjects()) {
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
  const asking: Asking = {
    answers,
    async cordonSuccessor() {
      await witnesses.cordon();
      const isAnswered = async () => {
        if (!witnesses.wasAskedAfterCordon(answers)) throw new NotYet(`${answers.length} answers`);
      };
      await until('an answer after the cordon', isAnswered);
    },
    async untilClear() {
      const since = answers.length;
      for (const { pod, isClear } of subjects()) {
        const isIt = async () => {
          const about = answers.slice(since).filter((answer) => answer.pod === pod);
          if (!about.some(isClear)) throw new NotYet(`the last answer: ${about.at(-1)?.message}`);
        };
        await until(`an answer about ${pod} without a doubt`, isIt);
      }
    },
    async stop() {
      await end();
      const byPod = new Map(subjects().map((subject) => [subject.pod, subject]));
      const wrong = answers.filter((answer) => byPod.get(answer.pod)?.isRight(answer) !== true);
      assert.deepEqual(wrong, [], 'wrong answers');
      if (successor) assert.ok(witnesses.wasAskedAfterCordon(answers), 'the hook was asked after the cordon');
      await witnesses.assertUnmarked();
      if (ready) assert.deepEqual(unready, [], 'the hook is not ready');
    },
  };
  if (ready) await asking.untilClear();
  return asking;
}

/** What an answer says, in a word or two. */
export function sense({ code, message }: Answer): string {
  if (code !== 429) return String(code);
  if (/annotation added/.test(message)) return 'marked';
  if (/^Pod waiting to be rescheduled( \(marked .*\))?$/.test(message)) return 'waiting';
  return /cache has not (seen|synced)|cache is behind/.test(message) ? 'cache behind' : 'in doubt';
}

/** Waits until so many answers have said so, which shows that a fault is felt. */
export async function untilAnswered({ answers }: Asking, count: number, wanted: RegExp): Promise<void> {
  await until(`${count} answers like ${wanted}`, async () => {
    const found = answers.filter(({ message }) => wanted.test(message)).length;
    if (found < count) throw new NotYet(`${found}; the last answer: ${answers.at(-1)?.message}`);
  });
}

/** What the answers said, counted, for a diagnostic. */
export function tally({ answers }: Asking): string {
  const kinds = Map.groupBy(answers, sense);
  const parts = [...kinds].map(([kind, { length }]) => `${length} ${kind}`);
  return `${answers.length} answers meanwhile, all of them right: ${parts.join(', ')}`;
}
