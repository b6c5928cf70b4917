import { readFileSync } from 'node:fs';

/** The version of the hook, from its package.json. */
export function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf-8')) as { version: string })
    .version;
}
