import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { helpOf, readArguments, UsageError, value } from '../src/command-line.ts';
import { DNS_LABEL } from '../src/policy/names.ts';
import { Refused, runMain } from './refused.ts';
import { hasImage, NAMESPACE, ROOT, render } from './render.ts';

const MANIFESTS = {
  name: 'npm run manifests --',
  about: 'Renders the installation into one file, with kubectl kustomize.',
  options: {
    overlay: value('--overlay <FOLDER>', 'what to render (default: config/default)', String),
    image: value('--image <NAME:TAG>', 'the image of the hook, instead of the one in config/manager', String),
    namespace: value('--namespace <NAME>', 'where it is installed', String, NAMESPACE),
    docs: value('--docs <URL>', 'where this repository is to be read: gives alerts a runbook_url', anAddress),
  },
  operands: {
    name: 'FILE',
    about: 'where to; - for standard output (default: dist/install.yaml)',
    isList: false,
  },
  notes: 'Exit code: 0 if it was rendered, 1 if it could not be, 2 for a wrong command line.',
};

runMain('manifests', main);

function main(): number {
  const { options, operands } = readArguments(MANIFESTS, process.argv.slice(2));
  if (options.help) {
    process.stdout.write(helpOf(MANIFESTS));
    return 0;
  }
  const [file = 'dist/install.yaml'] = operands;
  const { overlay = join(ROOT, 'config/default'), image, namespace, docs } = options;
  if (!DNS_LABEL.test(namespace)) throw new UsageError(`"${namespace}" is no name of a namespace`);
  const text = render(overlay, { image, namespace, docs });
  if (image !== undefined && !hasImage(text)) throw new Refused('there is no image of the hook to replace');
  if (file === '-') {
    process.stdout.write(text);
    return 0;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`wrote ${file}`);
  return 0;
}

function anAddress(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text)) throw new Error(`takes an address, not "${text}"`);
  return text;
}
