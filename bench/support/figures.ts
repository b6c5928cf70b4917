import type { Spread } from './statistics.ts';

/** One line of the table. */
export interface Figure {
  readonly area: string;
  readonly what: string;
  /** As it is shown. */
  readonly shown: string;
  readonly target?: { readonly text: string; readonly met: boolean };
  /** What was measured is not what the line is about; `shown` says why. */
  readonly isInvalid?: true;
  /** For `--json`: what was measured, in the units that the names say. */
  readonly values: Readonly<Record<string, number>>;
}

export interface Machine {
  readonly cores: number;
  readonly memoryGb: number;
  readonly node: string;
}

/** The figures as a Markdown table, which is also readable as it is. */
export function tableOf(figures: readonly Figure[]): string {
  const header = ['', 'what', 'figure', 'target', ''];
  let area = '';
  const rows = figures.map((figure) => {
    const first = figure.area === area ? '' : figure.area;
    area = figure.area;
    return [first, figure.what, figure.shown, figure.target?.text ?? '', verdictOf(figure)];
  });
  const widths = header.map((_, column) => Math.max(3, ...[header, ...rows].map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) => `| ${widths.map((width, i) => (row[i] ?? '').padEnd(width)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}

/** A target is missed, or what was measured is not what the line is about. */
export function isBad({ target, isInvalid }: Figure): boolean {
  return isInvalid === true || target?.met === false;
}

function verdictOf({ target, isInvalid }: Figure): string {
  if (isInvalid) return 'INVALID';
  if (target === undefined) return '';
  return target.met ? 'met' : 'MISSED';
}

export function atMost(value: number, limit: number, unit: string): NonNullable<Figure['target']> {
  return { text: `at most ${count(limit)} ${unit}`.trim(), met: value <= limit };
}

export function atLeast(value: number, limit: number, unit: string): NonNullable<Figure['target']> {
  return { text: `at least ${count(limit)}${unit}`, met: value >= limit };
}

export function below(value: number, limit: number, unit: string): NonNullable<Figure['target']> {
  return { text: `under ${count(limit)} ${unit}`, met: value < limit };
}

/** 12345.6 as `12,346`, 1.234 as `1.23`. */
export function count(value: number): string {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(Math.abs(ratio) < 0.1 ? 1 : 0)}%`;
}

export const perSecond = (value: number) => `${count(value)}/s`;
export const ms = (value: number) => `${count(value)} ms`;
export const us = (value: number) => `${count(value)} µs`;
export const mb = (value: number) => `${count(Math.round(value))} MB`;

export function withSpread(values: Spread, show: (value: number) => string): string {
  return `${show(values.median)} (${show(values.min)} to ${show(values.max)})`;
}
