/** From what a tenant's objects cost to lines of the table, with the targets (docs/performance.md). */
import { below, type Figure, mb, ms } from './figures.ts';
import type { TenantResult } from './results.ts';

const BLOCK_MS = 50;
const PEAK_MB = 300;

export function tenantRows(result: TenantResult): Figure[] {
  const { name, syncBlockMs, scrapeBlockMs, cordonBlockMs, rssMb, peakMb } = result;
  const area = `tenants: ${name}`;
  const block = (what: string, value: number): Figure => ({
    area,
    what: `longest block, ${what}`,
    shown: ms(value),
    target: below(value, BLOCK_MS, 'ms'),
    values: { ms: value },
  });
  return [
    { area, what: 'longest block, before', shown: ms(syncBlockMs), values: { ms: syncBlockMs } },
    block('a scrape', scrapeBlockMs),
    block('a cordon', cordonBlockMs),
    { area, what: 'RSS', shown: mb(rssMb), values: { mb: rssMb } },
    { area, what: 'RSS at its peak', shown: mb(peakMb), target: below(peakMb, PEAK_MB, 'MB'), values: { mb: peakMb } },
  ];
}
