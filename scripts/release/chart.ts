import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Refused } from '../refused.ts';

/** What is released: the version, and the image as `NAME:TAG` or `NAME:TAG@DIGEST`. */
export interface ReleasedChart {
  readonly version: string;
  readonly image: string;
}

/**
 * Makes the chart of a checkout anew, with the repository of the image, and packages it into a folder, by helm, as the given
 * version. Returns false, and does nothing, where there is no chart. Throws Refused.
 */
export function packageChart(root: string, { version, image }: ReleasedChart, folder: string): boolean {
  if (!existsSync(join(root, 'charts/reschedule-hook/Chart.yaml'))) return false;
  const dir = mkdtempSync(join(tmpdir(), 'reschedule-hook-chart-'));
  try {
    const chart = join(dir, 'reschedule-hook');
    run('node', process.execPath, [join(root, 'scripts/chart.ts'), '--image', repositoryOf(image), chart]);
    run('helm', 'helm', ['package', chart, '--version', version, '--app-version', version, '--destination', folder]);
    return true;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Makes charts/reschedule-hook of the checkout in that folder anew. Throws Refused. */
export function remakeChart(root: string): void {
  run('node', process.execPath, [join(root, 'scripts/chart.ts')]);
}

/** The name of an image without tag and digest; a colon may be that of a port. */
const repositoryOf = (image: string) => image.replace(/@.*$/, '').replace(/:[^:/]*$/, '');

function run(name: string, file: string, args: readonly string[]): void {
  const { error, status, stderr } = spawnSync(file, args, { encoding: 'utf-8' });
  if (error !== undefined) throw new Refused(`${name} cannot be run (${error.message}); it has to be in the PATH`);
  if (status !== 0) throw new Refused(name === 'helm' ? `helm package: ${stderr.trim()}` : stderr.trim());
}
