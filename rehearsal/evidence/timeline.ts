/** One thing that happened: a line of the timeline. */
export interface Happening {
  /** Who did or said it: the drainer by its name, hook, operator, cluster, rehearsal. */
  readonly who: string;
  readonly what: string;
  readonly pod?: string;
  readonly node?: string;
  readonly uid?: string;
  readonly detail?: string;
}

export interface TimelineEntry extends Happening {
  /** Since the start of the timeline. */
  readonly afterMs: number;
}

export interface TimelineOptions {
  readonly monotonicNow: () => number;
  readonly write: (line: string) => void;
  readonly onHappening?: (happening: Happening) => void;
}

/** Writes what happens while it happens, one aligned line each, and keeps it for a report. */
export class Timeline {
  readonly #options: TimelineOptions;
  readonly #entries: TimelineEntry[] = [];
  #startedAt: number;

  constructor(options: TimelineOptions) {
    this.#options = options;
    this.#startedAt = options.monotonicNow();
  }

  get entries(): readonly TimelineEntry[] {
    return this.#entries;
  }

  get elapsedMs(): number {
    return this.#options.monotonicNow() - this.#startedAt;
  }

  /** From here on the time counts; writes the heading. */
  start(): void {
    this.#startedAt = this.#options.monotonicNow();
    this.#options.write(columns(['time', 'who', 'what', 'pod', 'node', 'uid', '']));
  }

  add(happening: Happening): void {
    const entry = { afterMs: this.elapsedMs, ...happening };
    this.#entries.push(entry);
    this.#options.onHappening?.(happening);
    this.#options.write(formatEntry(entry));
  }
}

const WIDTHS = [8, 8, 28, 20, 8, 8];

function formatEntry({ afterMs, who, what, pod = '', node = '', uid = '', detail = '' }: TimelineEntry): string {
  const time = `${(afterMs / 1000).toFixed(1).padStart(6)}s`;
  return columns([time, who, what, pod, node, uid.slice(0, 8), detail]);
}

function columns(texts: readonly string[]): string {
  // A text that is too long moves the rest of its line, and is never cut.
  return texts
    .map((text, i) => text.padEnd(WIDTHS[i] ?? 0))
    .join(' ')
    .trimEnd();
}
