import { startControlPlane } from '../../../testkit/control-plane/control-plane.ts';
import { chosenKubernetes, DEFAULT_KUBERNETES } from '../../../testkit/control-plane/versions.ts';
import { holdTo } from '../../rehearsal/embedded-api/contract/run.ts';
import { compactEtcd } from '../support/etcd.ts';

async function start() {
  const controlPlane = await startControlPlane({ nodes: 2 });
  const { kubeconfigPath, dir, nodes, server, caData, adminToken, assets, apiServer, stop } = controlPlane;
  return {
    kubeconfigPath,
    dir,
    nodes,
    server,
    caData,
    adminToken,
    kubectl: assets.kubectl,
    stop,
    async forget() {
      await compactEtcd({ controlPlane });
      await apiServer.stop();
      await apiServer.start();
    },
  };
}

/**
 * What the embedded API is held to in test/rehearsal/embedded, shown on the real one of the version that it imitates. 1.33, for
 * example, words some refusals in other ways, and has no bookmark after initial events.
 */
if (chosenKubernetes() === DEFAULT_KUBERNETES) holdTo('a real control plane', start, { hasKubectl: true });
else console.log(`The embedded API imitates ${DEFAULT_KUBERNETES} and is held to nothing on ${chosenKubernetes()}.`);
