import type { HookProcess } from '../../../testkit/hook-process.ts';
import type { LogLine } from '../../../testkit/log-lines.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { metric } from './evict.ts';

/**
 * What a hook tells of itself comes by a way of its own, and may come later than an answer, a write or an Event that it tells
 * of. So it is waited for. Only what must not be there is looked for at once.
 */

/** The lines of these hooks with this message that have come so far. */
export const said = (hooks: readonly HookProcess[], message: string): LogLine[] =>
  hooks.flatMap(({ lines }) => lines.filter((line) => line.message === message));

/** Waits for so many lines with this message, and more conditions on them, and returns all that are there then. */
export function untilSaid(
  hooks: readonly HookProcess[],
  message: string,
  count = 1,
  isIt: (line: LogLine) => boolean = () => true,
): Promise<LogLine[]> {
  return until(`${count} lines "${message}"`, async () => {
    const lines = said(hooks, message).filter(isIt);
    if (lines.length < count) throw new NotYet(`${lines.length}`);
    return lines;
  });
}

/** Waits for a sample of a hook's metrics. */
export async function untilMetric(hook: HookProcess, name: string, wanted: number, labels?: RegExp): Promise<void> {
  await until(`${name} to be ${wanted}`, async () => {
    const value = await metric(hook, name, labels);
    if (value !== wanted) throw new NotYet(`${value}`);
  });
}
