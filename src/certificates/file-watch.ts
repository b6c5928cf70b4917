import { readFile } from 'node:fs/promises';
import { type Clock, sleep } from '../async/clock.ts';
import { describeError } from '../kube/errors.ts';

const LOOK_EVERY_MS = 5_000;

export interface FileWatchOptions<T> {
  readonly clock: Pick<Clock, 'setTimer'>;
  /** Reads and checks the files; throws an Error that says what is wrong with them. */
  load(): Promise<T>;
  readonly loaded: T;
  isSame(a: T, b: T): boolean;
  /** What it throws is a problem too, and the same content is tried again. */
  onChange(next: T): void;
  /** Once for each problem in a row. */
  onProblem(problem: string): void;
}

/**
 * Looks every few seconds whether files have changed, and hands on what is in them once it is right. The content is compared,
 * not the time: a mounted Secret is swapped through symbolic links. Returns a function that ends it.
 */
export function watchFiles<T>({ clock, load, loaded, isSame, onChange, onProblem }: FileWatchOptions<T>): () => void {
  let current = loaded;
  let lastProblem = '';
  const look = async () => {
    try {
      const next = await load();
      lastProblem = '';
      if (isSame(next, current)) return;
      onChange(next);
      current = next;
    } catch (error) {
      const problem = describeError(error);
      if (problem !== lastProblem) onProblem(problem);
      lastProblem = problem;
    }
  };
  const end = new AbortController();
  const run = async () => {
    for (;;) {
      await sleep(clock, LOOK_EVERY_MS, end.signal);
      if (end.signal.aborted) return;
      await look();
    }
  };
  void run();
  return () => end.abort();
}

/** A file as text. Throws an Error that names the setting and the file. */
export async function readSetting(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf-8');
  } catch (error) {
    throw new Error(`${setting}: cannot read ${file}: ${describeError(error)}`);
  }
}
