import { Writable } from 'node:stream';
import { createLogger, format, transports } from 'winston';
import type { Log, LogLevel } from './messages.ts';

/** The log of a process, which ends with it. */
export interface ProcessLog extends Log {
  /** Resolves when every line has been read, or is lost. A reader that has stalled keeps it waiting. */
  end(): Promise<void>;
  /** How many lines nobody could read, because standard output was closed, or its reader had stalled. */
  linesLost(): number;
}

/**
 * Of lines that wait for a reader, in bytes. Node does not block on a full pipe; it keeps what is written to it, without
 * a limit of its own. Writes to a file block, but nobody has to read them.
 */
const MAX_UNREAD = 4 * 2 ** 20;

/**
 * The log of the process, one line per fact, on its standard output. A line is `2026-01-31T12:00:00.000Z INFO message
 * key=value ...`, or one JSON object with `time`, `level`, `message` and the fields.
 */
export function createLog(level: string, style: 'text' | 'json', output: Writable): ProcessLog {
  const stream = new LineByLine(output);
  const logger = createLogger({
    level,
    format: lineFormat(style),
    transports: [new transports.Stream({ stream })],
  });
  // winston formats a line before it checks the level, so this checks first. The level never changes while the process
  // runs.
  const at = (wanted: LogLevel): Log[LogLevel] =>
    logger.isLevelEnabled(wanted) ? (message, fields) => void logger.log(wanted, message, fields) : () => undefined;
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    async end() {
      const { promise, resolve } = Promise.withResolvers<void>();
      logger.once('finish', resolve);
      logger.end();
      await promise;
      await stream.settled();
    },
    linesLost: () => stream.lost,
  };
}

/** When nobody reads the output any more, the hook goes on: to end, or to wait, would cost more than the lines. */
class LineByLine extends Writable {
  lost = 0;
  #unsettled = 0;
  #onSettled: () => void = () => undefined;
  readonly #output: Writable;

  constructor(output: Writable) {
    super({ decodeStrings: false });
    this.#output = output;
    output.on('error', () => undefined);
  }

  override _write(line: string, _encoding: string, done: () => void): void {
    if (this.#output.writableLength < MAX_UNREAD) this.#pass(line);
    else this.lost++;
    done();
  }

  /** Resolves when no line waits any more. */
  async settled(): Promise<void> {
    if (this.#unsettled === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onSettled = resolve;
    await promise;
  }

  #pass(line: string): void {
    this.#unsettled++;
    this.#output.write(line, (error) => {
      if (error) this.lost++;
      this.#unsettled--;
      if (this.#unsettled === 0) this.#onSettled();
    });
  }
}

/** How winston formats a line: always one line of bounded length, whatever the fields contain. */
export function lineFormat(style: 'text' | 'json'): ReturnType<typeof format.combine> {
  const time = format(({ level, message, ...fields }) => ({
    time: new Date().toISOString(),
    level,
    message,
    ...Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, shortened(value)])),
    [LEVEL]: level,
  }));
  const printable = format((info) => ({ ...info, [MESSAGE]: escaped(String(info[MESSAGE])) }));
  return format.combine(time(), style === 'json' ? json(AS_GIVEN) : format.printf(asText), printable());
}

/** The symbols under which winston keeps the level and the finished line. */
const LEVEL = Symbol.for('level');
const MESSAGE = Symbol.for('message');
/** `time`, `level` and `message` come first; by default the fields would be sorted. */
const AS_GIVEN = { deterministic: false };
const { json } = format;
const FIELD_MAX = 1_000;

/** Shortens values, because a client or a proxy can send text of any length. */
function shortened(value: unknown): unknown {
  return typeof value === 'string' && value.length > FIELD_MAX
    ? `${value.slice(0, FIELD_MAX)}... (${value.length} characters)`
    : value;
}

function asText(info: Record<string | symbol, unknown>): string {
  const { time, level, message, ...fields } = info;
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${textOf(value)}`);
  return [time, String(level).toUpperCase(), message, ...pairs].join(' ');
}

/** Quotes text that is not one word, because line breaks from outside must not make a second line. */
function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[\x21\x23-\x3c\x3e-\x7e]+$/.test(text) ? text : JSON.stringify(text);
}

/**
 * Escapes characters that JSON leaves as they are but a terminal obeys: further controls, separators, and marks that
 * reverse the text.
 */
function escaped(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (found) =>
    Array.from({ length: found.length }, (_, i) => `\\u${found.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );
}
