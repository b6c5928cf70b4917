import { valueFor } from '../model/families.ts';
import { isMarked, isMarkedByHook, isProtected, type SimPod, shown } from '../model/objects.ts';
import { isDraining, meetsReplacementCondition } from '../model/truth.ts';
import type { Simulation } from '../runs/simulation.ts';
import type { Add } from './action.ts';

/** The field manager of somebody who marks pods without the hook. */
const SOMEBODY = 'kubectl-annotate';

/** Adds what somebody does who marks pods without the hook, for moves of their own. */
export function addMarksByHand(sim: Simulation, add: Add): void {
  for (const name of sim.names)
    add(3, `somebody marks ${shown(name)}`, () => markByHand(sim, sim.server.pods.get(name)));
}

function markByHand({ server, clock, invariants }: Simulation, pod: SimPod | undefined): boolean {
  if (pod?.profile === undefined || isMarked(pod)) return false;
  invariants.markedByHand(pod.uid);
  const { profile, labels } = pod;
  // Any value is a mark if it is matched by presence.
  const value = profile.mark.match === 'present' ? 'by hand' : valueFor(profile, labels.app ?? '', pod);
  const mark = { value, at: clock.now, by: SOMEBODY };
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
  const marked = [...server.pods.values()].filter(isMarkedByHook);
  for (const pod of marked) server.changePod(pod, () => delete pod.mark);
  return marked.filter(isProtected).map(({ uid }) => uid);
}

/** Adds what somebody does who wants marks of the hook to stay that it would take back. */
export function addSharedMarks(sim: Simulation, add: Add): void {
  const { server } = sim;
  for (const { family, names } of sim.operators) {
    if (!family.profile.withdraws) continue;
    for (const name of names) add(1, `somebody applies the mark of ${shown(name)}, too`, () => share(server, name));
  }
}

function share(server: Simulation['server'], name: string): boolean {
  const pod = server.pods.get(name);
  const { mark } = pod ?? {};
  if (pod === undefined || mark === undefined || mark.isShared || !isMarkedByHook(pod)) return false;
  server.changePod(pod, () => Object.assign(pod, { mark: { ...mark, isShared: true } }));
  return true;
}
