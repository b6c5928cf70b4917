import { dirname, join } from 'node:path';
import { renderManifests } from '../src/manifests/command.ts';
import type { Call } from './command.ts';

/** `reschedule-hook manifests`. A checkout and the npm package have the folder `config` beside `bin`. */
export function manifests(args: readonly string[], { name, program }: Call): number {
  const print = (text: string) => void process.stdout.write(text);
  return renderManifests(args, { name, config: join(dirname(program.file), '../config'), print });
}
