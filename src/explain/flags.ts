import { helpOf, oneOf, readArguments, UsageError, value } from '../command-line.ts';
import { INSTALLED_OPTIONS, type InstalledFlags } from '../installed/flags.ts';
import { DNS_LABEL } from '../policy/names.ts';

export interface ExplainFlags extends InstalledFlags {
  readonly help: boolean;
  readonly pod: string;
  /** Absent: that of the context. */
  readonly namespace?: string;
  readonly output: 'text' | 'json';
}

const EXPLAIN = {
  usage: '[options] POD',
  about:
    'Says why a drain waits for this pod now: which rule applies, what was seen, what has to happen next, and what to do if it does not. It decides by the very policy of the hook, and changes nothing. The settings and profiles are those of the Deployment that answers.',
  options: {
    namespace: value('-n, --namespace <NAME>', 'the namespace of the pod (default: that of the context)', namespace),
    ...INSTALLED_OPTIONS,
    output: value('-o, --output <FORMAT>', 'text or json', oneOf(['text', 'json']), 'text'),
  },
  operands: { name: 'POD', about: 'the pod', isList: false },
  notes:
    'Exit code: 0 if it waits for nothing, or goes on by itself; 1 if a human has to act; 2 if it could not begin.',
} as const;

/** `name`: how the command was called. */
export const explainHelp = (name: string) => helpOf({ name, ...EXPLAIN });

/** Reads the arguments after `explain`. Throws a UsageError that explains the problem to the user. */
export function parseExplain(args: readonly string[], name: string): ExplainFlags {
  const { options, operands } = readArguments({ name, ...EXPLAIN }, args);
  // As kubectl prints it, too.
  const pod = operands[0]?.replace(/^pods?\//, '') ?? '';
  if (!options.help && pod === '') throw new UsageError('name the pod that is to be explained');
  const [first = '', second] = pod.split('/', 2);
  return second === undefined ? { ...options, pod } : { ...options, namespace: first, pod: second };
}

function namespace(text: string): string {
  if (!DNS_LABEL.test(text)) throw new Error(`is "${text}", which is not the name of a namespace`);
  return text;
}
