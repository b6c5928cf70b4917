import type { RehearsalRecord } from '../../rehearsal/evidence/record.ts';
import { rehearse } from '../../rehearsal/rehearse.ts';
import type { Scenario } from '../../rehearsal/scenarios/scenario.ts';
import { plainView } from '../../rehearsal/terminal/view.ts';
import { newCluster } from '../../rehearsal/venues/new-cluster.ts';

/** An embedded cluster whose operator is quick. */
export const QUICK = newCluster({ controlPlane: false, periodMs: 200 });

/** Plays a scenario there, or elsewhere. */
export async function playEmbedded(
  scenario: Scenario,
  signal: AbortSignal,
  venue = QUICK,
): Promise<{ record: RehearsalRecord; lines: readonly string[] }> {
  const lines: string[] = [];
  const view = plainView((line) => void lines.push(line));
  return { record: await rehearse(scenario, venue, view, signal), lines };
}
