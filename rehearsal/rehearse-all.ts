import type { RehearsalRecord } from './evidence/record.ts';
import { recordOfFailure, rehearse } from './rehearse.ts';
import type { Observation, Scenario } from './scenarios/scenario.ts';
import type { Show } from './terminal/show.ts';
import type { Venue } from './venues/venue.ts';

/** So many members take longer to drain than any other scenario goes on. */
const LARGE = 100;

function sizeOf(scenario: Scenario | Observation): number {
  const { members = 0 } = 'script' in scenario ? scenario : {};
  return members > LARGE ? members : 0;
}

/**
 * Rehearses each of these, as many at a time as the venue has room for. Resolves to their records, in the given order. One
 * that breaks off takes nothing from the others.
 */
export async function rehearseAll(
  scenarios: readonly (Scenario | Observation)[],
  venue: Venue,
  show: Pick<Show, 'begin' | 'end'>,
  signal: AbortSignal,
): Promise<RehearsalRecord[]> {
  const records = new Map<string, RehearsalRecord>();
  // The longest first, because nothing else would go on beside it in the end.
  const todo = [...scenarios].sort((a, b) => sizeOf(b) - sizeOf(a));
  const work = async () => {
    for (let next = todo.shift(); next !== undefined; next = todo.shift()) {
      signal.throwIfAborted();
      const scenario = next;
      const rehearsed = rehearse(scenario, venue, show.begin(scenario), signal);
      const record = await rehearsed.catch((error: unknown) => recordOfFailure(scenario, error, signal));
      records.set(scenario.name, record);
      show.end(record);
    }
  };
  const results = await Promise.allSettled(Array.from({ length: venue.atOnce }, work));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return scenarios.flatMap(({ name }) => records.get(name) ?? []);
}
