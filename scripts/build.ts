import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { flag, helpOf, readArguments, UsageError } from '../src/command-line.ts';
import { BUNDLE, PLUGIN } from './bundle.ts';

/**
 * `npm run build`: the program and everything it needs, as dist/main.js and the parts that a command loads when it is called.
 * A hook that serves has half the resident memory of the same program from node_modules, where the client library alone loads
 * thousands of models. Tests name a folder of their own.
 */
const BUILD = {
  name: 'npm run build --',
  about: 'Builds the program: main.js and the folder parts.',
  options: { plugin: flag('--plugin', 'instead, the plugin of kubectl: the one file kubectl-reschedule') },
  operands: { name: 'FOLDER', about: 'where to (default: dist)', isList: false },
  notes: 'Exit code: 0 if it was built, 1 if it could not be, 2 for a wrong command line.',
};

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`build: ${error.message}`);
  process.exitCode = 2;
}

async function main(): Promise<void> {
  const { options, operands } = readArguments(BUILD, process.argv.slice(2));
  if (options.help) {
    process.stdout.write(helpOf(BUILD));
    return;
  }
  const [folder = 'dist'] = operands;
  if (options.plugin) await buildPlugin(join(folder, 'kubectl-reschedule'));
  else await buildProgram(folder);
}

async function buildProgram(folder: string): Promise<void> {
  // Nothing else of the folder is anybody's to delete.
  for (const own of ['main.js', 'main.js.map', 'parts']) rmSync(join(folder, own), { force: true, recursive: true });
  await build({
    ...BUNDLE,
    entryPoints: ['bin/main.ts'],
    outdir: folder,
    // A hook that serves has nothing of a rehearsal in its memory.
    splitting: true,
    chunkNames: 'parts/[name]-[hash]',
    sourcemap: 'linked',
    sourcesContent: false,
  });
}

async function buildPlugin(outfile: string): Promise<void> {
  await build({ ...PLUGIN, outfile });
  chmodSync(outfile, 0o755);
}
