import type { ApiClient } from '../../src/kube/client.ts';
import { drainerOf } from './drain-node.ts';
import type { Drainer } from './drainer.ts';
import { installedKubectl, kubectlDrainer } from './kubectl.ts';
import { KUBECTL } from './models/kubectl.ts';

export type DrainerChoice = 'kubectl' | 'built-in';

export interface KubectlOfCluster {
  /** The kubectl that comes with the cluster; undefined: the installed one, if any. */
  readonly kubectl: string | undefined;
  readonly kubeconfigPath: string;
  readonly homeDir: string;
}

/** The drainer that is asked for; else the kubectl of the cluster, or the one that is installed, or what does the same. */
export function chooseDrainer(
  client: ApiClient,
  ofCluster: KubectlOfCluster,
  choice: DrainerChoice | undefined,
  write: (line: string) => void,
): Drainer {
  if (choice === 'built-in') return drainerOf(KUBECTL, client);
  const kubectl = ofCluster.kubectl ?? installedKubectl();
  if (kubectl !== undefined) return kubectlDrainer({ ...ofCluster, kubectl });
  write('no kubectl is installed: the built-in drainer does what it would do');
  return drainerOf(KUBECTL, client);
}
