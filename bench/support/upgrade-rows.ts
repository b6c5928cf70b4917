/** From an upgrade of a large cluster to lines of the table (docs/performance.md). */
import { atMost, below, count, type Figure, mb, ms, percent } from './figures.ts';
import type { UpgradeReplica, UpgradeResult } from './results.ts';

const MORE_LIMIT_PERCENT = 5;
const MEMORY_LIMIT_MB = 400;
/** Entry and mark, the live reads of the pod and its node that let the drain go on, and the prune, which both replicas may try. */
const CALLS_LIMIT = 8;
/** After so long an API server gives up by default. */
const TIMEOUT_MS = 10_000;
/** Of that time, so that a busy API server has as much left again. */
const MARKS_LIMIT_PERCENT = 50;
/** Each makes a pod wait for the next look of its operator, or for the other pods of its node, so the times would say little. */
const FAILED_LIMIT = 0;

export function upgradeRows(result: UpgradeResult): Figure[] {
  const { nodes, pods, atOnce, moved, needed, took, endedMs, synced, replicas, answers, marks, markMs } = result;
  const { callsPerPod, allCallsPerPod } = result;
  const most = (of: (replica: UpgradeReplica) => number, some = replicas) => Math.max(...some.map(of));
  const more = endedMs / needed.ms - 1;
  const movedLater = took.ms / needed.ms - 1;
  const failed = needed.failedCalls + took.failedCalls + result.begunAgain;
  const rssMb = most(({ rssMb }) => rssMb);
  const peakMb = most(({ peakMb }) => peakMb);
  const blockMs = most(({ blockMs }) => blockMs);
  const syncBlockMs = most(({ blockMs }) => blockMs, synced);
  const share = marks.p99Ms / TIMEOUT_MS;
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
      `time of drains of ${count(moved)} pods, beyond what their operators need`,
      `${percent(more)}, ${percent(movedLater)} until all were moved`,
      { more, movedLater, neededMs: needed.ms, movedMs: took.ms, endedMs },
      below(more * 100, MORE_LIMIT_PERCENT, '%'),
    ),
    row(
      'API calls a pod, and with Events',
      `${count(callsPerPod)}, ${count(allCallsPerPod)}`,
      { callsPerPod, allCallsPerPod },
      atMost(callsPerPod, CALLS_LIMIT, ''),
    ),
    row(
      `p99 of ${count(marks.answers)} first marks, as part of the time limit of ${TIMEOUT_MS / 1_000} s`,
      percent(share),
      { p99Ms: marks.p99Ms, marks: marks.answers },
      atMost(share * 100, MARKS_LIMIT_PERCENT, '%'),
    ),
    row(
      `p99 of all ${count(answers.answers)} answers, and of one write of each pod, made at once without the hook`,
      `${percent(answers.p99Ms / TIMEOUT_MS)}, ${percent(markMs / TIMEOUT_MS)}`,
      { p99Ms: answers.p99Ms, answers: answers.answers, markMs },
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
