const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How long after the first report of a stalled pod the next ones are due. Each interval is longer than the one before. */
const DUE_MS = [0, HOUR_MS, 4 * HOUR_MS, 12 * HOUR_MS, DAY_MS];

/** How many reports are due of a pod that has been stalled for so long, and in how many ms the next one is. Below 0 none is. */
export function stallReports(forMs: number): { readonly due: number; readonly nextInMs: number } {
  const days = Math.floor(forMs / DAY_MS);
  if (days >= 1) return { due: DUE_MS.length + days - 1, nextInMs: (days + 1) * DAY_MS - forMs };
  const next = DUE_MS.findIndex((at) => at > forMs);
  return { due: next, nextInMs: (DUE_MS[next] ?? DAY_MS) - forMs };
}
