import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { helpOf, readArguments, UsageError } from '../src/command-line.ts';
import { BUNDLE } from './bundle.ts';

/**
 * `npm run build`: the hook and everything it needs as one file, dist/main.js. Half the resident memory of the same program
 * from node_modules, where the client library alone loads thousands of models. Tests name a folder of their own.
 */
const BUILD = {
  name: 'npm run build --',
  about: 'Builds the hook and everything it needs as one file, main.js.',
  options: {},
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
  // Nothing else of the folder is anybody's to delete.
  for (const file of ['main.js', 'main.js.map']) rmSync(join(folder, file), { force: true });
  const outfile = join(folder, 'main.js');
  await build({ ...BUNDLE, entryPoints: ['src/main.ts'], outfile, sourcemap: 'linked', sourcesContent: false });
}
