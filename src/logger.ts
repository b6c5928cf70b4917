import { createLogger, format, transports } from 'winston';
import type { Log, LogLevel } from './logs.ts';

/**
 * The log of the process, on standard output: one line a fact, as `2026-01-31T12:00:00.000Z INFO message key=value ...` or
 * as one JSON object with `time`, `level`, `message` and the fields.
 */
export function createLog(level: string, style: 'text' | 'json'): Log & { end(): Promise<void> } {
  const time = format((info) => ({ time: new Date().toISOString(), ...info }));
  const logger = createLogger({
    level,
    format: style === 'json' ? format.combine(time(), format.json()) : format.combine(time(), format.printf(asText)),
    transports: [new transports.Console({ forceConsole: false })],
  });
  // winston formats a line before it asks whether anybody wants it; the level does not change while the process runs.
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
    },
  };
}

function asText(info: Record<string | symbol, unknown>): string {
  const { time, level, message, ...fields } = info;
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${textOf(value)}`);
  return [time, String(level).toUpperCase(), message, ...pairs].join(' ');
}

/** Quoted where it would not be one word: line breaks from outside must not make a second line. */
function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (/^[\x21\x23-\x3c\x3e-\x7e]+$/.test(text)) return text;
  // JSON leaves these as they are; a terminal does not.
  return JSON.stringify(text).replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
