import type { Mutation } from '../faults/mutation.ts';
import { type RunResult, replay } from './run.ts';

/**
 * Finds a short script that still violates the same invariant. It leaves out steps in ever smaller pieces until it can
 * leave out no single one.
 */
export async function shrink(found: RunResult, mutation: Mutation = {}): Promise<RunResult> {
  const { variant, violation } = found;
  let best = found;
  const fails = async (script: readonly string[]) => {
    const result = await replay(variant, script, { mutation });
    if (result.violation?.invariant !== violation?.invariant) return false;
    best = result;
    return true;
  };
  for (let size = Math.ceil(best.script.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    await cutPieces(size, () => best.script, fails);
    // After one step was left out, it may be possible to leave out others.
    if (size === 1) while (await cutPieces(1, () => best.script, fails));
  }
  const { seed, maxSteps } = found;
  const shortest = await replay(variant, best.script, { mutation, keepsNotes: true });
  return { ...shortest, seed, ...(maxSteps === undefined ? {} : { maxSteps }) };
}

async function cutPieces(
  size: number,
  current: () => readonly string[],
  fails: (script: readonly string[]) => Promise<boolean>,
): Promise<boolean> {
  let isShorter = false;
  for (let end = current().length; end > 0; end -= size) {
    const script = current();
    const upTo = Math.min(end, script.length);
    const from = Math.max(0, upTo - size);
    if (upTo > from && (await fails([...script.slice(0, from), ...script.slice(upTo)]))) isShorter = true;
  }
  return isShorter;
}
