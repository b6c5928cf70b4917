import { readFileSync } from 'node:fs';
import { setFlagsFromString, writeHeapSnapshot } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Loaded before the hook. At each SIGUSR2 it does what the file SOAK_ORDERS says, and says so. A replica that starts again has the
 * clock that it had before. And it collects all garbage again and again, so that what memory shows is what is kept.
 */
export interface Orders {
  /** How far the wall clock is ahead; negative if it is behind. */
  readonly aheadMs: number;
  /** Where a heap snapshot is written. */
  readonly snapshot?: string;
}

/** Several times in each part of a run whose least is judged, see verdict.ts. */
const COLLECT_EVERY_MS = 30_000;
/**
 * An ordinary collection leaves pages that are not full where they are. Resident memory then is the most that these have ever been,
 * which rises for hours though nothing is kept. This one moves what is left together, and gives the pages back.
 */
const ALL = { type: 'major', execution: 'sync', flavor: 'last-resort' } as const;

const now = Date.now.bind(Date);
let aheadMs = 0;
Date.now = () => now() + aheadMs;

const read = () => JSON.parse(readFileSync(process.env.SOAK_ORDERS ?? '', 'utf-8')) as Orders;

if (process.env.SOAK_ORDERS !== undefined) {
  ({ aheadMs } = read());
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (how: typeof ALL) => void;
  setInterval(() => collect(ALL), COLLECT_EVERY_MS).unref();
  process.on('SIGUSR2', () => {
    const { snapshot, ...orders } = read();
    ({ aheadMs } = orders);
    if (snapshot !== undefined) writeHeapSnapshot(snapshot);
    process.stdout.write(`${JSON.stringify({ message: 'the orders were followed' })}\n`);
  });
}
