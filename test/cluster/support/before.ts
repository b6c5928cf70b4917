import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Manifest } from './manifests.ts';
import type { Program } from './process-nodes.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
/** The last commit whose manifest of the registration had webhooks. */
export const BEFORE = 'ca4d2064089a789a4a268bda2ec06241924d4b8d';

/** What `kubectl kustomize config/default` made of that commit. */
export function manifestsBefore(): Manifest[] {
  const text = readFileSync(join(ROOT, 'test/cluster/install/before/default.yaml'), 'utf-8');
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/**
 * The hook of that commit, with this checkout's modules. undefined where the history does not go back so far, as in a
 * shallow clone.
 */
export function programBefore(dir: string): Program | undefined {
  const folder = join(dir, 'before');
  try {
    const archive = execFileSync('git', ['archive', BEFORE, 'bin', 'src', 'package.json'], {
      cwd: ROOT,
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    mkdirSync(folder, { recursive: true });
    execFileSync('tar', ['-x', '-C', folder], { input: archive });
  } catch {
    return undefined;
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return { entry: join(folder, 'bin/reschedule-hook.js') };
}
