import { installedKubectl } from '../../../rehearsal/drainers/kubectl.ts';
import { startEmbedded } from '../../../rehearsal/embedded-api/cluster.ts';
import { findAssets } from '../../../testkit/control-plane/assets.ts';
import { holdTo } from './contract/run.ts';

/** What the embedded API must do like a real one; test/cluster/rehearsal/contract.test.ts holds the real one to the same. */
const found = findAssets();
const kubectl = found.state === 'ready' ? found.assets.kubectl : installedKubectl();
const start = async () => {
  const cluster = await startEmbedded();
  return {
    ...cluster,
    ...(kubectl === undefined ? {} : { kubectl }),
    async forget() {
      cluster.compact();
      await cluster.apiServer.stop();
      await cluster.apiServer.start();
    },
  };
};

holdTo('the embedded API', start, { hasKubectl: kubectl !== undefined });
