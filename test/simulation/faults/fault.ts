import type { InvariantId } from '../checks/ledger.ts';
import type { Variant } from '../runs/variant.ts';
import type { Mutation } from './mutation.ts';

/** A planted fault, to show that the simulation would find it. */
export interface Fault {
  readonly what: string;
  /** The invariant that it violates. */
  readonly violates: InvariantId;
  readonly mutation: Mutation;
  /** The variants in which it can have an effect. */
  readonly variant?: Partial<Variant>;
  /** The first steps of every run, if chance alone would need too many runs. */
  readonly begins?: readonly string[];
}
