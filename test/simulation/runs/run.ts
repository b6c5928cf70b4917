import type { Action } from '../actions/action.ts';
import { actionsOf } from '../actions/actions.ts';
import { heal } from '../actions/heal.ts';
import type { Violation } from '../checks/invariants.ts';
import type { Mutation } from '../faults/mutation.ts';
import { quiet } from '../model/clock.ts';
import { Random } from './random.ts';
import { Simulation } from './simulation.ts';
import { type Variant, variantOf, withFittingTracker } from './variant.ts';

export interface RunResult {
  readonly seed: number;
  readonly variant: Variant;
  /** The labels of the executed steps. With the variant they replay the run. */
  readonly script: readonly string[];
  readonly steps: number;
  /** The maximum number of steps of the run; absent for a replay. */
  readonly maxSteps?: number;
  readonly violation?: Violation;
  /** The number of decisions by reason. */
  readonly answers: ReadonlyMap<string, number>;
  /** What happened, for people; only on request. */
  readonly notes: readonly string[];
}

export interface RunOptions {
  readonly mutation?: Mutation;
  readonly variant?: Partial<Variant>;
  readonly maxSteps?: number;
  /** The first steps, before those that chance picks. */
  readonly begins?: readonly string[];
}

/** Another stream of chance. */
const PROFILES = 0x2c1b3c6d;
const MIN_STEPS = 40;
export const MAX_STEPS = 240;

/** One run from its seed: a variant, a number of steps, and then fair scheduling until the end. */
export async function run(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const random = new Random(seed);
  const drawn = variantOf(random, new Random(~seed), new Random(seed ^ PROFILES));
  const variant = withFittingTracker({ ...drawn, ...options.variant });
  const sim = new Simulation(variant, options.mutation);
  const actions = actionsOf(sim);
  const lottery = lotteryOf(actions);
  const script = await begin(sim, actions, options.begins ?? []);
  const length = MIN_STEPS + random.below((options.maxSteps ?? MAX_STEPS) - MIN_STEPS);
  while (script.length < length && sim.invariants.violation === undefined) {
    const action = actions[lottery[random.below(lottery.length)] as number] as Action;
    if (await step(sim, action)) script.push(action.label);
  }
  return { ...(await finish(sim, seed, script)), maxSteps: options.maxSteps ?? MAX_STEPS };
}

async function begin(sim: Simulation, actions: readonly Action[], labels: readonly string[]): Promise<string[]> {
  const taken: string[] = [];
  for (const label of labels) {
    const action = actions.find((one) => one.label === label);
    if (action !== undefined && (await step(sim, action))) taken.push(label);
  }
  return taken;
}

const lotteries = new Map<string, Uint16Array>();

/** The indexes of the actions, each as often as its weight. All variants with the same weights share one. */
function lotteryOf(actions: readonly Action[]): Uint16Array {
  const key = actions.map(({ weight }) => weight).join();
  const known = lotteries.get(key);
  if (known !== undefined) return known;
  const made = Uint16Array.from(actions.flatMap(({ weight }, i) => Array.from({ length: weight }, () => i)));
  lotteries.set(key, made);
  return made;
}

/** Replays a script. It skips impossible steps, so that scripts may be shortened. */
export async function replay(
  variant: Variant,
  script: readonly string[],
  { mutation, keepsNotes = false }: { readonly mutation?: Mutation; readonly keepsNotes?: boolean } = {},
): Promise<RunResult> {
  const sim = new Simulation(variant, mutation, keepsNotes);
  const actions = new Map(actionsOf(sim).map((action) => [action.label, action]));
  const taken: string[] = [];
  for (const label of script) {
    const action = actions.get(label);
    if (action === undefined) throw new Error(`there is no step "${label}" in this variant`);
    const at = sim.notes?.push(`> ${label}`);
    if (await step(sim, action)) taken.push(label);
    else if (at !== undefined) sim.notes?.splice(at - 1, 1);
    if (sim.invariants.violation !== undefined) break;
  }
  return finish(sim, 0, taken);
}

async function step(sim: Simulation, { run: act, wakes }: Action): Promise<boolean> {
  if ((await act()) === false) return false;
  if (wakes) await quiet();
  sim.sweep();
  // No two steps happen at the same instant.
  await sim.clock.advance(1);
  return true;
}

async function finish(sim: Simulation, seed: number, script: readonly string[]): Promise<RunResult> {
  if (sim.invariants.violation === undefined) sim.note('> nothing fails any more');
  const rounds = sim.invariants.violation === undefined ? await heal(sim) : 0;
  const { violation } = sim.invariants;
  for (const replica of sim.replicas) sim.crash(replica);
  return {
    seed,
    variant: sim.variant,
    script,
    steps: script.length + rounds,
    answers: sim.answers,
    notes: sim.notes ?? [],
    ...(violation === undefined ? {} : { violation }),
  };
}
