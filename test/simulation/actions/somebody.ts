import { isMarkedByHand, isProtected, type SimPod, shown } from '../model/objects.ts';
import { isDraining, meetsReplacementCondition } from '../model/truth.ts';
import type { Simulation } from '../runs/simulation.ts';
import type { Add } from './action.ts';

/** The field manager of somebody who marks pods without the hook. */
const SOMEBODY = 'kubectl-annotate';

/** Adds what somebody does who marks pods without the hook, for moves of their own. */
export function addMarksByHand(sim: Simulation, add: Add): void {
  for (const name of sim.operator.names)
    add(3, `somebody marks ${shown(name)}`, () => markByHand(sim, sim.server.pods.get(name)));
}

function markByHand({ server, clock, invariants }: Simulation, pod: SimPod | undefined): boolean {
  if (pod === undefined || pod.mark?.value === 'true') return false;
  invariants.markedByHand(pod.uid);
  const mark = { value: 'true', at: clock.now, by: SOMEBODY };
  server.changePod(pod, () => Object.assign(pod, { mark }));
  return true;
}

/** Marks every member that has moved and settled: its entry is about an earlier instance. */
export function markMovedByHand(sim: Simulation): void {
  for (const pod of sim.server.pods.values()) {
    const earlier = sim.invariants.entryOf(pod.name)?.uid;
    const hasMoved = earlier !== undefined && earlier !== pod.uid;
    if (hasMoved && isProtected(pod) && isSettled(sim, pod)) markByHand(sim, pod);
  }
}

function isSettled({ server, variant }: Simulation, pod: SimPod): boolean {
  return meetsReplacementCondition(pod, variant) && !isDraining(server.nodes.get(pod.node ?? ''));
}

/** Takes away every mark of the hook. Returns the UIDs of the protected pods that had one. */
export function stripMarks({ server }: Simulation): string[] {
  const marked = [...server.pods.values()].filter((pod) => pod.mark?.value === 'true' && !isMarkedByHand(pod));
  for (const pod of marked) server.changePod(pod, () => delete pod.mark);
  return marked.filter(isProtected).map(({ uid }) => uid);
}
