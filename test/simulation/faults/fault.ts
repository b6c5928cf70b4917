import type { InvariantId } from '../checks/ledger.ts';
import type { Variant } from '../runs/variant.ts';
import type { Mutation } from './mutation.ts';

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
