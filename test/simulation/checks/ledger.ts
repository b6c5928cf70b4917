import type { SimTask } from '../actions/admission.ts';
import type { ApiServer } from '../model/api-server.ts';
import type { SimClock } from '../model/clock.ts';
import type { End } from '../model/truth.ts';
import type { Variant } from '../runs/variant.ts';
import type { Forgeries } from './forgeries.ts';

/** The true state and its history, for the checks. */
export interface Ledger {
  readonly clock: SimClock;
  readonly variant: Variant;
  readonly server: ApiServer<SimTask>;
  /** The ends of instances, by UID. */
  readonly ends: ReadonlyMap<string, End>;
  readonly prunedAt: ReadonlyMap<string, number>;
  readonly forgeries: Forgeries;
  violate(invariant: InvariantId, what: string): void;
}

/** The letters of docs/simulation.md. */
export type InvariantId =
  | 'a'
  | 'b'
  | 'c'
  | 'd'
  | 'e'
  | 'f'
  | 'g'
  | 'h'
  | 'i'
  | 'j'
  | 'k'
  | 'l'
  | 'm'
  | 'n'
  | 'o'
  | 'p'
  | 'q';
