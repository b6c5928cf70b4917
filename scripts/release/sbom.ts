import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '../refused.ts';

/**
 * The bill of materials of what the image runs, as CycloneDX: the lockfile without devDependencies. The same lockfile
 * always gives the same text. Needs npm, and no network. Throws Refused.
 */
export function billOf(root: string): string {
  const args = ['sbom', '--omit=dev', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'];
  const { error, status, stdout, stderr } = spawnSync('npm', args, {
    cwd: root,
    encoding: 'utf-8',
    maxBuffer: 2 ** 26,
  });
  if (error !== undefined) throw new Refused(`npm cannot be run (${error.message})`);
  if (status !== 0) throw new Refused(`npm sbom: ${stderr.trim()}`);
  const { serialNumber: _random, metadata, ...bill } = JSON.parse(stdout);
  const { timestamp: _now, component, ...rest } = metadata;
  // npm calls it by the folder that it lies in.
  const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf-8'));
  return `${JSON.stringify({ ...bill, metadata: { ...rest, component: { ...component, name } } }, undefined, 2)}\n`;
}
