import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';

/**
 * Finds the cluster as kubectl does: `KUBECONFIG`, else `~/.kube/config`, else the ServiceAccount of the pod this runs in.
 * Throws an Error that names the fix where there is none of them (the library would fall back to localhost:8080).
 */
export function loadKubeConfig(env: NodeJS.ProcessEnv): KubeConfig {
  const named = env.KUBECONFIG?.split(delimiter).filter((file) => file !== '') ?? [];
  const defaultFile = join(env.HOME ?? homedir(), '.kube', 'config');
  const config = new KubeConfig();
  if (named.length > 0) loadFiles(config, named);
  else if (existsSync(defaultFile)) config.loadFromFile(defaultFile);
  else if (env.KUBERNETES_SERVICE_HOST !== undefined) config.loadFromCluster();
  else throw new Error(`no cluster: set KUBECONFIG, or create ${defaultFile}, or run in a pod with a ServiceAccount`);
  if (config.getCurrentCluster() === null) {
    throw new Error(
      'the kubeconfig has no current context with a cluster: set one with kubectl config use-context NAME',
    );
  }
  return config;
}

/** As kubectl reads a list of files: those that do not exist are passed over, and the first to set a value wins. */
function loadFiles(config: KubeConfig, files: readonly string[]): void {
  const [first, ...rest] = files.filter((file) => existsSync(file));
  if (first === undefined) throw new Error(`KUBECONFIG is ${files.join(delimiter)}, and there is no such file`);
  config.loadFromFile(first);
  for (const file of rest) {
    const other = new KubeConfig();
    other.loadFromFile(file);
    other.clusters = other.clusters.filter(({ name }) => config.getCluster(name) === null);
    other.users = other.users.filter(({ name }) => config.getUser(name) === null);
    other.contexts = other.contexts.filter(({ name }) => config.getContextObject(name) === null);
    config.mergeConfig(other, Boolean(config.currentContext));
  }
}
