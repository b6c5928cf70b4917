import { helpOf, oneOf, readArguments, UsageError, value } from '../command-line.ts';
import { INSTALLED_OPTIONS, type InstalledFlags } from '../installed/flags.ts';

export interface PreflightFlags extends InstalledFlags {
  readonly help: boolean;
  readonly nodes: readonly string[];
  readonly output: 'table' | 'json';
}

const PREFLIGHT = {
  usage: '[options] NODE...',
  about:
    'Says what a drain of these nodes would do, and what would hold it up: of the hook, of each pod that it protects, and of what kubectl itself stumbles on. It only reads, and changes nothing. The settings and profiles are those of the Deployment that answers.',
  options: {
    ...INSTALLED_OPTIONS,
    output: value('-o, --output <FORMAT>', 'table or json', oneOf(['table', 'json']), 'table'),
  },
  operands: { name: 'NODE', about: 'the nodes that are to be drained together', isList: true },
  notes:
    'Exit code: 0 if nothing was found that hangs; 1 if something will hang, or is unsafe; 2 if it could not begin.',
} as const;

/** `name`: how the command was called. */
export const preflightHelp = (name: string) => helpOf({ name, ...PREFLIGHT });

/** Reads the arguments after `preflight`. Throws a UsageError that explains the problem to the user. */
export function parsePreflight(args: readonly string[], name: string): PreflightFlags {
  const { options, operands } = readArguments({ name, ...PREFLIGHT }, args);
  if (!options.help && operands.length === 0) throw new UsageError('name the nodes that are to be drained');
  return { ...options, nodes: [...new Set(operands)] };
}
