import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const CHECKSUMS = 'SHA256SUMS';
/** What is made of the checksums comes after them. */
const isCovered = (name: string) => !name.startsWith(CHECKSUMS);

/** A line for each file of a folder, sorted by name, as `sha256sum --check` reads it. */
export function checksumsOf(folder: string): string {
  return readdirSync(folder)
    .filter(isCovered)
    .sort()
    .map(
      (name) =>
        `${createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex')}  ${name}\n`,
    )
    .join('');
}
