import { startControlPlane } from '../../../testkit/control-plane/control-plane.ts';
import { holdTo } from '../../rehearsal/embedded-api/contract/run.ts';
import { compactEtcd } from '../support/etcd.ts';

/** What the embedded API is held to in test/rehearsal/embedded, shown on the real one. */
holdTo(
  'a real control plane',
  async () => {
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
  },
  { hasKubectl: true },
);
