import type { DrainerModel } from '../../rehearsal/drainers/model.ts';
import { describeError } from '../../src/kube/errors.ts';
import type { ProfileHooks } from '../cluster/support/profile-hooks.ts';
import { KINDS, type Kind, operatorOf } from './kinds.ts';
import { type Plan, playDrain, playLimit } from './play.ts';
import type { AtLimit, Outcome } from './results.ts';
import { type Subject, subjectAtLimit } from './subject.ts';

export interface Doing {
  readonly hooks: ProfileHooks;
  /** How many drains go on beside each other: most of each is waiting. */
  readonly atOnce: number;
  readonly signal: AbortSignal;
  /** One line about each that is over. */
  readonly progress: (line: string) => void;
}

export interface Done {
  readonly drains: readonly Outcome[];
  readonly limits: readonly AtLimit[];
  /** Of those that broke off, and show nothing. */
  readonly broken: readonly string[];
}

/** Lets every subject drain a node of every kind, and those of the models that have a limit run into it. */
export async function playAll(
  subjects: readonly Subject[],
  kinds: readonly Kind[],
  limited: readonly DrainerModel[],
  doing: Doing,
): Promise<Done> {
  const drains: Outcome[] = [];
  const limits: AtLimit[] = [];
  const broken: string[] = [];
  const [first = KINDS[0]] = kinds;
  const tasks = [
    ...subjects.flatMap((subject) =>
      kinds.map((kind) => async () => {
        const outcome = await playDrain(planFor(doing, subject, kind, ''));
        drains.push(outcome);
        return `${outcome.drainer} × ${outcome.profile}: ${shortOf(outcome)}`;
      }),
    ),
    ...limited.map((model) => async () => {
      const atLimit = await playLimit(planFor(doing, subjectAtLimit(model), first as Kind, '-limit'));
      limits.push(atLimit);
      return `${atLimit.drainer} at its limit: ${atLimit.end}, pods ${atLimit.pods}`;
    }),
  ];
  await inTurn(tasks, doing, broken);
  return { drains, limits, broken };
}

function planFor({ hooks, signal }: Doing, subject: Subject, kind: Kind, suffix: string): Plan {
  const place = `${subject.name}-${kind.profile}${suffix}`.replaceAll(/[^a-z0-9]+/g, '-');
  return { subject, kind, place, venue: hooks.venue(operatorOf(kind), place), signal };
}

export const shortOf = ({ end, pods, requests, lateS, problems }: Outcome) =>
  [`${end}, pods ${pods}, ${requests} requests`, ...(lateS === undefined ? [] : [`${lateS} s late`]), ...problems].join(
    ', ',
  );

async function inTurn(
  tasks: readonly (() => Promise<string>)[],
  { atOnce, signal, progress }: Doing,
  broken: string[],
): Promise<void> {
  const queue = [...tasks];
  const all = queue.length;
  let over = 0;
  const worker = async () => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
      const said = await task().catch((error: unknown) => {
        signal.throwIfAborted();
        broken.push(describeError(error));
        return `broke off: ${describeError(error)}`;
      });
      over += 1;
      progress(`${over} of ${all}  ${said}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
