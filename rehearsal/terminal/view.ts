import type { Followed } from '../evidence/recorder.ts';

/** Shows one rehearsal while it happens. */
export interface View {
  /** A line that everybody has to read. */
  write(line: string): void;
  /** A line of the log: what happens, one thing after the other. */
  log(line: string): void;
  /** Shows the pods from now on, as they are at each moment. */
  follow(pods: () => readonly Followed[]): void;
}

/** One line after the other, the log too. */
export function plainView(write: (line: string) => void): View {
  return { write, log: write, follow: () => undefined };
}
