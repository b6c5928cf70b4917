import { CALL_CLASSES } from '../../../src/kube/call-class.ts';
import type { ApiError } from '../../../src/kube/errors.ts';
import { refusal } from '../../support/api.ts';
import { POD_KINDS, WATCH_KINDS, type WatchKind } from '../model/api-server.ts';
import { OURS, SECOND } from '../model/installations.ts';
import { hasOtherTracker, podSelectorsOf } from '../runs/settings.ts';
import type { Replica, Simulation } from '../runs/simulation.ts';
import type { Action, Add } from './action.ts';
import type { SimTask } from './admission.ts';
import { addCluster, addDrainers, addEvictions, addOperator } from './cluster-actions.ts';
import { addMarksByHand, addSharedMarks } from './somebody.ts';
import { addTenant } from './tenant.ts';

/** Every action of a run. Its labels never depend on what has happened. */
export function actionsOf(sim: Simulation): Action[] {
  const actions: Action[] = [];
  const adding =
    (wakes: boolean): Add =>
    (weight, label, run) =>
      void actions.push({ weight, label, run, wakes });
  addTime(sim, adding(true));
  addAdmissions(sim, adding(true), adding(false));
  addReplicas(sim, adding(true), adding(false));
  addEvictions(sim, adding(true));
  addDrainers(sim, adding(false));
  for (const operator of sim.operators) addOperator(operator, sim.server, adding(false));
  addCluster(sim, adding(false));
  // Only in some variants, and after all others: so the seeds of the rest go on to find what they have found.
  if (sim.variant.hangs !== 'never') addHangs(sim, adding(false));
  if (sim.second !== undefined) addRegistration(sim, adding(false));
  if (sim.variant.forges) addTenant(sim, adding(false));
  if (sim.variant.marksByHand) addMarksByHand(sim, adding(false));
  addWatches(sim, adding(true), adding(false));
  addSharedMarks(sim, adding(false));
  return actions;
}

function addTime(sim: Simulation, add: Add): void {
  for (const [weight, label, ms] of [
    [20, '3s pass', 3_000],
    [6, '40s pass', 40_000],
    [2, '4m pass', 240_000],
    [1, '20m pass', 1_200_000],
    [1, '70m pass', 4_200_000],
  ] as const) {
    add(weight, label, async () => {
      await sim.advance(ms);
      return true;
    });
  }
}

function addAdmissions(sim: Simulation, add: Add, addInert: Add): void {
  for (const [slot] of sim.slots.entries()) {
    addCalls(sim, { add, addInert }, `t${slot}`, () => sim.slots[slot]);
    add(60, `t${slot} is answered`, () => sim.answer(slot, false));
    add(1, `the answer to t${slot} is lost`, () => sim.answer(slot, true));
    for (const replica of sim.replicas) {
      add(1, `t${slot} is sent again to ${replica.name}`, () => sim.resend(slot, replica));
    }
  }
}

/** The error responses for calls that are not carried out. Not every 404 is about the requested object. */
const ERRORS: readonly (readonly [string, ApiError])[] = [
  ['401', refusal(401, { reason: 'Unauthorized' })],
  ['403', refusal(403, { reason: 'Forbidden' })],
  ['a bare 404', refusal(404)],
  [
    '404 about something else',
    refusal(404, { reason: 'NotFound', details: { kind: 'namespaces', name: 'elsewhere' } }),
  ],
  ['409', refusal(409, { reason: 'Conflict' })],
  ['429', refusal(429, { reason: 'TooManyRequests' })],
  ['500', refusal(500, { reason: 'InternalError' })],
  ['503', refusal(503)],
];

function addCalls(
  sim: Simulation,
  { add, addInert }: { add: Add; addInert: Add },
  who: string,
  taskOf: () => SimTask | undefined,
): void {
  const { calls } = sim;
  const on = (act: (task: SimTask) => boolean) => () => {
    const task = taskOf();
    return task !== undefined && act(task);
  };
  addInert(
    60,
    `${who}'s call is carried out`,
    on((task) => calls.serve(task)),
  );
  add(
    60,
    `${who}'s call is answered`,
    on((task) => calls.answer(task, false)),
  );
  add(
    2,
    `the answer to ${who}'s call is lost`,
    on((task) => calls.answer(task, true)),
  );
  for (const [what, error] of ERRORS) {
    add(
      1,
      `${who}'s call gets ${what}`,
      on((task) => calls.fail(task, error)),
    );
  }
  add(
    1,
    `${who}'s call is carried out and gets 500`,
    on((task) => calls.fail(task, refusal(500, { reason: 'InternalError' }), true)),
  );
  add(
    2,
    `${who}'s call breaks off`,
    on((task) => calls.breakOff(task)),
  );
}

function addHangs({ calls, clock }: Simulation, add: Add): void {
  for (const callClass of CALL_CLASSES) {
    add(2, `calls of the class ${callClass} hang`, () => {
      if (calls.hanging.has(callClass)) return false;
      calls.hanging.set(callClass, clock.now);
      return true;
    });
    add(8, `calls of the class ${callClass} hang no more`, () => calls.hanging.delete(callClass));
  }
}

function addRegistration({ server, clock }: Simulation, add: Add): void {
  add(1, `the registration of ${SECOND} is deleted`, () => server.registrations.delete(SECOND));
  add(4, `the registration of ${SECOND} is made again`, () => {
    if (server.registrations.has(SECOND)) return false;
    server.registrations.set(SECOND, clock.now);
    return true;
  });
}

function addReplicas(sim: Simulation, add: Add, addInert: Add): void {
  for (const replica of sim.replicas) {
    const { name } = replica;
    addCalls(sim, { add, addInert }, name, () => replica.process?.controllerTask);
    for (const kind of ALWAYS_WATCHED) addKind(replica, kind, add, addInert);
    add(20, `${name} is told everything`, () => deliverAll(replica));
    add(2, `${name} dies`, () => sim.crash(replica));
    add(20, `${name} comes back`, () => sim.startProcess(replica));
    for (const [label, ms] of [
      ['goes ahead 7m', 420_000],
      ['goes back 7m', -420_000],
    ] as const) {
      addInert(1, `the clock of ${name} ${label}`, () => {
        replica.skewMs += ms;
        return true;
      });
    }
  }
  addInert(1, 'a call in limbo is carried out', () => sim.calls.settleLimbo(true));
  addInert(1, 'a call in limbo is lost', () => sim.calls.settleLimbo(false));
}

const ALWAYS_WATCHED = ['pods', 'nodes', 'trackers'] as const;

/** Adds the watches that only some variants have. */
function addWatches({ replicas, ours, variant }: Simulation, add: Add, addInert: Add): void {
  const others = POD_KINDS.slice(1, podSelectorsOf(variant, OURS).length);
  for (const kind of others) for (const replica of ours) addKind(replica, kind, add, addInert);
  if (!hasOtherTracker(variant)) return;
  for (const replica of replicas) addKind(replica, 'others', add, addInert);
  if (variant.usesConfigMap) for (const replica of ours) addKind(replica, 'namespaces', add, addInert);
}

function addKind(replica: Replica, kind: WatchKind, add: Add, addInert: Add): void {
  const { name } = replica;
  add(40, `${name} is told of ${kind}`, () => replica.process?.feed.deliver(kind) ?? false);
  addInert(20, `${name} starts to list ${kind}`, () => listFirst(replica, kind));
  add(40, `${name} gets a page of ${kind}`, () => replica.process?.feed.page(kind) ?? false);
  addInert(1, `${name}'s list of ${kind} breaks off`, () => replica.process?.feed.breakOff(kind) ?? false);
  addInert(1, `${name} lists ${kind} again`, () => relist(replica, kind));
}

function listFirst({ process }: Replica, kind: WatchKind): boolean {
  if (process === undefined || process.feed.isWatching(kind) || process.feed.isListing(kind)) return false;
  return process.beginList(kind);
}

function relist({ process }: Replica, kind: WatchKind): boolean {
  return process?.feed.isWatching(kind) === true && process.beginList(kind);
}

/** Brings every watch up to date. */
export function deliverAll({ process }: Replica): boolean {
  let isNew = false;
  for (const kind of WATCH_KINDS) {
    while (process?.feed.page(kind) || process?.feed.deliver(kind)) isNew = true;
  }
  return isNew;
}
