import { UsageError } from '../../src/command-line.ts';
import { helpFor, readFlags } from './flags.ts';
import { heldBytes } from './garbage.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets.ts';

const PROGRESS_MS = 2_000;
/** What a run may leave behind, and what of it is code that was compiled meanwhile. */
const GROWTH_MAX_BYTES = 64 * 1024 * 1024;

const print = (text: string) => void process.stdout.write(`${text}\n`);

async function fuzz(target: Target, runs: number, seed: number, path: string | undefined): Promise<void> {
  const wanted = Math.max(1, Math.round(runs * target.share));
  const startedAt = performance.now();
  let [cases, toldAt] = [0, startedAt];
  const perSecond = (now: number) => Math.round((cases * 1000) / (now - startedAt));
  const onCase = () => {
    cases++;
    const now = performance.now();
    if (now - toldAt < PROGRESS_MS) return;
    toldAt = now;
    process.stderr.write(`${target.name}: ${cases} of ${wanted} cases, ${perSecond(now)}/s, seed ${seed}\n`);
  };
  const before = heldBytes();
  await target.run({ runs: wanted, seed, path, onCase });
  const now = performance.now();
  print(
    `${target.name}: ${cases} cases in ${((now - startedAt) / 1000).toFixed(1)} s, ${perSecond(now)}/s, seed ${seed}`,
  );
  const growth = heldBytes() - before;
  if (growth > GROWTH_MAX_BYTES) throw new Error(`${target.name}: ${Math.round(growth / 2 ** 20)} MiB are still held`);
}

/** `npm run fuzz`: resolves to the exit code; see its help for what it means. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const names = TARGETS.map(({ name }) => name);
    const { help, runs, seed = Date.now() % 2 ** 31, path, only } = readFlags(args, names);
    if (help) {
      process.stdout.write(helpFor(TARGETS));
      return 0;
    }
    const chosen = TARGETS.filter(({ name }) => only.length === 0 || only.includes(name));
    for (const target of chosen) await fuzz(target, runs, seed, path);
    return 0;
  } catch (error) {
    process.stderr.write(`fuzz: ${(error as Error).message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

// Nothing may be left to nobody: the process ends with the stack, and with 1.
process.on('unhandledRejection', (error) => {
  throw error;
});
process.exitCode = await main(process.argv.slice(2));
