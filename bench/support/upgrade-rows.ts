/** From an upgrade of a large cluster to lines of the table (docs/performance.md). */
import { atMost, below, count, type Figure, mb, ms, percent } from './figures.ts';
import type { UpgradeReplica, UpgradeResult } from './results.ts';

const MORE_LIMIT_PERCENT = 5;
const MEMORY_LIMIT_MB = 400;
/** Entry and mark; then the live reads of the pod and its node that let the drain go on, and the prune of the entry. */
const CALLS_LIMIT = 8;
/** All first marks come at once, so the API decides how long they take. With the eviction and two Events each is five calls. */
const MARKS_LIMIT = CALLS_LIMIT;
/** Each makes a pod wait for the next look of its operator, or for the other pods of its node, so the times would say little. */
const FAILED_LIMIT = 0;
/** After so long an API server gives up by default. */
const TIMEOUT_MS = 10_000;

export function upgradeRows(result: UpgradeResult): Figure[] {
  const { nodes, pods, atOnce, moved, needed, took, synced, replicas, callsPerPod, answers, p99Ms, markMs } = result;
  const { ms: neededMs } = needed;
  const { ms: tookMs } = took;
  const failed = needed.failedCalls + took.failedCalls + result.begunAgain;
  const most = (of: (replica: UpgradeReplica) => number, some = replicas) => Math.max(...some.map(of));
  const more = tookMs / neededMs - 1;
  const rssMb = most(({ rssMb }) => rssMb);
  const peakMb = most(({ peakMb }) => peakMb);
  const blockMs = most(({ blockMs }) => blockMs);
  const syncBlockMs = most(({ blockMs }) => blockMs, synced);
  const area = `upgrade: ${count(nodes)} nodes, ${count(pods)} pods, ${atOnce} nodes at once`;
  const row = (what: string, shown: string, values: Figure['values'], target?: Figure['target']): Figure => ({
    area,
    what,
    shown,
    values,
    ...(target === undefined ? {} : { target }),
  });
  return [
    row(
      `time for ${count(moved)} pods, beyond what their operators need`,
      percent(more),
      { more, neededMs, tookMs },
      below(more * 100, MORE_LIMIT_PERCENT, '%'),
    ),
    row('API calls a pod', count(callsPerPod), { callsPerPod }, atMost(callsPerPod, CALLS_LIMIT, '')),
    row(
      `p99 of ${count(answers)} answers, beside one write of each pod without the hook`,
      `${count(p99Ms / markMs)} times, ${percent(p99Ms / TIMEOUT_MS)} of the time limit`,
      { p99Ms, answers, markMs },
      atMost(p99Ms / markMs, MARKS_LIMIT, ' times'),
    ),
    row(
      'RSS of a replica',
      `${mb(rssMb)}, ${mb(peakMb)} at its peak`,
      { rssMb, peakMb },
      atMost(peakMb, MEMORY_LIMIT_MB, 'MB'),
    ),
    row('longest block of the event loop', `${ms(blockMs)}, ${ms(syncBlockMs)} during the first lists`, {
      blockMs,
      syncBlockMs,
    }),
    row(
      'calls of operators that failed, and drains that were begun again',
      count(failed),
      { withoutDrains: needed.failedCalls, withDrains: took.failedCalls, begunAgain: result.begunAgain },
      atMost(failed, FAILED_LIMIT, ''),
    ),
    row('CPU of the stand-in API', `${percent(took.apiCpu)} of a core, ${percent(needed.apiCpu)} without drains`, {
      withDrains: took.apiCpu,
      withoutDrains: needed.apiCpu,
    }),
  ];
}
