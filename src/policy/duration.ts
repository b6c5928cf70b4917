const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Parses `90s`, `15m`, `1h30m` or `500ms` into milliseconds. Throws an Error that describes the format. */
export function parseDuration(text: string): number {
  if (!/^(\d+(ms|s|m|h))+$/.test(text)) throw new Error(`"${text}" is not a duration; write it like 90s, 15m or 1h`);
  let total = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g)) total += Number(digits) * (UNITS[unit ?? ''] ?? 0);
  if (!Number.isSafeInteger(total)) throw new Error(`"${text}" is too long a duration`);
  return total;
}

const AGE_UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const;

/** Writes a span of milliseconds for people, two units at most: `0s`, `3m20s`, `2h5m`, `3d4h`. Never negative. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const largest = AGE_UNITS.findIndex(([, size]) => seconds >= size);
  if (largest === -1) return '0s';
  let rest = seconds;
  let text = '';
  for (const [unit, size] of AGE_UNITS.slice(largest, largest + 2)) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}
