import type { AvailabilityRecord } from './record.ts';

/** Whether one member was ready, from `at` on. */
export interface Readiness {
  readonly at: number;
  readonly cluster: string;
  readonly uid: string;
  readonly isReady: boolean;
}

export interface Wanted {
  readonly at: number;
  readonly cluster: string;
  readonly wanted: number;
}

/** How many members of each cluster were ready over time. What was before the start counts as its first moment. */
export function availabilityOf(
  wanted: readonly Wanted[],
  readiness: readonly Readiness[],
  after: (at: number) => number,
): AvailabilityRecord[] {
  const clusters = new Set([...wanted, ...readiness].map(({ cluster }) => cluster));
  return [...clusters].sort().map((cluster) => ({ cluster, points: pointsOf(cluster, wanted, readiness, after) }));
}

function pointsOf(
  cluster: string,
  wanted: readonly Wanted[],
  readiness: readonly Readiness[],
  after: (at: number) => number,
): AvailabilityRecord['points'] {
  const changes = [...wanted, ...readiness].filter((one) => one.cluster === cluster).sort((a, b) => a.at - b.at);
  const points = new Map([[0, { afterMs: 0, ready: 0, wanted: 0 }]]);
  const ready = new Set<string>();
  let isWanted = 0;
  for (const change of changes) {
    if ('wanted' in change) isWanted = change.wanted;
    else if (change.isReady) ready.add(change.uid);
    else ready.delete(change.uid);
    const afterMs = Math.max(0, after(change.at));
    points.set(afterMs, { afterMs, ready: ready.size, wanted: isWanted });
  }
  const all = [...points.values()];
  return all.filter(({ ready, wanted }, i) => ready !== all[i - 1]?.ready || wanted !== all[i - 1]?.wanted);
}
