import { isProtected, NODES, OTHERS, type SimPod, type SimTracker, shown } from '../model/objects.ts';
import type { Operator } from '../model/operator.ts';
import type { Simulation } from '../runs/simulation.ts';
import type { Add } from './action.ts';

const RENAMING: readonly string[] = ['renames', 'either'];
const SWAPPING: readonly string[] = ['any', 'swaps'];

/** Adds the evictions of drainers, for each replica that may get them. */
export function addEvictions(sim: Simulation, add: Add): void {
  for (const drainer of sim.drainers) {
    for (const pod of [...sim.names, ...OTHERS]) {
      for (const replica of sim.ours) {
        add(12, `${drainer.name} evicts ${shown(pod)} at ${replica.name}`, () => sim.ask(drainer, pod, replica));
      }
    }
  }
}

/** Adds the other actions of drainers. */
export function addDrainers(sim: Simulation, add: Add): void {
  for (const drainer of sim.drainers) {
    const { name } = drainer;
    for (const node of NODES) add(6, `${name} starts on ${node}`, () => drainer.start(node));
    add(30, `${name} lists`, () => drainer.phase === 'marked' && drainer.list());
    add(3, `${name} lists again`, () => drainer.phase === 'asking' && drainer.list());
    for (const pod of [...sim.names, ...OTHERS]) {
      add(20, `${name} looks whether ${shown(pod)} is gone`, () => drainer.poll(pod));
    }
    add(10, `${name} ends and uncordons`, () => drainer.isThrough() && drainer.end(true));
    add(5, `${name} ends`, () => drainer.isThrough() && drainer.end(false));
    add(1, `${name} gives up and uncordons`, () => drainer.end(true));
    add(1, `${name} gives up`, () => drainer.end(false));
  }
}

/** Adds the actions of one operator, and of people who interfere with it. */
export function addOperator(operator: Operator, server: Simulation['server'], add: Add): void {
  const { title, family } = operator;
  for (const name of operator.names) {
    add(12, `${title} deletes ${shown(name)}`, () => operator.deleteMarked(name));
    if (RENAMING.includes(family.moves))
      add(12, `${title} deletes ${shown(name)} for a new name`, () => operator.renameMarked(name));
    add(20, `${title} creates ${shown(name)}`, () => operator.recreate(name));
    if (SWAPPING.includes(family.moves)) {
      add(4, `${title} swaps ${shown(name)}`, () => operator.startSwap(name));
      add(20, `${title} deletes the swapped ${shown(name)}`, () => operator.endSwap(name));
    }
    add(1, `${title} restarts ${shown(name)}`, () => operator.restart(name, false));
    add(10, `${title} replaces the failed ${shown(name)}`, () => operator.restart(name, true));
    add(1, `somebody takes the label of ${shown(name)}`, () => label(server, server.pods.get(name), false));
    add(6, `somebody labels ${shown(name)} again`, () => label(server, server.pods.get(name), true));
    add(1, `somebody unmarks ${shown(name)}`, () => unmark(server, server.pods.get(name)));
  }
  add(1, `${title} dies`, () => operator.die());
  add(10, `${title} comes back`, () => turn(operator, 'isUp', true));
  add(1, `${title} is paused`, () => turn(operator, 'isPaused', true));
  add(10, `${title} goes on`, () => turn(operator, 'isPaused', false));
}

function turn<K extends string>(object: Record<K, boolean>, key: K, value: boolean): boolean {
  if (object[key] === value) return false;
  object[key] = value;
  return true;
}

function unmark(server: Simulation['server'], pod: SimPod | undefined): boolean {
  if (pod?.mark === undefined) return false;
  server.changePod(pod, () => delete pod.mark);
  return true;
}

function label(server: Simulation['server'], pod: SimPod | undefined, isLabelled: boolean): boolean {
  if (pod === undefined || pod.isLabelled === isLabelled) return false;
  server.changePod(pod, () => Object.assign(pod, { isLabelled }));
  return true;
}

/** Adds the actions of scheduler, kubelets and people. */
export function addCluster(sim: Simulation, add: Add): void {
  const { server, clock } = sim;
  for (const name of [...sim.names, ...OTHERS]) {
    const change = (can: (pod: SimPod) => boolean, edit: (pod: SimPod) => void) => () => {
      const pod = server.pods.get(name);
      if (pod === undefined || !can(pod)) return false;
      server.changePod(pod, edit);
      return true;
    };
    for (const node of NODES) {
      const isFree = () => server.nodes.get(node)?.unschedulable === false;
      const bind = (pod: SimPod) => Object.assign(pod, { node });
      const mayBind = (pod: SimPod) =>
        pod.node === undefined && server.nodes.has(node) && (pinnedTo(sim, name) ?? node) === node;
      add(
        12,
        `scheduler puts ${shown(name)} on ${node}`,
        change((pod) => mayBind(pod) && isFree(), bind),
      );
      add(
        2,
        `scheduler, late, puts ${shown(name)} on ${node}`,
        change((pod) => mayBind(pod) && !isFree(), bind),
      );
    }
    const isRunning = (pod: SimPod) => pod.node !== undefined && !pod.ready && pod.finishedAt === undefined;
    add(
      20,
      `${shown(name)} is ready`,
      change(isRunning, (pod) => Object.assign(pod, { ready: true })),
    );
    add(
      1,
      `${shown(name)} fails`,
      change(
        (pod) => pod.node !== undefined && pod.finishedAt === undefined,
        (pod) => Object.assign(pod, { ready: false, finishedAt: clock.now }),
      ),
    );
    add(1, `somebody deletes ${shown(name)}`, () => terminate(sim, server.pods.get(name)));
    add(2, `somebody deletes ${shown(name)} with 5 s of grace`, () => hurry(sim, server.pods.get(name)));
    add(6, `the kubelet ends ${shown(name)}`, () => kubeletEnds(sim, server.pods.get(name)));
  }
  for (const [name, kind] of [
    ['backup-0', 'job'],
    ['web-0', 'other'],
  ] as const) {
    add(2, `${name} is created`, () => !server.pods.has(name) && server.createPod(kind, name) !== undefined);
  }
  for (const name of NODES) addNode(sim, add, name);
  add(2, 'somebody writes the tracking resource', () => touchTracker(sim));
  add(1, 'somebody deletes the tracking resource', () => deleteTracker(sim));
  add(15, 'somebody creates the tracking resource', () => sim.createTracker());
}

/** The only node that the pod of that name can run on, if there is one. */
export function pinnedTo({ server, variant }: Simulation, name: string): string | undefined {
  return variant.pinsPods ? server.firstNodes.get(name) : undefined;
}

function terminate({ server }: Simulation, pod: SimPod | undefined): boolean {
  return pod !== undefined && isProtected(pod) && server.terminatePod(pod);
}

/** Also for a pod that is terminating already. */
function hurry({ server }: Simulation, pod: SimPod | undefined): boolean {
  return pod !== undefined && pod.finishedAt === undefined && server.terminatePod(pod, 5);
}

/** Also does the garbage collector's work for pods of nodes that no longer exist. */
export function kubeletEnds({ server }: Simulation, pod: SimPod | undefined): boolean {
  const isOrphan = pod?.node !== undefined && !server.nodes.has(pod.node);
  if (pod === undefined || (pod.deletionDeadline === undefined && !isOrphan)) return false;
  server.removePod(pod);
  return true;
}

function addNode({ server }: Simulation, add: Add, name: string): void {
  const isMarked = () => {
    const node = server.nodes.get(name);
    return node !== undefined && (node.unschedulable || node.taints.length > 0);
  };
  add(2, `somebody uncordons ${name}`, () => {
    if (!isMarked()) return false;
    server.putNode(name, (node) => Object.assign(node, { unschedulable: false, taints: [] }));
    return true;
  });
  add(1, `${name} sends its heartbeat`, () => {
    if (!server.nodes.has(name)) return false;
    server.putNode(name, () => undefined);
    return true;
  });
  add(1, `${name} goes`, () => {
    const node = server.nodes.get(name);
    if (node === undefined || server.nodes.size < 3) return false;
    server.removeNode(node);
    return true;
  });
  add(10, `${name} comes`, () => {
    if (server.nodes.has(name)) return false;
    server.putNode(name, () => undefined);
    return true;
  });
}

/** The tracker of the variant, or the Namespace beside it. */
export function trackerOf({ trackers }: Simulation['server'], kind: SimTracker['kind']): SimTracker | undefined {
  return [...trackers.values()].find((one) => one.kind === kind);
}

function touchTracker({ server }: Simulation): boolean {
  const tracker = trackerOf(server, 'trackers');
  if (tracker === undefined) return false;
  server.changeTracker(tracker, tracker.annotations);
  return true;
}

/** Never deletes a Namespace, which goes only after everything in it. */
function deleteTracker({ server, variant }: Simulation): boolean {
  const tracker = trackerOf(server, 'trackers');
  if (tracker === undefined || variant.tracking === 'namespace') return false;
  server.removeTracker(tracker);
  return true;
}
