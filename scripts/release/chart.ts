import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '../refused.ts';

/**
 * Packages charts/reschedule-hook of a checkout into a folder, by helm, as the given version. Returns false, and does
 * nothing, where there is no chart. Throws Refused.
 */
export function packageChart(root: string, version: string, folder: string): boolean {
  const chart = join(root, 'charts/reschedule-hook');
  if (!existsSync(join(chart, 'Chart.yaml'))) return false;
  const args = ['package', chart, '--version', version, '--app-version', version, '--destination', folder];
  const { error, status, stderr } = spawnSync('helm', args, { encoding: 'utf-8' });
  if (error !== undefined) throw new Refused(`helm cannot be run (${error.message}); it has to be in the PATH`);
  if (status !== 0) throw new Refused(`helm package: ${stderr.trim()}`);
  return true;
}
