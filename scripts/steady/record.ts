import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One run of one test file. */
export interface Run {
  readonly file: string;
  /** Of the content of the file: another content, another file. */
  readonly hash: string;
  /** Busy loops beside it. */
  readonly busy: number;
  readonly durationMs: number;
  readonly passed: boolean;
  /** The names of the tests that failed. */
  readonly failed: readonly string[];
}

export const hashOf = (content: string | Buffer) => createHash('sha256').update(content).digest('hex').slice(0, 12);

/**
 * What is known so far, in a folder: `runs.jsonl` has a line for each run, written when it has ended; `table.md` is drawn from
 * it anew each time. So it can be interrupted at any moment and continued.
 */
export class Record {
  readonly #dir: string;
  readonly #runs: Run[];

  constructor(dir: string, { afresh = false } = {}) {
    this.#dir = dir;
    if (afresh) for (const file of [this.#runsFile, this.tableFile]) rmSync(file, { force: true });
    mkdirSync(join(dir, 'failed'), { recursive: true });
    this.#runs = existsSync(this.#runsFile) ? parseRuns(readFileSync(this.#runsFile, 'utf-8')) : [];
  }

  get tableFile(): string {
    return join(this.#dir, 'table.md');
  }

  get #runsFile(): string {
    return join(this.#dir, 'runs.jsonl');
  }

  /** The runs of this very file beside so many busy loops. */
  runsOf({ file, hash, busy }: Pick<Run, 'file' | 'hash' | 'busy'>): Run[] {
    return this.#runs.filter((run) => run.file === file && run.hash === hash && run.busy === busy);
  }

  /** Writes a run down; the output of one that failed is kept, and the name of its file is returned. */
  add(run: Run, output: string): string | undefined {
    this.#runs.push(run);
    appendFileSync(this.#runsFile, `${JSON.stringify(run)}\n`);
    writeFileSync(this.tableFile, tableOf(this.#runs));
    if (run.passed) return undefined;
    const name = `${run.file.replaceAll(/[/\\]/g, '-')}.${run.hash}.busy-${run.busy}.${this.runsOf(run).length}.txt`;
    const kept = join(this.#dir, 'failed', name);
    writeFileSync(kept, output);
    return kept;
  }
}

/** A last line that was cut off by an interruption is left out. */
export function parseRuns(text: string): Run[] {
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as Run];
    } catch {
      return [];
    }
  });
}

/** A row for each file, content and load; those that failed first, then the slowest. */
export function tableOf(runs: readonly Run[]): string {
  const groups = [...Map.groupBy(runs, ({ file, hash, busy }) => `${file} ${hash} ${busy}`).values()];
  const rows = groups.map(rowOf).sort((a, b) => b.failures - a.failures || b.slowestMs - a.slowestMs);
  const head = [
    '| file | content | busy loops | runs | failures | slowest, s | median, s | failing tests |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |',
  ];
  const lines = rows.map(({ file, hash, busy, count, failures, slowestMs, medianMs, names }) => {
    const cells = [file, hash, busy, count, failures, seconds(slowestMs), seconds(medianMs), names.join('; ')];
    return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return `${[...head, ...lines].join('\n')}\n`;
}

function rowOf(runs: readonly Run[]) {
  const { file = '', hash = '', busy = 0 } = runs[0] ?? {};
  const durations = runs.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
  const tally = Map.groupBy(
    runs.flatMap(({ failed }) => failed),
    (name) => name,
  );
  return {
    file,
    hash,
    busy,
    count: runs.length,
    failures: runs.filter(({ passed }) => !passed).length,
    slowestMs: durations.at(-1) ?? 0,
    medianMs: durations[Math.floor(durations.length / 2)] ?? 0,
    names: [...tally].map(([name, { length }]) => `${name} (${length})`),
  };
}

const seconds = (ms: number) => (ms / 1000).toFixed(1);
