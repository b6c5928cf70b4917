import { helpOf, readArguments, UsageError, value, whole } from '../../../src/command-line.ts';
import { startRig } from '../../cluster/support/rig.ts';
import type { Batch } from './batch.ts';
import type { Verdict } from './drain.ts';
import { type Judged, judge } from './judge.ts';
import { type Recipe, recipes } from './recipe.ts';
import { lineOf, lineOfNotJudged, scoreOf, shareOf, tableOf } from './table.ts';

/** More than so many per cent of either is not good enough. */
const MOST = 5;
/** More than so many per cent that could not be judged is not good enough, either. */
const MOST_NOT_JUDGED = 2;
const PROGRESS_MS = 2_000;

const JUDGE = {
  name: 'npm run preflight:judge --',
  about:
    'Builds random clusters on the real control plane, forecasts what will hold up a drain of each, and then drains it with kubectl. Half of them are made to hang. Prints what was missed and what was a false alarm.',
  options: {
    runs: value('--runs <N>', 'how many clusters', whole(1, 10_000), 200),
    seed: value('--seed <S>', 'where they come from; the default is any', whole(0, 2 ** 31 - 1)),
    atOnce: value('--at-once <N>', 'how many stand beside each other', whole(1, 200), 40),
    only: value('--only <N>', 'judge only the one of this number', whole(1, 10_000)),
    seconds: value('--seconds <N>', 'after which a drain counts as hanging', whole(10, 600), 90),
  },
  notes: `Exit code: 0 if at most ${MOST} % were missed, at most ${MOST} % were false alarms, and at most ${MOST_NOT_JUDGED} % could not be judged; 1 if not; 2 for wrong arguments.`,
};

async function main(args: readonly string[]): Promise<number> {
  try {
    const { options } = readArguments(JUDGE, args);
    const { help, runs, seed = Date.now() % 2 ** 31, only, atOnce, seconds: drainSeconds } = options;
    if (help) {
      print(helpOf(JUDGE));
      return 0;
    }
    if (only !== undefined && only > runs) throw new UsageError(`--only ${only} is none of ${runs} runs`);
    print(`seed ${seed}\n`);
    const all = recipes(runs, seed);
    return await judgeAll(only === undefined ? all : all.slice(only - 1, only), atOnce, drainSeconds);
  } catch (error) {
    process.stderr.write(`preflight:judge: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

const print = (text: string) => void process.stdout.write(text);

async function judgeAll(all: readonly Recipe[], atOnce: number, drainSeconds: number): Promise<number> {
  let progress = () => 'the control plane starts';
  const ticker = setInterval(() => process.stderr.write(`${progress()}\n`), PROGRESS_MS);
  try {
    const rig = await startRig({ installCrd: false });
    try {
      const onBatch = (batch: Batch) => {
        progress = () => batch.progress;
      };
      const onVerdict = (verdict: Verdict) => print(`${lineOf(verdict)}\n`);
      return report(await judge(all, { rig, atOnce, drainSeconds, onBatch, onVerdict }));
    } finally {
      progress = () => 'the control plane stops';
      await rig.stop();
    }
  } finally {
    clearInterval(ticker);
  }
}

/** Returns the exit code. */
function report({ verdicts, notJudged }: Judged): number {
  for (const one of notJudged) print(`${lineOfNotJudged(one)}\n`);
  print(`\n${tableOf(verdicts)}\n\nNot judged: ${notJudged.length}\n`);
  const { runs, hung, missed, falseAlarms } = scoreOf(verdicts);
  const isGood =
    shareOf(missed, hung) <= MOST &&
    shareOf(falseAlarms, runs - hung) <= MOST &&
    shareOf(notJudged, runs + notJudged.length) <= MOST_NOT_JUDGED;
  return isGood ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
