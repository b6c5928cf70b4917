import type { Mutation } from '../faults/mutation.ts';
import { describeFailure } from './report.ts';
import { run } from './run.ts';
import { shrink } from './shrink.ts';

const PROGRESS_MS = 5_000;

export interface SimulateOptions {
  readonly runs: number;
  readonly seed: number;
  readonly steps: number;
  readonly mutation?: Mutation;
  /** Prints the progress and the outcome, line by line. */
  readonly print: (text: string) => void;
  readonly progress: (line: string) => void;
}

/** Runs one seed after another until a run violates an invariant. Resolves to the exit code: 0 if all held, else 1. */
export async function simulate(options: SimulateOptions): Promise<number> {
  const { runs, seed: first, steps: maxSteps, mutation = {}, print, progress } = options;
  const startedAt = performance.now();
  const answers = new Map<string, number>();
  let shownAt = startedAt;
  let steps = 0;
  const summary = (done: number) => {
    const seconds = (performance.now() - startedAt) / 1000;
    return `${done} runs, ${steps} steps in ${seconds.toFixed(1)} s, ${Math.round(steps / seconds)} steps/s`;
  };
  progress(`${runs} runs from seed ${first} on`);
  for (let i = 0; i < runs; i++) {
    const result = await run(first + i, { maxSteps, mutation });
    steps += result.steps;
    for (const [reason, count] of result.answers) answers.set(reason, (answers.get(reason) ?? 0) + count);
    if (result.violation !== undefined) {
      progress(`${summary(i + 1)}; looking for the shortest way to what was found`);
      print(describeFailure(await shrink(result, mutation)));
      return 1;
    }
    if (performance.now() - shownAt < PROGRESS_MS) continue;
    shownAt = performance.now();
    progress(summary(i + 1));
  }
  print(`all held: ${summary(runs)}, from seed ${first} on`);
  const sorted = [...answers].sort(([, a], [, b]) => b - a);
  print(`answers: ${sorted.map(([reason, count]) => `${reason} ${count}`).join(', ')}`);
  return 0;
}
