/**
 * What a drain will meet. `hangs`: it goes on only when somebody acts. `likely`: the same, as far as can be judged from
 * outside the scheduler. `unsafe`: the pod would be evicted although a profile selects it. `delays`: it ends by itself.
 * `flag`: kubectl wants a flag before it begins. `note`: good to know.
 */
export type Verdict = 'hangs' | 'likely' | 'unsafe' | 'delays' | 'flag' | 'note';

/** Those that make the answer "no". */
const BAD: readonly Verdict[] = ['hangs', 'likely', 'unsafe'];

export interface Finding {
  /** One word in PascalCase. */
  readonly what: string;
  readonly verdict: Verdict;
  /** One sentence. */
  readonly text: string;
  /** What to do, as one sentence; empty if there is nothing to be done. */
  readonly remedy: string;
}

export const isBad = ({ verdict }: Pick<Finding, 'verdict'>) => BAD.includes(verdict);

/** What becomes of a pod when the drain asks for its eviction the first time. */
export type Outcome = 'marked' | 'waits' | 'evicted' | 'left';

export interface PodForecast {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  /** The profile that protects it; null for a pod that the hook does not protect. */
  readonly profile: string | null;
  readonly outcome: Outcome;
  readonly findings: readonly Finding[];
}

/** One thing about the installation. `unknown`: nobody could look. */
export interface Check {
  readonly check: string;
  readonly result: 'ok' | 'wrong' | 'unknown';
  readonly text: string;
  readonly remedy: string;
}

export interface Forecast {
  readonly version: 1;
  /** Whether nothing was found that hangs, or that is unsafe. */
  readonly isClear: boolean;
  readonly installation: string;
  /** Where the settings and the profiles in force were read. */
  readonly settingsFrom: string;
  readonly profiles: readonly string[];
  readonly checks: readonly Check[];
  readonly nodes: readonly string[];
  readonly pods: readonly PodForecast[];
  /** With the flags that these nodes need. */
  readonly command: string;
}
