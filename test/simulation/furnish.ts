import { NODES, type Simulation } from './simulation.ts';

/** The cluster as every run finds it: a member on each of the first nodes, a backup's pod, and somebody else's. */
export function furnish(sim: Simulation): void {
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
