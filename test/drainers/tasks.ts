import { setMaxListeners } from 'node:events';
import type { DrainerModel } from '../../rehearsal/drainers/model.ts';
import { describeError } from '../../src/kube/errors.ts';
import type { ProfileHooks } from '../cluster/support/profile-hooks.ts';
import { KINDS, type Kind, operatorOf } from './kinds.ts';
import { type Plan, playDrain, playLimit } from './play.ts';
import type { AtLimit, Outcome } from './results.ts';
import { type Subject, subjectAtLimit } from './subject.ts';

/** One drain to be played. */
export interface Task {
  /** As results.ts names it. */
  readonly key: string;
  play(doing: Doing): Promise<Shown>;
}

/** What came of it: one of both. */
export interface Shown {
  readonly drains: readonly Outcome[];
  readonly limits: readonly AtLimit[];
}

export interface Doing {
  readonly hooks: ProfileHooks;
  /** The minor version of the API server. */
  readonly kubernetes: string;
  /** How many drains go on beside each other: most of each is waiting. */
  readonly atOnce: number;
  readonly signal: AbortSignal;
  /** One line about each that is over. */
  readonly progress: (line: string) => void;
  readonly onShown: (shown: Shown) => void;
}

/** Every subject drains a node of every kind. */
export const drainsOf = (subjects: readonly Subject[], kinds: readonly Kind[]): Task[] =>
  subjects.flatMap((subject) =>
    kinds.map((kind) => ({
      key: `${subject.name} ${kind.profile}`,
      play: async (doing) => ({ drains: [await playDrain(planFor(doing, subject, kind, ''))], limits: [] }),
    })),
  );

/** Every subject runs into its limit, under an operator that does nothing. */
export const limitsOf = (subjects: readonly Subject[]): Task[] =>
  subjects.map((subject) => ({
    key: subject.name,
    play: async (doing) => {
      const [kind] = KINDS;
      if (kind === undefined) throw new Error('there is no profile');
      return { drains: [], limits: [await playLimit(planFor(doing, subject, kind, '-limit'))] };
    },
  }));

/** Those of the models that have a limit. */
export const limitedOf = (models: readonly DrainerModel[]): Subject[] =>
  models.filter(({ limit }) => limit !== undefined).map(subjectAtLimit);

function planFor({ hooks, kubernetes, signal }: Doing, subject: Subject, kind: Kind, suffix: string): Plan {
  const place = `${subject.name}-${kind.profile}${suffix}`.replaceAll(/[^a-z0-9]+/g, '-');
  return { subject, kind, place, venue: hooks.venue(operatorOf(kind), place), kubernetes, signal };
}

/** Resolves to the keys of those that broke off, and show nothing, each with why. */
export async function playAll(tasks: readonly Task[], doing: Doing): Promise<string[]> {
  const { atOnce, signal, progress, onShown } = doing;
  setMaxListeners(0, signal);
  const queue = [...tasks];
  const broken: string[] = [];
  let over = 0;
  const next = async (task: Task) => {
    try {
      const shown = await task.play(doing);
      onShown(shown);
      return shortOf(shown);
    } catch (error) {
      signal.throwIfAborted();
      broken.push(`${task.key}: ${describeError(error)}`);
      return `broke off: ${describeError(error)}`;
    }
  };
  const worker = async () => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) {
      const said = await next(task);
      over += 1;
      progress(`${over} of ${tasks.length}  ${task.key}: ${said}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return broken;
}

function shortOf({ drains, limits }: Shown): string {
  const all = [
    ...drains.map(({ end, pods, requests, lateS = 0, problems }) =>
      [`${end}, pods ${pods}, ${requests} requests, ${lateS} s late`, ...problems].join('; '),
    ),
    ...limits.map(({ end, pods, afterS }) => `at its limit after ${afterS} s ${end}, pods ${pods}`),
  ];
  return all.join('; ');
}
