import { describeError } from '../../src/kube/errors.ts';
import { UsageError } from '../usage-error.ts';
import type { RehearsalRecord, Scenario } from './record.ts';
import type { Recorder } from './recorder.ts';

/**
 * The record of a rehearsal that broke off, so that whoever reads records finds it there: with all that the recorder knows,
 * where there was one. Throws the error itself where it could not begin, or somebody wants all of it to end.
 */
export function brokenOff(
  scenario: Scenario,
  error: unknown,
  signal: AbortSignal,
  recorder?: Pick<Recorder, 'record'>,
): RehearsalRecord {
  if (signal.aborted || error instanceof UsageError) throw error;
  const problem = `it broke off: ${describeError(error)}`;
  const ending = {
    scenario,
    startedAt: new Date().toISOString(),
    versions: {},
    checks: [{ what: 'it was played to its end', holds: false, problems: [problem] }],
    figures: [],
  };
  if (recorder !== undefined) return recorder.record(ending);
  return {
    format: 1,
    ...ending,
    durationMs: 0,
    holds: false,
    drains: [],
    nodes: [],
    pods: [],
    availability: [],
    log: [],
  };
}
