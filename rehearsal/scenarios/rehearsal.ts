import type { Cleanup } from '../../testkit/cleanup.ts';
import type { Evidence } from '../evidence/evidence.ts';
import type { Check, Figure } from '../evidence/record.ts';
import type { Site } from '../venues/venue.ts';

/** A rehearsal under way, as the engine hands it to a scenario. */
export interface Rehearsal {
  readonly site: Site;
  readonly evidence: Evidence;
  /** A line that everybody has to read. */
  readonly write: (line: string) => void;
  /** A line of the log. */
  readonly log: (line: string) => void;
  /** Aborts when the rehearsal ends, for whatever reason. */
  readonly signal: AbortSignal;
  readonly cleanup: Cleanup;
}

/** What came of it, beside what was recorded. */
export interface Outcome {
  readonly checks: readonly Check[];
  readonly figures: readonly Figure[];
}
