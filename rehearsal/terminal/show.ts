import { formatAge } from '../../src/policy/duration.ts';
import type { RehearsalRecord, ScenarioTitle } from '../evidence/record.ts';
import type { Followed } from '../evidence/recorder.ts';
import type { Output } from './output.ts';
import { podLines } from './pod-lines.ts';
import { failureOf, resultOf, summaryOf } from './summary.ts';
import type { View } from './view.ts';

export interface ShowOptions {
  readonly output: Output;
  readonly scenarios: readonly ScenarioTitle[];
  /** How many take place at the same time. */
  readonly atOnce: number;
  /** The log is shown while it is written. Else it is shown where something failed. */
  readonly isVerbose: boolean;
  readonly monotonicNow: () => number;
  /** How often what stays is redrawn. */
  readonly everyMs?: number;
}

const EVERY_MS = 250;
/** More of a log is in the report. */
const LAST_LINES = 100;

/** What a rehearsal shows of itself: a header with progress, a line for each scenario, and the log of those that failed. */
export class Show {
  readonly #options: ShowOptions;
  readonly #underWay = new Map<string, { readonly beganAt: number; readonly log: string[] }>();
  readonly #width: number;
  readonly #timer: NodeJS.Timeout | undefined;
  #followed: () => readonly Followed[] = () => [];
  #done = 0;
  #hasHeader = false;

  constructor(options: ShowOptions) {
    const { output, scenarios, everyMs = EVERY_MS } = options;
    this.#options = options;
    this.#width = Math.max(...scenarios.map(({ name }) => name.length));
    if (output.show === undefined) return;
    this.#timer = setInterval(() => this.#draw(), everyMs);
    // What is shown is no reason to go on.
    this.#timer.unref();
  }

  /** A scenario begins. */
  begin({ name }: ScenarioTitle): View {
    const log: string[] = [];
    this.#underWay.set(name, { beganAt: this.#options.monotonicNow(), log });
    const label = this.#isAlone ? '' : `${name.padEnd(this.#width)} `;
    const write = (line: string) => this.write(label + line);
    return {
      write,
      log: (line) => {
        this.#head();
        if (this.#options.isVerbose) write(line);
        else log.push(line);
      },
      follow: (pods) => {
        this.#followed = this.#isAlone ? pods : this.#followed;
        this.#draw();
      },
    };
  }

  /** It has ended. */
  end(record: RehearsalRecord): void {
    const { monotonicNow, scenarios } = this.#options;
    const { name } = record.scenario;
    const { beganAt, log } = this.#underWay.get(name) ?? { beganAt: monotonicNow(), log: [] };
    this.#underWay.delete(name);
    this.#done++;
    this.#followed = () => [];
    this.#draw();
    const took = formatAge(monotonicNow() - beganAt);
    const shown = record.holds ? [] : lastOf(log);
    const place = { nth: this.#done, of: scenarios.length, width: this.#width };
    const lines = this.#isAlone
      ? [...shown, ...summaryOf(record, took)]
      : [resultOf(record, took, place), ...[...failureOf(record), ...shown].map((line) => `    ${line}`)];
    for (const line of lines) this.write(line);
  }

  /** A line that stays. */
  write(line: string): void {
    this.#head();
    this.#options.output.write(line);
  }

  /** Leaves the terminal as it was found; may be called twice. */
  stop(): void {
    clearInterval(this.#timer);
    this.#options.output.stop();
  }

  /** Not before something has begun. */
  #head(): void {
    if (this.#hasHeader) return;
    this.#hasHeader = true;
    this.#options.output.write(this.#header());
  }

  get #isAlone(): boolean {
    return this.#options.scenarios.length === 1;
  }

  #header(): string {
    const { scenarios, atOnce } = this.#options;
    const [first, ...others] = scenarios;
    if (others.length === 0) return `Rehearsing: ${first?.title}`;
    return `Rehearsing ${scenarios.length} scenarios, ${Math.min(atOnce, scenarios.length)} at a time`;
  }

  /** Time goes on also while nothing happens. */
  #draw(): void {
    const { output, monotonicNow } = this.#options;
    const pods = this.#followed();
    const nowMs = monotonicNow();
    const table = pods.length === 0 ? [] : ['', ...podLines(pods, { nowMs, rows: output.rows - 2 })];
    output.show?.([this.#progress(nowMs), ...table]);
  }

  #progress(nowMs: number): string {
    const ages = [...this.#underWay].map(([name, { beganAt }]) => `${name} ${formatAge(nowMs - beganAt)}`);
    return [`${this.#done} of ${this.#options.scenarios.length} done`, ...ages].join(' · ');
  }
}

function lastOf(log: readonly string[]): readonly string[] {
  const more = log.length - LAST_LINES;
  if (more <= 0) return log;
  return [`${more} lines more are in the report, or with --verbose`, ...log.slice(more)];
}
