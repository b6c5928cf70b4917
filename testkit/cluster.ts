/** A cluster that a rehearsal, a benchmark or a test runs on: the embedded API and the control plane both are one. */
export interface Cluster {
  readonly kubeconfigPath: string;
  readonly nodes: readonly string[];
  /** A folder that is removed with the cluster. */
  readonly dir: string;
  /** A kubectl that comes with the cluster; undefined where an installed one is taken, if any. */
  readonly assets?: { readonly kubectl: string };
  /** The API server alone, where it can be stopped: it then answers nobody, and what it stored stays. */
  readonly apiServer?: { stop(): Promise<unknown>; start(): Promise<unknown> };
  readonly failed: Promise<Error>;
  stop(): Promise<void>;
}
