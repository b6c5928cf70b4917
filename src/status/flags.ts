import { type Arguments, type Conflicts, flag, helpOf, readArguments, value } from '../command-line.ts';
import { INSTALLED_OPTIONS } from '../installed/flags.ts';
import { parseDuration } from '../policy/duration.ts';
import { DNS_LABEL, OBJECT_NAME } from '../policy/names.ts';

export interface StatusFlags {
  readonly help: boolean;
  readonly watch: boolean;
  readonly output: 'table' | 'json';
  readonly namespace?: string;
  readonly context?: string;
  /** Only waits until the API server asks the hook, for so many milliseconds at most. */
  readonly waitRegisteredMs?: number;
  /** The flags that stand for environment variables, as these variables. */
  readonly env: Readonly<Record<string, string>>;
}

const WAIT_MS = 180_000;
/** Where config/ puts the hook. */
export const HOOK_NAMESPACE = 'reschedule-hook-system';

const STATUS = {
  name: 'reschedule-hook status',
  about: `Shows which nodes are being drained, which pods are marked to be moved or stalled, and what each tracking entry waits for, as the hook's controller sees it. It changes nothing. The settings and profiles are those of the Deployment that answers; in the hook's own pod, those of that pod.`,
  options: {
    namespace: value('-n, --namespace <NAME>', 'only pods and entries of this namespace', namespace),
    kubeconfig: INSTALLED_OPTIONS.kubeconfig,
    context: INSTALLED_OPTIONS.context,
    selector: value(
      '--selector <SELECTOR>',
      'the pods that the hook protects (default: those of the hook that is installed)',
      String,
    ),
    annotation: value('--annotation <K=V>', 'the reschedule annotation (default: likewise)', annotation),
    tracking: value(
      '--tracking <KIND[,KIND...]>',
      'couchbasecluster, namespace, configmap or off; others after it are read too (default: likewise)',
      tracking,
    ),
    installation: value(
      '--installation <NAME>',
      'the name of the registration, where there are several (default: WEBHOOK_CONFIGURATION, or the only one)',
      installation,
    ),
    hookNamespace: value(
      '--hook-namespace <NAME>',
      `where the hook is, and its ConfigMaps (default: that of its Deployment)`,
      namespace,
    ),
    output: value('-o, --output <FORMAT>', 'table or json', output, 'table'),
    watch: flag('-w, --watch', 'go on: redraw on a terminal, else a line for each change; Ctrl-C ends it'),
    waitRegistered: flag(
      '--wait-registered',
      'instead of all that, wait until the hook has filled its registration, so that the API server asks it',
    ),
    timeout: value('--timeout <DURATION>', 'for how long --wait-registered waits (default: 3m)', parseDuration),
  },
  notes:
    'Exit code: 0 if it was shown, or the hook is registered; 1 if it is not registered in time; 2 if it could not begin: wrong arguments, a cluster or settings that cannot be read, several installations.',
} as const;

type Given = typeof STATUS.options;

const conflictsIn: Conflicts<Given> = ({ waitRegistered }, isGiven) => {
  const others = (['namespace', 'output', 'watch'] as const).filter((name) => waitRegistered && isGiven(name));
  return [
    ...others.map((name) => `--${name} does not go with --wait-registered`),
    ...(isGiven('timeout') && !waitRegistered ? ['--timeout goes with --wait-registered'] : []),
  ];
};

/** What `--help` prints. `name`: how the command was called. */
export const statusHelp = (name: string) => helpOf({ ...STATUS, name });

/** Reads the arguments after `status`. Throws a UsageError that explains the problem. */
export function parseFlags(args: readonly string[]): StatusFlags {
  const given: Arguments<Given>['options'] = readArguments(STATUS, args, '--help', conflictsIn).options;
  const { kubeconfig, selector, annotation, tracking, installation, hookNamespace, waitRegistered, timeout, ...flags } =
    given;
  return {
    ...flags,
    ...(waitRegistered ? { waitRegisteredMs: timeout ?? WAIT_MS } : {}),
    env: {
      ...(installation === undefined ? {} : { WEBHOOK_CONFIGURATION: installation }),
      ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }),
      ...(selector === undefined && annotation === undefined ? {} : NO_PROFILES),
      ...(selector === undefined ? {} : wholeSelector(selector)),
      ...annotation,
      ...tracking,
      ...(hookNamespace === undefined ? {} : { POD_NAMESPACE: hookNamespace }),
    },
  };
}

function namespace(text: string): string {
  if (!DNS_LABEL.test(text)) throw new Error(`is "${text}", which is not the name of a namespace`);
  return text;
}

function installation(text: string): string {
  if (!OBJECT_NAME.test(text)) throw new Error(`is "${text}", which is not the name of a registration`);
  return text;
}

/** These flags are about one operator, and stand in place of the profiles of the environment. */
const NO_PROFILES = { PROFILES: '', PROFILES_FILE: '' };

/** In place of whatever the environment selects. An empty variable counts as not set. */
function wholeSelector(selector: string): Record<string, string> {
  return { POD_LABEL_SELECTOR: selector, POD_LABEL_SELECTOR_KEY: '', POD_LABEL_SELECTOR_VALUE: '' };
}

function output(text: string): 'table' | 'json' {
  if (text !== 'table' && text !== 'json') throw new Error(`is "${text}"; it must be table or json`);
  return text;
}

function annotation(text: string): Record<string, string> {
  const [, key, value] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new Error(`is "${text}"; write it KEY=VALUE`);
  return { RESCHEDULE_ANNOTATION_KEY: key, RESCHEDULE_ANNOTATION_VALUE: value };
}

/** An unknown kind stays in the setting, so that the configuration reports it. */
function tracking(kinds: string): Record<string, string> {
  const [kind = '', ...others] = kinds.split(',');
  if (kinds === 'off') return { TRACK_RESCHEDULED_PODS: 'false' };
  const also = others.length === 0 ? {} : { TRACKING_ALSO_READ: others.join(',') };
  return { TRACK_RESCHEDULED_PODS: 'true', TRACKING_RESOURCE_TYPE: kind, ...also };
}
