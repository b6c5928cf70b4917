import { UsageError } from '../../src/command-line.ts';
import { checkFaults, findFaults, writeTable } from './faults/faults-table.ts';
import { HELP, readFlags } from './flags.ts';
import { simulate } from './runs/simulate.ts';

const print = (text: string) => void process.stdout.write(`${text}\n`);
const progress = (line: string) => void process.stderr.write(`${line}\n`);

/** `npm run simulate`: resolves to the exit code, which HELP explains. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const { help, faults, check, runs, steps, seed = Date.now() % 2 ** 31 } = readFlags(args);
    if (help) process.stdout.write(HELP);
    else if (faults && check) await checkFaults(print);
    else if (faults) writeTable(await findFaults(progress));
    else return await simulate({ runs, steps, seed, print, progress });
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    progress(`simulate: ${error.message}`);
    return 2;
  }
}

// The simulation creates most errors on purpose, and their stack traces cost time.
Error.stackTraceLimit = 0;
process.exitCode = await main(process.argv.slice(2));
