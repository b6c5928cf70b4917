import { describeError } from '../../src/kube/errors.ts';
import type { DrainRequest } from './drainer.ts';

/** One drain under way, and what it says. */
export interface Attempt {
  readonly node: string;
  /** Aborts where the drain is ended from outside, or has taken too long. */
  readonly signal: AbortSignal;
  say(line: string): void;
  complain(line: string): void;
}

/** Lets a drain run, and turns what it throws into the exit code 1. */
export async function attempt(
  { node, timeoutMs, signal: end, onLine }: DrainRequest,
  drain: (attempt: Attempt) => Promise<number>,
): Promise<number> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = end === undefined ? deadline : AbortSignal.any([end, deadline]);
  const say = (line: string) => onLine?.(line, 'stdout');
  const complain = (line: string) => onLine?.(line, 'stderr');
  try {
    return await drain({ node, signal, say, complain });
  } catch (error) {
    complain(`error: unable to drain node "${node}": ${describeError(error)}`);
    return 1;
  }
}
