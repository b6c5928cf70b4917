import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { StormAnswer, StormRequest } from './storm.ts';

export interface Asked extends StormRequest {
  /** What has to be answered where the hook is not in doubt. */
  readonly code: 201 | 404 | 409 | 429;
}

type Instance = Pick<StormRequest, 'namespace' | 'pod'> & { readonly uid: string };

/** Every so manyth pod is asked about in dry runs alone, so that anything written to it is seen. */
const SPARED_EVERY = 10;
export const isSpared = (n: number) => n % SPARED_EVERY === SPARED_EVERY - 1;

/** Five for each pod: by name, with its UID, as a dry run, and with another's UID; and some about nobody. */
export function everyEviction(pods: readonly Instance[]): Asked[] {
  return pods.flatMap(({ namespace, pod, uid }, n): Asked[] => {
    const [code, dryRun] = isSpared(n) ? ([201, true] as const) : ([429, false] as const);
    return [
      { namespace, pod, code, dryRun },
      { namespace, pod, uid, code, dryRun },
      { namespace, pod, code: 201, dryRun: true },
      { namespace, pod, uid: crypto.randomUUID(), code: 409, dryRun },
      n % 20 === 0 ? { namespace, pod: `nobody-${n}`, code: 404 } : { namespace, pod, code, dryRun },
    ];
  });
}

type Answer = StormAnswer<Asked>;

/** 429 with a cause: a call failed, or the answer was due. */
const DOUBT = /rescheduled \((?!marked)/;
export const isInDoubt = ({ code, message }: Answer) => code === 429 && DOUBT.test(message);

/** Each is as the table says, or in doubt. */
export function assertInTable(answers: readonly Answer[]): void {
  const wrong = answers.filter((answer) => answer.code !== answer.request.code && !isInDoubt(answer));
  assert.deepEqual(
    wrong.slice(0, 5).map(({ request, code, message }) => ({ ...request, answered: code, message })),
    [],
    `${wrong.length} of ${answers.length} answers are not in the table, or came late`,
  );
}

export function tell(t: TestContext, answers: readonly Answer[]): void {
  const counts = [...Map.groupBy(answers, ({ code }) => code)].map(([code, { length }]) => `${length} × ${code}`);
  const ms = answers.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
  const at = (share: number) => `${Math.round(ms[Math.ceil(share * ms.length) - 1] ?? 0)} ms`;
  const turnedAway = answers.reduce((sum, one) => sum + one.turnedAway, 0);
  t.diagnostic(
    `${counts.join(', ')}; p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}; ${turnedAway} times turned away before`,
  );
  const kinds = Map.groupBy(answers.filter(isInDoubt), ({ message }) =>
    message.replace(/.*rescheduled \(/, '').replace(/pod-\d+|cb\d*-\d+|cb\d+/g, '…'),
  );
  for (const [kind, { length }] of kinds) t.diagnostic(`in doubt ${length} times: ${kind}`);
}
