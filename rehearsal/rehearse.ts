import { UsageError } from '../src/command-line.ts';
import { Cleanup } from '../testkit/cleanup.ts';
import { Evidence } from './evidence/evidence.ts';
import { failedRecord } from './evidence/failed-record.ts';
import type { RehearsalRecord, ScenarioTitle } from './evidence/record.ts';
import type { Recorder } from './evidence/recorder.ts';
import { versionsOf } from './evidence/versions.ts';
import { COUCHBASE } from './operator/models/couchbase.ts';
import { playScenario } from './scenarios/play-scenario.ts';
import type { Outcome, Rehearsal } from './scenarios/rehearsal.ts';
import { type Observation, type Scenario, titleOf } from './scenarios/scenario.ts';
import type { View } from './terminal/view.ts';
import type { Site, Venue, VenueNeeds } from './venues/venue.ts';

/**
 * The engine. The scenario says what happens, the venue where, and the view shows it. Resolves to the record after everything
 * that was started or created is gone again. Throws a UsageError if it cannot begin, and the reason of the signal if that
 * aborts; an observation instead ends with its record when the signal aborts.
 */
export async function rehearse(
  scenario: Scenario | Observation,
  venue: Venue,
  view: View,
  signal: AbortSignal,
): Promise<RehearsalRecord> {
  const cleanup = new Cleanup();
  const over = new AbortController();
  const write = (line: string) => view.write(line);
  const log = (line: string) => view.log(line);
  let evidence: Evidence | undefined;
  try {
    const onHookLine: VenueNeeds['onHookLine'] = (line) => evidence?.hookLine(line);
    const site = await venue.open({ ...needsOf(scenario), onHookLine, write, log, signal }, cleanup);
    evidence = evidenceOn(site, scenario, log);
    const { recorder } = evidence;
    view.follow(() => recorder.followed);
    const running = AbortSignal.any([signal, over.signal]);
    const outcome = await Promise.race([
      site.failed,
      play(scenario, { site, evidence, write, log, signal: running, cleanup }),
    ]);
    const versions = await versionsOf(site.client);
    const settings = settingsOf(scenario, site);
    return recorder.record({
      scenario: titleOf(scenario),
      startedAt: evidence.startedAt,
      versions,
      settings,
      ...outcome,
    });
  } catch (error) {
    return recordOfFailure(scenario, error, signal, evidence?.recorder);
  } finally {
    // First of all: what is still under way if it broke off.
    over.abort(new Error('the rehearsal is over'));
    await cleanup.run();
  }
}

function needsOf(scenario: Scenario | Observation): Pick<VenueNeeds, 'nodes' | 'members' | 'model' | 'hookEnv'> {
  const { nodes = 3, members = 3, model, hookEnv = {} } = 'script' in scenario ? scenario : {};
  const profile = model === undefined ? {} : { PROFILES: model.profile };
  return { nodes, members, model: model ?? COUCHBASE, hookEnv: { ...profile, ...hookEnv } };
}

/** For the record: how large the stand-in was, and what a hook that was started here was told. */
function settingsOf(scenario: Scenario | Observation, { place, hook }: Site): Record<string, string> {
  if (place === undefined) return {};
  const { members, hookEnv } = needsOf(scenario);
  const period = `${place.periodMs / 1000}s`;
  return {
    nodes: String(place.nodes.length),
    members: String(members),
    period,
    ...(hook === undefined ? {} : hookEnv),
  };
}

function evidenceOn(
  site: Site,
  { isVerbose = false }: Scenario | Observation,
  write: (line: string) => void,
): Evidence {
  const { annotation, clusterOf, place, hook } = site;
  const hasHookLog = hook !== undefined;
  return new Evidence({ namespace: place?.namespace, annotation, clusterOf, hasHookLog, isVerbose, write });
}

function play(scenario: Scenario | Observation, rehearsal: Rehearsal): Promise<Outcome> {
  return 'script' in scenario ? playScenario(scenario, rehearsal) : scenario.observe(rehearsal);
}

/**
 * The record of a rehearsal that broke off, so that whoever reads only records finds it there. Throws the error itself if it
 * could not begin, or if the signal ends all rehearsals.
 */
export function recordOfFailure(
  scenario: ScenarioTitle,
  error: unknown,
  signal: AbortSignal,
  recorder?: Pick<Recorder, 'record'>,
): RehearsalRecord {
  if (signal.aborted || error instanceof UsageError) throw error;
  return failedRecord(titleOf(scenario), error, recorder);
}
