import type { Pod } from './model.ts';
import { isTerminatingOrFinished } from './pod-state.ts';
import { isMarked, type PolicySettings } from './profile.ts';

/** Whether the pod is marked and STALL_AFTER has passed without a move; otherwise in how many ms to look again. */
export function planStall(
  pod: Pod,
  markedForMs: number,
  { profile }: PolicySettings,
): { kind: 'notWaiting' } | { kind: 'stalled' } | { kind: 'lookAgain'; inMs: number } {
  if (!isMarked(pod, profile) || isTerminatingOrFinished(pod)) return { kind: 'notWaiting' };
  const leftMs = profile.stallAfterMs - markedForMs;
  return leftMs <= 0 ? { kind: 'stalled' } : { kind: 'lookAgain', inMs: leftMs };
}
