import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { NotYet, PATIENCE_MS } from './until.ts';

/** One line of the hook's log, with its fields as written. A line that is no JSON object has only `message`. */
export interface LogLine {
  readonly message: string;
  readonly level?: string;
  readonly [field: string]: unknown;
}

export function parseLogLine(text: string): LogLine {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      const fields = parsed as Record<string, unknown>;
      return { ...fields, message: String(fields.message ?? '') };
    }
  } catch {
    // A stack trace, or a message of Node itself: kept as it is.
  }
  return { message: text };
}

interface Waiter {
  readonly isIt: (line: LogLine) => boolean;
  readonly resolve: (line: LogLine) => void;
}

/** Collects the lines of a process and of its restarts, and waits for a line. */
export class LogLines {
  readonly #lines: LogLine[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #onLine: (line: LogLine) => void;

  constructor(onLine: (line: LogLine) => void = () => undefined) {
    this.#onLine = onLine;
  }

  get all(): readonly LogLine[] {
    return this.#lines;
  }

  /** Reads a stream until it ends, or is destroyed. */
  async read(stream: Readable): Promise<void> {
    const lines = createInterface({ input: stream });
    stream.once('close', () => lines.close());
    for await (const text of lines) this.add(parseLogLine(text));
  }

  add(line: LogLine): void {
    this.#lines.push(line);
    this.#onLine(line);
    for (const waiter of this.#waiters) {
      if (waiter.isIt(line)) waiter.resolve(line);
    }
  }

  /** The first matching line from index `since` on. It may exist already. Rejects with NotYet after `timeoutMs`. */
  async waitFor(
    isIt: (line: LogLine) => boolean,
    { since = 0, timeoutMs = PATIENCE_MS, signal }: { since?: number; timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<LogLine> {
    const found = this.#lines.slice(since).find(isIt);
    if (found !== undefined) return found;
    const { promise, resolve, reject } = Promise.withResolvers<LogLine>();
    const waiter: Waiter = { isIt, resolve };
    this.#waiters.add(waiter);
    const timer = setTimeout(
      () => reject(new NotYet(`no such log line after ${timeoutMs / 1000} s; the last ones:\n${this.tail()}`)),
      timeoutMs,
    );
    const giveUp = () => reject(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    if (signal?.aborted) giveUp();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      this.#waiters.delete(waiter);
    }
  }

  /** The last lines as text, for an error message. */
  tail(count = 15): string {
    return this.#lines
      .slice(-count)
      .map((line) => `  ${Object.keys(line).length === 1 ? line.message : JSON.stringify(line)}`)
      .join('\n');
  }
}
