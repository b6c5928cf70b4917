import { value } from '../command-line.ts';

/** Which cluster a command reads, and which of several installations it is about. */
export const INSTALLED_OPTIONS = {
  kubeconfig: value(
    '--kubeconfig <FILE>',
    'the cluster (default: KUBECONFIG, ~/.kube/config, or the ServiceAccount)',
    String,
  ),
  context: value('--context <NAME>', 'a context of the kubeconfig (default: its current one)', String),
  installation: value('--installation <NAME>', 'the name of the registration, where there are several', String),
};

export interface InstalledFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly installation?: string;
}

/** The environment in which KUBECONFIG names the cluster of the flags. */
export const envOf = ({ kubeconfig }: InstalledFlags, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  kubeconfig === undefined ? env : { ...env, KUBECONFIG: kubeconfig };
