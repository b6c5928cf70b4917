import { helpOf, readArguments, UsageError, value, whole } from '../../../src/command-line.ts';
import { startRig } from '../../cluster/support/rig.ts';
import { judge } from './judge.ts';
import { recipes } from './recipe.ts';
import { lineOf, scoreOf, shareOf, tableOf } from './table.ts';

/** More than so many per cent of either is not good enough. */
const MOST = 5;

const JUDGE = {
  name: 'npm run preflight:judge --',
  about:
    'Builds random clusters on the real control plane, forecasts what will hold up a drain of each, and then drains it with kubectl. Half of them are made to hang. Prints what was missed and what was a false alarm.',
  options: {
    runs: value('--runs <N>', 'how many clusters', whole(1, 10_000), 200),
    seed: value('--seed <S>', 'where they come from; the default is any', whole(0, 2 ** 31 - 1)),
    atOnce: value('--at-once <N>', 'how many stand beside each other', whole(1, 200), 40),
    seconds: value('--seconds <N>', 'after which a drain counts as hanging', whole(10, 600), 45),
  },
  notes: `Exit code: 0 if at most ${MOST} % were missed and at most ${MOST} % were false alarms, 1 if not, 2 for wrong arguments.`,
};

async function main(args: readonly string[]): Promise<number> {
  try {
    const { options } = readArguments(JUDGE, args);
    const { help, runs, seed = Date.now() % 2 ** 31, atOnce, seconds: drainSeconds } = options;
    if (help) {
      process.stdout.write(helpOf(JUDGE));
      return 0;
    }
    process.stdout.write(`seed ${seed}\n`);
    const rig = await startRig({ installCrd: false });
    try {
      const onVerdict = (verdict: Parameters<typeof lineOf>[0]) => void process.stdout.write(`${lineOf(verdict)}\n`);
      const verdicts = await judge(recipes(runs, seed), { rig, atOnce, drainSeconds, onVerdict });
      process.stdout.write(`\n${tableOf(verdicts)}\n`);
      const { hung, missed, falseAlarms } = scoreOf(verdicts);
      return shareOf(missed, hung) <= MOST && shareOf(falseAlarms, runs - hung) <= MOST ? 0 : 1;
    } finally {
      await rig.stop();
    }
  } catch (error) {
    process.stderr.write(`preflight:judge: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
