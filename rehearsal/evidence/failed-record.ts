import { describeError } from '../../src/kube/errors.ts';
import type { RehearsalRecord, ScenarioTitle } from './record.ts';
import type { Recorder } from './recorder.ts';

/** The record of a rehearsal that broke off, with all that the recorder knows; without a recorder nothing had been seen. */
export function failedRecord(
  scenario: ScenarioTitle,
  error: unknown,
  recorder?: Pick<Recorder, 'record'>,
): RehearsalRecord {
  const problem = `it broke off: ${describeError(error)}`;
  const ending = {
    scenario,
    startedAt: new Date().toISOString(),
    versions: {},
    checks: [{ what: 'it was played to its end', holds: false, problems: [problem] }],
    figures: [],
    brokeOff: true,
  } as const;
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
