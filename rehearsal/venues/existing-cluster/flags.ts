/** What `--context` and the flags that belong to it ask for. */
export interface ClusterFlags {
  readonly context: string;
  /** Absent: as kubectl finds it. */
  readonly kubeconfig?: string;
  /** The only nodes that are touched. */
  readonly nodes: readonly string[];
  readonly image: string;
  /** Nobody is asked. */
  readonly yes: boolean;
  /** Only watches; writes nothing. */
  readonly observe: boolean;
}

export const CLUSTER_OPTIONS = {
  context: { type: 'string' },
  kubeconfig: { type: 'string' },
  node: { type: 'string', multiple: true },
  image: { type: 'string' },
  yes: { type: 'boolean' },
  observe: { type: 'boolean' },
} as const;

export const CLUSTER_HELP = `
On a cluster that you have, with the hook that is installed in it (docs/rehearsal.md says what is touched):
  --context NAME    the context of the kubeconfig; says what it will do and asks first
  --kubeconfig FILE instead of the one that kubectl would use
  --node NAME       a node for the stand-in pods, given at least twice; one of them is cordoned and drained
  --image IMAGE     what the stand-in pods run (default registry.k8s.io/pause:3.10)
  --yes             does not ask
  --observe         writes nothing: watches a drain that you run, until the nodes are drained or you interrupt it
`;

type Values = { readonly [key in 'context' | 'kubeconfig' | 'image']?: string | undefined } & {
  readonly [key in 'yes' | 'observe']?: boolean | undefined;
} & { readonly node?: readonly string[] | undefined };

const DEFAULT_IMAGE = 'registry.k8s.io/pause:3.10';

/** Undefined where no cluster is named. A string is what is wrong with the flags. */
export function clusterFlags(values: Values, others: readonly string[]): ClusterFlags | string | undefined {
  const { context, kubeconfig, node = [], image = DEFAULT_IMAGE, yes = false, observe = false } = values;
  if (context === undefined) return orphan(values);
  if (others.length > 0) return `--context does not go together with --${others[0]}`;
  const nodes = [...new Set(node)];
  const wrong = observe ? wrongToObserve(values) : tooFew(nodes);
  return wrong ?? { context, ...(kubeconfig === undefined ? {} : { kubeconfig }), nodes, image, yes, observe };
}

function orphan(values: Values): string | undefined {
  const given = Object.keys(CLUSTER_OPTIONS).find((name) => values[name as keyof Values] !== undefined);
  return given === undefined ? undefined : `--${given} needs --context`;
}

function wrongToObserve(values: Values): string | undefined {
  const given = (['node', 'yes', 'image'] as const).find((name) => values[name] !== undefined);
  return given === undefined ? undefined : `--observe only watches, and does not go together with --${given}`;
}

function tooFew(nodes: readonly string[]): string | undefined {
  if (nodes.length > 1) return undefined;
  return '--context needs --node at least twice: one node to drain, and one for its pods to move to';
}
