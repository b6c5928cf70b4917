import type { Log, LogLevel } from '../../src/log/messages.ts';

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A log that keeps its lines in memory. */
export function aLog(): Log & { readonly lines: LogLine[]; messages(level?: LogLevel): string[] } {
  const lines: LogLine[] = [];
  const at =
    (level: LogLevel) =>
    (message: string, fields: Record<string, unknown> = {}) =>
      void lines.push({ level, message, fields });
  return {
    lines,
    messages: (level) => lines.filter((line) => level === undefined || line.level === level).map((l) => l.message),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}
