import { parseArgs } from 'node:util';
import { DNS_LABEL } from '../policy/names.ts';

export interface StatusFlags {
  readonly help: boolean;
  readonly watch: boolean;
  readonly output: 'table' | 'json';
  readonly namespace?: string;
  readonly context?: string;
  /** Settings that flags give, as the environment variables that they stand for. */
  readonly env: Readonly<Record<string, string>>;
}

export const STATUS_HELP = `Usage: reschedule-hook status [options]

Shows which nodes are being drained, which pods are marked to be moved, and what each tracking entry waits for, as the
hook's controller sees it. It only reads: get, list and watch of pods, nodes and the tracking resource are enough.

  -n, --namespace NAME     only pods and entries of this namespace
      --kubeconfig FILE    the cluster (default: KUBECONFIG, ~/.kube/config, or the ServiceAccount)
      --context NAME       a context of the kubeconfig (default: its current one)
      --selector SELECTOR  the pods that the hook protects (default: as its environment variables say)
      --annotation K=V     the reschedule annotation (default: likewise)
      --tracking KIND      couchbasecluster, namespace or off (default: likewise)
  -o, --output FORMAT      table or json (default: table)
  -w, --watch              go on: redraw on a terminal, else a line for each change; Ctrl-C ends it
  -h, --help               show this text

Exit codes: 0 shown, 1 the cluster could not be read, 2 wrong arguments.
`;

const OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  watch: { type: 'boolean', short: 'w' },
  output: { type: 'string', short: 'o' },
  namespace: { type: 'string', short: 'n' },
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  selector: { type: 'string' },
  annotation: { type: 'string' },
  tracking: { type: 'string' },
} as const;

/** Reads the arguments after `status`. Throws an Error that says what is wrong, for the person who typed it. */
export function parseFlags(args: readonly string[]): StatusFlags {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const { output = 'table', namespace, context, kubeconfig, selector } = values;
  if (output !== 'table' && output !== 'json') throw new Error(`--output is "${output}"; it must be table or json`);
  if (namespace !== undefined && !DNS_LABEL.test(namespace))
    throw new Error(`--namespace is "${namespace}", which is not the name of a namespace`);
  return {
    help: values.help ?? false,
    watch: values.watch ?? false,
    output,
    ...(namespace === undefined ? {} : { namespace }),
    ...(context === undefined ? {} : { context }),
    env: {
      ...(kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig }),
      ...(selector === undefined ? {} : { POD_LABEL_SELECTOR: selector }),
      ...annotationEnv(values.annotation),
      ...trackingEnv(values.tracking),
    },
  };
}

function annotationEnv(annotation: string | undefined): Record<string, string> {
  if (annotation === undefined) return {};
  const [, key, value] = /^([^=]+)=(.+)$/.exec(annotation) ?? [];
  if (key === undefined || value === undefined) throw new Error(`--annotation is "${annotation}"; write it KEY=VALUE`);
  return { RESCHEDULE_ANNOTATION_KEY: key, RESCHEDULE_ANNOTATION_VALUE: value };
}

function trackingEnv(kind: string | undefined): Record<string, string> {
  if (kind === undefined) return {};
  return kind === 'off'
    ? { TRACK_RESCHEDULED_PODS: 'false' }
    : { TRACK_RESCHEDULED_PODS: 'true', TRACKING_RESOURCE_TYPE: kind };
}
