import { brokenOff } from '../evidence/broken-off.ts';
import type { RehearsalRecord } from '../evidence/record.ts';
import type { Flags } from '../flags.ts';
import type { RehearsalOptions } from '../rehearse.ts';
import { UsageError } from '../usage-error.ts';
import { type Definition, SCENARIOS } from './definitions.ts';
import { playScenario } from './run.ts';

/** Most of a drain is waiting; more at a time than this would wait for each other. */
const AT_ONCE = 3;
/** So many members take longer to drain than any other scenario goes on. */
const LARGE = 100;

/** `--list`: one line for each scenario. */
export const scenarioLines = () => SCENARIOS.map(({ name, about }) => `${name.padEnd(17)} ${about}`);

/** The scenarios of those names, which commas part; all of them for `all`. Throws UsageError where there is none. */
export function scenariosNamed(names: string): readonly Definition[] {
  if (names === 'all') return SCENARIOS;
  return [...new Set(names.split(','))].map((name) => {
    const found = SCENARIOS.find((one) => one.name === name);
    if (found === undefined) throw new UsageError(`there is no scenario "${name}"; see --list`);
    return found;
  });
}

const sizeOf = ({ members = 0 }: Definition) => (members > LARGE ? members : 0);

/** Plays scenarios, some at a time on embedded clusters. Resolves to their records, in the order of the scenarios. */
export async function playAll(
  scenarios: readonly Definition[],
  flags: Flags,
  options: RehearsalOptions,
): Promise<RehearsalRecord[]> {
  const records = new Map<string, RehearsalRecord>();
  // The longest first, for nothing else would go on beside it in the end.
  const todo = [...scenarios].sort((a, b) => sizeOf(b) - sizeOf(a));
  const isAlone = scenarios.length === 1;
  const work = async () => {
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      options.signal.throwIfAborted();
      const { name, title, about } = next;
      // So that one that breaks off takes nothing from the others.
      const breakOff = (error: unknown) => brokenOff({ name, title, about }, error, options.signal);
      const write = (line: string) => options.write(isAlone ? line : `${name.padEnd(17)} ${line}`);
      const { follow, signal } = options;
      const played = playScenario(next, flags, { write, signal, ...(isAlone && follow ? { follow } : {}) });
      records.set(name, await played.catch(breakOff));
    }
  };
  const workers = flags.controlPlane ? 1 : AT_ONCE;
  const results = await Promise.allSettled(Array.from({ length: workers }, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return scenarios.flatMap(({ name }) => records.get(name) ?? []);
}
