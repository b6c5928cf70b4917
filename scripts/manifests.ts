import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { helpOf, readArguments, UsageError, value } from '../src/command-line.ts';
import { DNS_LABEL } from '../src/policy/names.ts';

/** The name stands in bindings, the registration, the FlowSchema and alerts, too, which kustomize leaves alone. */
const NAMESPACE = 'reschedule-hook-system';
const MANIFESTS = {
  name: 'npm run manifests --',
  about: 'Renders the installation into one file, with kubectl kustomize.',
  options: {
    overlay: value('--overlay <FOLDER>', 'what to render (default: config/default)', String),
    image: value('--image <NAME:TAG>', 'the image of the hook, instead of the one in config/manager', String),
    namespace: value('--namespace <NAME>', 'where it is installed', String, NAMESPACE),
  },
  operands: {
    name: 'FILE',
    about: 'where to; - for standard output (default: dist/install.yaml)',
    isList: false,
  },
  notes: 'Exit code: 0 if it was rendered, 1 if it could not be, 2 for a wrong command line.',
};
const IMAGE_LINE = /^( *)image: \S*reschedule-hook-server:\S+$/gm;
const ROOT = join(import.meta.dirname, '..');

/** What was asked for cannot be done: one line, exit code 1. */
class Refused extends Error {}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof Refused || error instanceof UsageError)) throw error;
  console.error(`manifests: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

function main(): number {
  const { options, operands } = readArguments(MANIFESTS, process.argv.slice(2));
  if (options.help) {
    process.stdout.write(helpOf(MANIFESTS));
    return 0;
  }
  const [file = 'dist/install.yaml'] = operands;
  const { overlay = join(ROOT, 'config/default'), image, namespace } = options;
  if (!DNS_LABEL.test(namespace)) throw new UsageError(`"${namespace}" is no name of a namespace`);
  const text = withImage(render(overlay), image).replaceAll(NAMESPACE, namespace);
  if (file === '-') {
    process.stdout.write(text);
    return 0;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`wrote ${file}`);
  return 0;
}

function render(folder: string): string {
  const { error, status, stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf-8' });
  if (error !== undefined) throw new Refused(`kubectl cannot be run (${error.message}); it has to be in the PATH`);
  if (status !== 0) throw new Refused(`kubectl kustomize ${folder}: ${stderr.trim()}`);
  return stdout;
}

function withImage(text: string, image: string | undefined): string {
  if (image === undefined) return text;
  if (!text.match(IMAGE_LINE)) throw new Refused('there is no image of the hook to replace');
  return text.replaceAll(IMAGE_LINE, `$1image: ${image}`);
}
