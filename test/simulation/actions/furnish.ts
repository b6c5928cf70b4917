import type { ApiServer } from '../model/api-server.ts';
import { COUCHBASE } from '../model/families.ts';
import { NODES } from '../model/objects.ts';
import type { Operator } from '../model/operator.ts';

interface Furnished {
  readonly server: Pick<ApiServer<never>, 'pods' | 'changePod' | 'putNode' | 'createPod'>;
  readonly operators: readonly Pick<Operator, 'family' | 'members'>[];
  createTracker(): boolean;
  createNamespace(): void;
}

/**
 * Creates the initial cluster of every run. A member of Couchbase is on each of the first nodes. Of any other family two are on
 * the first and one is on the second. A backup's pod and an unrelated pod are on the first.
 */
export function furnish(sim: Furnished): void {
  const { server, operators } = sim;
  const settle = (name: string, node: string) => {
    const pod = server.pods.get(name);
    if (pod !== undefined) server.changePod(pod, () => Object.assign(pod, { node, ready: true }));
  };
  for (const name of NODES) server.putNode(name, () => undefined);
  sim.createTracker();
  sim.createNamespace();
  for (const { family, members } of operators) {
    for (const [i, name] of [...members].entries()) {
      const at = family.prefix === COUCHBASE.prefix ? i : Math.floor(i / 2);
      settle(server.createPod('member', name).name, NODES[at] ?? 'n1');
    }
  }
  settle(server.createPod('job', 'backup-0').name, 'n1');
  settle(server.createPod('other', 'web-0').name, 'n1');
}
