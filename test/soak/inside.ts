import { readFileSync } from 'node:fs';
import { writeHeapSnapshot } from 'node:v8';

/**
 * Loaded before the hook. At each SIGUSR2 it does what the file SOAK_ORDERS says, and says so. A replica that starts again has the
 * clock that it had before.
 */
export interface Orders {
  /** How far the wall clock is ahead; negative if it is behind. */
  readonly aheadMs: number;
  /** Where a heap snapshot is written. */
  readonly snapshot?: string;
}

const now = Date.now.bind(Date);
let aheadMs = 0;
Date.now = () => now() + aheadMs;

const read = () => JSON.parse(readFileSync(process.env.SOAK_ORDERS ?? '', 'utf-8')) as Orders;

if (process.env.SOAK_ORDERS !== undefined) {
  ({ aheadMs } = read());
  process.on('SIGUSR2', () => {
    const { snapshot, ...orders } = read();
    ({ aheadMs } = orders);
    if (snapshot !== undefined) writeHeapSnapshot(snapshot);
    process.stdout.write(`${JSON.stringify({ message: 'the orders were followed' })}\n`);
  });
}
