/** From what the controller did to lines of the table. */
import { count, type Figure, ms } from './figures.ts';
import type { PruneResult } from './results.ts';

export function pruneRows({ entries, firstMs, lastMs, callsPerEntry }: PruneResult): Figure[] {
  const area = `controller: ${count(entries)} ${entries === 1 ? 'entry' : 'entries'}`;
  if (entries === 1) return [{ area, what: 'due to pruned', shown: ms(lastMs), values: { ms: lastMs } }];
  return [
    { area, what: 'due to the first pruned', shown: ms(firstMs), values: { ms: firstMs } },
    {
      area,
      what: 'due to the last pruned',
      shown: ms(lastMs),
      values: { ms: lastMs, perSecond: (entries * 1000) / lastMs },
    },
    { area, what: 'API calls per entry', shown: count(callsPerEntry), values: { calls: callsPerEntry } },
  ];
}
