const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How long after the first report of a stalled pod the next ones are due. Each interval is longer than the one before. */
const DUE_MS = [0, HOUR_MS, 4 * HOUR_MS, 12 * HOUR_MS, DAY_MS];

export interface StallReports {
  readonly due: number;
  /** For how many ms the last one has been due. */
  readonly dueForMs: number;
  readonly nextInMs: number;
}

/** How many reports are due of a pod that has been stalled for so long, and in how many ms the next one is. */
export function stallReports(forMs: number): StallReports {
  const days = Math.floor(forMs / DAY_MS);
  if (days >= 1)
    return { due: DUE_MS.length + days - 1, dueForMs: forMs - days * DAY_MS, nextInMs: (days + 1) * DAY_MS - forMs };
  const next = DUE_MS.findIndex((at) => at > forMs);
  return { due: next, dueForMs: forMs - (DUE_MS[next - 1] ?? 0), nextInMs: (DUE_MS[next] ?? DAY_MS) - forMs };
}
