import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { helpOf, readArguments, UsageError, value } from '../command-line.ts';
import { DNS_LABEL } from '../policy/names.ts';
import { hasImage, NAMESPACE, render } from './render.ts';

/** How the command was called. */
export interface ManifestsCall {
  /** For the help. */
  readonly name: string;
  /** The folder of the manifests. It need not be there. */
  readonly config: string;
  /** Writes to standard output. */
  readonly print: (text: string) => void;
}

const OPTIONS = {
  overlay: value('--overlay <FOLDER>', 'what to render (default: config/default)', String),
  image: value('--image <NAME:TAG>', 'the image of the hook, instead of the one in config/manager', String),
  namespace: value('--namespace <NAME>', 'where it is installed', aNamespace, NAMESPACE),
  docs: value('--docs <URL>', 'where this repository is to be read: gives alerts a runbook_url', anAddress),
};

/** Renders the installation. Returns the exit code. Throws a UsageError. */
export function renderManifests(args: readonly string[], { name, config, print }: ManifestsCall): number {
  const spec = {
    name,
    about: 'Renders the installation into one file, with kubectl kustomize.',
    options: OPTIONS,
    operands: { name: 'FILE', about: 'where to; - for standard output (default: dist/install.yaml)', isList: false },
    notes: 'Exit code: 0 if it was rendered, 2 if it could not be.',
  };
  const { options, operands } = readArguments(spec, args);
  if (options.help) {
    print(helpOf(spec));
    return 0;
  }
  const [file = 'dist/install.yaml'] = operands;
  const { overlay = defaultIn(config), image, namespace, docs } = options;
  const text = render(overlay, { image, namespace, docs });
  if (image !== undefined && !hasImage(text)) throw new UsageError('there is no image of the hook to replace');
  if (file === '-') {
    print(text);
    return 0;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  print(`wrote ${file}\n`);
  return 0;
}

/** The plugin and the image come without manifests. */
function defaultIn(config: string): string {
  const folder = join(config, 'default');
  if (existsSync(folder)) return folder;
  throw new UsageError(
    'there are no manifests beside this program: use the npm package or a checkout, give --overlay, or take install.yaml of a release',
  );
}

function aNamespace(text: string): string {
  if (!DNS_LABEL.test(text)) throw new Error(`takes the name of a namespace, not "${text}"`);
  return text;
}

function anAddress(text: string): string {
  if (!URL.canParse(text) || !/^https?:/.test(text)) throw new Error(`takes an address, not "${text}"`);
  return text;
}
