import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { helpOf, readArguments, UsageError, value } from '../src/command-line.ts';
import { chartFiles } from './chart/files.ts';
import { NotRendered, ROOT } from './chart/sources.ts';

const CHART = {
  name: 'npm run chart --',
  about: 'Makes the Helm chart from config and from the table of settings.',
  options: {
    image: value('--image <NAME>', 'the repository of the image in the values, instead of the one in config', String),
  },
  operands: { name: 'FOLDER', about: 'where to (default: charts/reschedule-hook)', isList: false },
  notes: 'Exit code: 0 if it was made, 1 if it could not be, 2 for a wrong command line.',
};

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof NotRendered || error instanceof UsageError)) throw error;
  console.error(`chart: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

function main(): number {
  const { options, operands } = readArguments(CHART, process.argv.slice(2));
  if (options.help) {
    process.stdout.write(helpOf(CHART));
    return 0;
  }
  const [folder = join(ROOT, 'charts/reschedule-hook')] = operands;
  const files = chartFiles(options.image);
  // Of a part of config that is no more.
  for (const old of filesIn(folder).filter((name) => !files.has(name))) rmSync(join(folder, old));
  for (const [name, text] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  console.log(`wrote ${folder}`);
  return 0;
}

/** Only a chart of this name is cleared. */
function filesIn(folder: string): string[] {
  try {
    if (!/^name: reschedule-hook$/m.test(readFileSync(join(folder, 'Chart.yaml'), 'utf-8'))) return [];
  } catch {
    return [];
  }
  return readdirSync(join(folder, 'templates')).map((name) => `templates/${name}`);
}
