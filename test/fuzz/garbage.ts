import assert from 'node:assert/strict';
import { memoryUsage } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Everything that nobody holds is gone afterwards. */
export function collectGarbage(): void {
  gc();
  gc();
}

/** What is held in this process, buffers included. */
export function heldBytes(): number {
  collectGarbage();
  const { heapUsed, external } = memoryUsage();
  return heapUsed + external;
}

const MIB = 2 ** 20;

/** That no more than so much has come to what was held before. Returns it in MiB. */
export function assertHeld(before: number, maxMib: number, what: string): number {
  const mib = Math.round((heldBytes() - before) / MIB);
  assert.ok(mib <= maxMib, `${what}: ${mib} MiB are held, ${maxMib} at the most`);
  return mib;
}
