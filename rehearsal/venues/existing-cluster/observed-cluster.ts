import { formatSelector } from '../../../src/policy/selector.ts';
import type { Site, Venue } from '../venue.ts';
import { type ClusterContext, connectTo, readFirst } from './connection.ts';
import { annotationOf, findInstalledHook, rehearsed } from './installed-hook.ts';

/** A cluster that exists, with the hook that is installed there, to be watched only: nothing is written. */
export function observedCluster(cluster: ClusterContext, env: NodeJS.ProcessEnv): Venue {
  return {
    atOnce: 1,
    async open({ signal }, cleanup): Promise<Site> {
      const { client, close } = await connectTo(cluster, env);
      cleanup.defer(close);
      const { settings } = await readFirst(cluster, signal, () => findInstalledHook(client, cluster.installation));
      return {
        client,
        annotation: annotationOf(settings),
        clusterOf: ({ namespace }) => namespace,
        labelSelector: formatSelector(rehearsed(settings).selectors[0] ?? []),
        failed: new Promise(() => undefined),
      };
    },
  };
}
