const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Parses `90s`, `15m`, `1h30m` or `500ms` into milliseconds. Throws an Error that describes the format. */
export function parseDuration(text: string): number {
  if (!/^(\d+(ms|s|m|h))+$/.test(text)) throw new Error(`"${text}" is not a duration; write it like 90s, 15m or 1h`);
  let total = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g)) total += Number(digits) * (UNITS[unit ?? ''] ?? 0);
  if (!Number.isSafeInteger(total)) throw new Error(`"${text}" is too long a duration`);
  return total;
}

/** Formats milliseconds for people, with at most two units: `0s`, `3m20s`, `2h5m`, `3d4h`. Never negative. */
export function formatAge(ms: number): string {
  // Every 429 contains an age, so this avoids arrays.
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return inTwo(seconds, 60, 'm', 's');
  if (seconds < 86_400) return inTwo(Math.floor(seconds / 60), 60, 'h', 'm');
  return inTwo(Math.floor(seconds / 3600), 24, 'd', 'h');
}

function inTwo(count: number, per: number, unit: string, smallerUnit: string): string {
  const rest = count % per;
  const whole = `${Math.floor(count / per)}${unit}`;
  return rest === 0 ? whole : `${whole}${rest}${smallerUnit}`;
}
