import type { ApiClient } from '../../src/kube/client.ts';
import { describeError, isNotFound } from '../../src/kube/errors.ts';
import { podPath } from '../../src/kube/paths.ts';
import { cordon, isFinished, podsToEvict, taint, uncordon, untaint } from '../../testkit/nodes.ts';
import { attempt } from './attempt.ts';
import { type DrainerClock, REAL_CLOCK, TooLate, within } from './clock.ts';
import type { Drainer } from './drainer.ts';
import type { DrainerModel, Limit } from './model.ts';
import { titleOf, type UnderWay } from './under-way.ts';
import { evictInPasses } from './ways/pass.ts';
import { evictPatiently, untilLeft } from './ways/patient.ts';
import { evictFromQueue } from './ways/queue.ts';

/** How often one that asks no more looks whether the pods have gone. */
const LOOK_EVERY_MS = 5_000;
/** The line about its own limit. */
export const TIME_IS_UP = 'its time limit is over';

/** A drainer that acts by the model. */
export function drainerOf(model: DrainerModel, client: ApiClient, clock: DrainerClock = REAL_CLOCK): Drainer {
  return {
    name: `built-in, like ${model.title}`,
    voice: model.voice,
    drain: (request) => attempt(request, (one) => drainNode({ ...one, client, model, clock, refused: new Map() })),
  };
}

async function drainNode(drain: UnderWay): Promise<number> {
  const { node, model, say } = drain;
  try {
    await mark(drain);
    await evictWithin(drain, model.limit);
    say(`node/${node} drained`);
    return 0;
  } catch (error) {
    if (model.rollsBack) await rollBack(drain);
    throw error;
  }
}

async function mark({ client, node, model, signal, say }: UnderWay): Promise<void> {
  for (const one of model.marks) {
    if (one === 'cordon') say(`node/${node} ${(await cordon(client, node, signal)) ? '' : 'already '}cordoned`);
    else await taint(client, node, one.taint, signal);
  }
}

async function rollBack({ client, node, model, signal, say }: UnderWay): Promise<void> {
  for (const one of model.marks) {
    if (one === 'cordon') await uncordon(client, node, signal);
    else await untaint(client, node, one.taint, signal);
  }
  say(`node/${node} is as it was before`);
}

/** As long as the limit allows, and then what the limit says. */
async function evictWithin(drain: UnderWay, limit: Limit | undefined): Promise<void> {
  const { clock, signal } = drain;
  const { afterMs = Infinity, covers = 'drain' } = limit ?? {};
  const evicted = (signal: AbortSignal) => evict({ ...drain, signal }, covers === 'drain');
  try {
    const confirm = await (afterMs === Infinity ? evicted(signal) : within(afterMs, clock, signal, evicted));
    await confirm(signal);
  } catch (error) {
    if (!(error instanceof TooLate)) throw error;
    drain.complain(TIME_IS_UP);
    if (limit?.atEnd === 'deletes') return deleteAll(drain);
    if (limit?.atEnd === 'waits') return untilNoneIsLeft(drain);
    throw new Error(`${listed(drain.refused)}: ${describeError(error)}`, { cause: error });
  }
}

type Confirm = (signal: AbortSignal) => Promise<void>;
const NOTHING_TO_DO: Confirm = async () => undefined;

/** Resolves to what has still to be seen. */
async function evict(drain: UnderWay, isConfirmed: boolean): Promise<Confirm> {
  const { way } = drain.model;
  if (way.kind === 'pass') await evictInPasses(drain, way);
  if (way.kind === 'queue') await evictFromQueue(drain, way);
  if (way.kind !== 'patient') return NOTHING_TO_DO;
  const pods = await evictPatiently(drain, way);
  if (way.looks.by === 'uid') return NOTHING_TO_DO;
  const confirm: Confirm = (signal) => untilLeft({ ...drain, signal }, way.looks, pods);
  if (!isConfirmed) return confirm;
  await confirm(drain.signal);
  return NOTHING_TO_DO;
}

const listed = (refused: ReadonlyMap<string, string>) =>
  [...refused].map(([pod, text]) => `${pod} could not be evicted (last error: ${text})`).join('\n') ||
  'pods are left on the node';

const podsLeft = async ({ client, node, signal }: UnderWay) =>
  (await podsToEvict(client, node, signal)).filter((pod) => !isFinished(pod));

async function untilNoneIsLeft(drain: UnderWay): Promise<void> {
  while ((await podsLeft(drain)).length > 0) await drain.clock.sleep(LOOK_EVERY_MS, drain.signal);
}

/** By DELETE, which no webhook for evictions sees. */
async function deleteAll(drain: UnderWay): Promise<void> {
  const { client, clock, signal, complain } = drain;
  for (;;) {
    const pods = await podsLeft(drain);
    if (pods.length === 0) return;
    for (const pod of pods.filter(({ terminating }) => !terminating)) {
      complain(`deleting pod ${titleOf(pod)}, which could not be evicted in time`);
      const { namespace, name, uid } = pod;
      const body = { gracePeriodSeconds: 0, preconditions: { uid } };
      await client.json({ method: 'DELETE', path: podPath(namespace, name), body, signal }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}
