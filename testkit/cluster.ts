/** The cluster of a rehearsal, a benchmark or a test: the embedded API or the control plane. */
export interface Cluster {
  readonly kubeconfigPath: string;
  /** The hook's own user, so that its evictions can be told from those of drainers. It may do everything, too. */
  readonly hookUser: { readonly name: string; readonly kubeconfigPath: string };
  readonly nodes: readonly string[];
  /** A folder that is removed together with the cluster. */
  readonly dir: string;
  /** The kubectl of the cluster. Undefined: use an installed one, if there is one. */
  readonly assets?: { readonly kubectl: string };
  /** Stops and starts the API server alone, if that is possible. While it is stopped it keeps its data. */
  readonly apiServer?: { stop(): Promise<unknown>; start(): Promise<unknown> };
  readonly failed: Promise<Error>;
  stop(): Promise<void>;
}
