import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runIn } from './refused.ts';

/** What the package has of the checkout, beside what is built. */
const FILES = ['bin/check-node.cjs', 'bin/reschedule-hook.js', 'config', 'LICENSE', 'README.md'];
const FIELDS = ['name', 'version', 'description', 'license', 'type', 'engines', 'bin'];

/**
 * Builds the program of a checkout and packs it for npm into a folder. Returns the path of the package. It depends on no other
 * package, because the build has bundled them. Throws Refused.
 */
export function packForNpm(root: string, folder: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'reschedule-hook-npm-'));
  try {
    for (const name of FILES) cpSync(join(root, name), join(dir, name), { recursive: true });
    const all: Readonly<Record<string, unknown>> = JSON.parse(readFileSync(join(root, 'package.json'), 'utf-8'));
    const own = Object.fromEntries(FIELDS.map((field) => [field, all[field]]));
    writeFileSync(join(dir, 'package.json'), `${JSON.stringify(own, undefined, 2)}\n`);
    runIn(root, process.execPath, ['scripts/build.ts', join(dir, 'dist')]);
    mkdirSync(folder, { recursive: true });
    runIn(dir, 'npm', ['pack', '--ignore-scripts']);
    // The chart of a release is called as npm would call the package.
    const file = join(folder, `npm-${own.name}-${own.version}.tgz`);
    cpSync(join(dir, `${own.name}-${own.version}.tgz`), file);
    return file;
  } finally {
    rmSync(dir, { recursive: true });
  }
}
