import type { ApiServer } from '../model/api-server.ts';
import { NODES } from '../model/objects.ts';
import type { Operator } from '../model/operator.ts';

interface Furnished {
  readonly server: Pick<ApiServer<never>, 'pods' | 'changePod' | 'putNode' | 'createPod'>;
  readonly operator: Pick<Operator, 'members'>;
  createTracker(): boolean;
}

/**
 * Creates the initial cluster of every run: a member on each of the first nodes, a backup's pod, and an unrelated pod.
 */
export function furnish(sim: Furnished): void {
  const { server, operator } = sim;
  const settle = (name: string, node: string) => {
    const pod = server.pods.get(name);
    if (pod !== undefined) server.changePod(pod, () => Object.assign(pod, { node, ready: true }));
  };
  for (const name of NODES) server.putNode(name, () => undefined);
  sim.createTracker();
  for (const [i, name] of [...operator.members].entries()) {
    settle(server.createPod('member', name).name, NODES[i] ?? 'n1');
  }
  settle(server.createPod('job', 'backup-0').name, 'n1');
  settle(server.createPod('other', 'web-0').name, 'n1');
}
