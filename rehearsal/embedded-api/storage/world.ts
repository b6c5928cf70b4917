import type { KindRegistry } from './kinds.ts';
import type { Store } from './store.ts';
import type { User } from './user.ts';

/** What every request is handled with. */
export interface World {
  readonly store: Store;
  readonly kinds: KindRegistry;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Who asks, and what goes with the answer. */
export interface Call {
  readonly user: User;
  /** Who is named in `managedFields`. */
  readonly fieldManager: string;
  /** Whether the request itself names it. */
  readonly namesManager: boolean;
  readonly dryRun: boolean;
  /** Of an apply: takes fields over from others. */
  readonly force: boolean;
  readonly warn: (text: string) => void;
}
