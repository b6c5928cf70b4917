import { readFileSync } from 'node:fs';

/** Reads a file that a setting names. Throws where it cannot be read. */
export function readText(path: string): string {
  return readFileSync(path, 'utf-8');
}
