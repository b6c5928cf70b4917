import { FAULTS_OF_ANSWERS } from './faults-answers.ts';
import { FAULTS_OF_MEMORY } from './faults-memory.ts';
import type { InvariantId } from './invariants.ts';
import type { Mutation } from './mutation.ts';
import type { Variant } from './variant.ts';

/** A fault that is planted, to show that it would be found. */
export interface Fault {
  readonly what: string;
  /** What it violates. */
  readonly violates: InvariantId;
  readonly mutation: Mutation;
  /** Where it can show itself. */
  readonly variant?: Partial<Variant>;
  /** The steps that every run begins with, where too many would be needed by chance. */
  readonly begins?: readonly string[];
}

export const FAULTS: readonly Fault[] = [...FAULTS_OF_ANSWERS, ...FAULTS_OF_MEMORY];
