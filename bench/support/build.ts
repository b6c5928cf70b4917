import { copyFile, mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { BUNDLE } from '../../scripts/bundle.ts';

const PROCESSES = new URL('../processes/', import.meta.url);
const OUT = new URL('../../node_modules/.cache/reschedule-hook-bench/', import.meta.url);
const NAMES = ['hook', 'cache', 'stand-in', 'load', 'echo', 'fleet-api', 'fleet-operators'] as const;
export type ProcessName = (typeof NAMES)[number];

/**
 * Builds what runs in processes of its own, each into one file, in the way of scripts/build.ts. So the hook that is
 * measured loads what it loads in its image, and no more.
 */
export async function buildProcesses(): Promise<void> {
  await rm(OUT, { recursive: true, force: true });
  await build({
    ...BUNDLE,
    entryPoints: NAMES.map((name) => fileURLToPath(new URL(`${name}.ts`, PROCESSES))),
    outdir: fileURLToPath(new URL('processes/', OUT)),
  });
  await mkdir(OUT, { recursive: true });
  // It says that these are modules.
  await copyFile(new URL('../../package.json', import.meta.url), new URL('package.json', OUT));
}

/** The script that was built of `bench/processes/<name>.ts`. */
export function builtProcess(name: ProcessName): string {
  return fileURLToPath(new URL(`processes/${name}.js`, OUT));
}
