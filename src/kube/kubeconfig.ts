import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';

/**
 * Finds the cluster as kubectl does: `KUBECONFIG`, else `~/.kube/config`, else the ServiceAccount of the pod this runs in.
 * Throws an Error that names the fix where there is none of them (the library would fall back to localhost:8080).
 */
export function loadKubeConfig(env: NodeJS.ProcessEnv): KubeConfig {
  const config = new KubeConfig();
  const defaultFile = join(env.HOME ?? homedir(), '.kube', 'config');
  if (env.KUBECONFIG !== undefined && env.KUBECONFIG !== '') config.loadFromDefault();
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
