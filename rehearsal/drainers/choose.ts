import type { Flags } from '../flags.ts';
import type { Stage } from '../venues/stage.ts';
import type { Drainer } from './drainer.ts';
import { installedKubectl, kubectlDrainer } from './kubectl.ts';
import { kubectlLikeDrainer } from './kubectl-like.ts';

/** The one that is asked for; else the kubectl of the cluster, or the one that is installed, or what does the same. */
export function chooseDrainer(
  { cluster, client }: Stage,
  wanted: Flags['drainer'],
  write: (line: string) => void,
): Drainer {
  if (wanted === 'built-in') return kubectlLikeDrainer({ client });
  const kubectl = cluster.assets?.kubectl ?? installedKubectl();
  if (kubectl !== undefined) {
    return kubectlDrainer({ kubectl, kubeconfigPath: cluster.kubeconfigPath, homeDir: cluster.dir });
  }
  write('no kubectl is installed: the built-in drainer does what it would do');
  return kubectlLikeDrainer({ client });
}
