import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DrainerModel } from '../../rehearsal/drainers/model.ts';
import { DRAINERS } from '../../rehearsal/drainers/models/index.ts';

/** How one drainer drained a node of one kind of profile. Seconds are those of the drainer's own clock. */
export interface Outcome {
  readonly drainer: string;
  /** What its model was like; see `modelKey`. Absent: it is no model. */
  readonly model?: string;
  readonly profile: string;
  /** The minor version of the API server that it was played on. */
  readonly kubernetes: string;
  /** `ended`: with exit code 0. `failed`: by itself, without. `waits`: it had to be stopped. */
  readonly end: 'ended' | 'failed' | 'waits';
  /** What became of the protected pods of the node: their operator let them go, somebody deleted them, they stay. */
  readonly pods: Fate;
  /** How often it asked for these pods. */
  readonly requests: number;
  /** From the end of the last of these pods to the end of the drain. Absent: it did not end. */
  readonly lateS?: number;
  /** What is not as it has to be. */
  readonly problems: readonly string[];
  /** What its user read last while the pod waited. */
  readonly refusal: string;
}

export type Fate = 'moved' | 'deleted' | 'stay';

/** What happened when the operator did not act before the drainer's own limit. */
export interface AtLimit {
  readonly drainer: string;
  /** As of an Outcome. */
  readonly model?: string;
  /** As of an Outcome. */
  readonly kubernetes: string;
  /** From its first line until its limit came. */
  readonly afterS: number;
  /** As of an Outcome. */
  readonly end: Outcome['end'];
  readonly pods: Fate;
  /** Whether the drainer has taken its marks off the node. */
  readonly nodeIsBack: boolean;
  readonly lastLine: string;
}

/** What the last run of each has shown. */
export interface Results {
  readonly drains: readonly Outcome[];
  readonly limits: readonly AtLimit[];
}

export const RESULTS = join(import.meta.dirname, 'results.json');
export const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'drainers.md');

export const readResults = (): Results => JSON.parse(readFileSync(RESULTS, 'utf-8'));

/**
 * Another one for every change of what a model does, so that no result outlives its model. What is only said of it does not
 * count.
 */
export function modelKey(model: DrainerModel | undefined): { readonly model?: string } {
  if (model === undefined) return {};
  const { marks, body, answers, way, limit, rollsBack, tells } = model;
  const { afterMs, covers, atEnd } = limit ?? {};
  const acts = [marks, body, answers, way, afterMs, covers, atEnd, rollsBack, tells.refusal];
  return { model: createHash('sha256').update(JSON.stringify(acts)).digest('hex').slice(0, 8) };
}

/** Whether a run has shown this, with the model of today. `DRAINER PROFILE` for a drain, `DRAINER` for a limit. */
export const isShown = ({ drains, limits }: Results, key: string, models: readonly DrainerModel[] = DRAINERS) =>
  [...drains.filter((one) => drainKey(one) === key), ...limits.filter(({ drainer }) => drainer === key)].some(
    ({ drainer, model }) => model === modelKey(models.find(({ name }) => name === drainer)).model,
  );

const drainKey = ({ drainer, profile }: Outcome) => `${drainer} ${profile}`;

/** What was played takes the place of what an earlier run says about the same. */
export function merged(before: Results, now: Results): Results {
  const limit = ({ drainer }: AtLimit) => drainer;
  return {
    drains: replaced(before.drains, now.drains, drainKey),
    limits: replaced(before.limits, now.limits, limit),
  };
}

function replaced<T>(before: readonly T[], now: readonly T[], keyOf: (one: T) => string): readonly T[] {
  const all = new Map([...before, ...now].map((one) => [keyOf(one), one]));
  return [...all.entries()].sort(([a], [b]) => a.localeCompare(b)).map(([, one]) => one);
}
