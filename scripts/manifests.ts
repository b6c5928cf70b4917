import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const HELP = `Usage: npm run manifests -- [options] [FILE]

Renders the installation into one file, with kubectl kustomize.

  FILE              where to; - for standard output (default: dist/install.yaml)
  --overlay FOLDER  what to render (default: config/default)
  --image NAME:TAG  the image of the hook, instead of the one in config/manager
  --namespace NAME  where it is installed (default: reschedule-hook-system)
  --help            show this text
`;
const IMAGE_LINE = /^( *)image: \S*reschedule-hook-server:\S+$/gm;
/** The name stands in bindings, the registration, the FlowSchema and alerts, too, which kustomize leaves alone. */
const NAMESPACE = 'reschedule-hook-system';
const NAMESPACE_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const ROOT = join(import.meta.dirname, '..');

/** What was asked for cannot be done: one line, exit code 1. */
class Refused extends Error {}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.error(`manifests: ${error.message}`);
  process.exitCode = 1;
}

function main(): number {
  const { values, positionals } = readArguments();
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [file = 'dist/install.yaml'] = positionals;
  const { namespace = NAMESPACE } = values;
  if (!NAMESPACE_NAME.test(namespace)) throw new Refused(`"${namespace}" is no name of a namespace`);
  const rendered = render(values.overlay ?? join(ROOT, 'config/default'));
  const text = withImage(rendered, values.image).replaceAll(NAMESPACE, namespace);
  if (file === '-') {
    process.stdout.write(text);
    return 0;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`wrote ${file}`);
  return 0;
}

function readArguments() {
  try {
    const given = parseArgs({
      options: {
        overlay: { type: 'string' },
        image: { type: 'string' },
        namespace: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
    });
    if (given.positionals.length > 1) throw new Error('there is more than one FILE');
    return given;
  } catch (error) {
    throw new Refused(`${(error as Error).message.split('\n')[0]}; see --help`);
  }
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
