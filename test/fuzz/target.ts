import fc from 'fast-check';

export interface RunOptions {
  readonly runs: number;
  readonly seed: number;
  /** Of a counterexample: runs it alone. */
  readonly path?: string | undefined;
  /** Called before each case. */
  readonly onCase?: (() => void) | undefined;
}

/** One thing to be fuzzed. */
export interface Target {
  readonly name: string;
  /** One line for `--help`. */
  readonly about: string;
  /** How many cases there are for each one asked for with `--runs`: the dear ones have fewer. */
  readonly share: number;
  /** Throws an Error with the seed, the path and the smallest counterexample. */
  run(options: RunOptions): Promise<void>;
}

/** A target whose cases are shrunk by fast-check. `open` makes what the cases of one run share. */
export function target<T>(
  about: { readonly name: string; readonly about: string; readonly share?: number },
  arbitrary: fc.Arbitrary<T>,
  open: () => (value: T) => void | Promise<void>,
): Target {
  return {
    share: 1,
    ...about,
    async run({ runs, seed, path, onCase }) {
      const check = open();
      const property = fc.asyncProperty(arbitrary, async (value) => {
        onCase?.();
        await check(value);
      });
      const only = path === undefined ? {} : { path, endOnFailure: true };
      const details = await fc.check(property, { numRuns: runs, seed, includeErrorInReport: true, ...only });
      if (!details.failed) return;
      const again = `npm run fuzz -- --only ${about.name} --seed ${seed} --path ${details.counterexamplePath}`;
      throw new Error(`${about.name}: ${fc.defaultReportMessage(details)}\nAgain: ${again}`);
    },
  };
}
