import { putNewest } from '../cache/bounded-map.ts';
import { causeIn } from '../log/cause.ts';
import { LOG, type Log, type LogLevel } from '../log/messages.ts';
import type { Decision, Reason } from '../policy/decision.ts';
import { assertNever, type EvictionRequest } from '../policy/model.ts';

/** Without a permission, the hook refuses each try of each drainer in doubt, every few seconds for days. */
const DOUBT_PAUSE_MS = 60_000;
/** Doubts beyond these are warned of more often. */
const MAX_DOUBTS = 1_000;

/** As `logDecision`, but warns of the same doubt about the same pod once a minute at the most, and so of a cache that has not synced. */
export function createDecisionLog(log: Log, monotonicNow: () => number) {
  const warnedAt = new Map<string, number>();
  const isDue = (doubt: string) => {
    if (monotonicNow() - (warnedAt.get(doubt) ?? Number.NEGATIVE_INFINITY) < DOUBT_PAUSE_MS) return false;
    putNewest(warnedAt, doubt, monotonicNow(), MAX_DOUBTS);
    return true;
  };
  return (request: EvictionRequest, decision: Decision, durationMs: number, review?: string): void => {
    const doubt = doubtOf(request, decision);
    const isQuiet = doubt !== undefined && !isDue(doubt);
    const quiet: Log = { ...log, warn: (...line) => log.debug(...line) };
    logDecision(isQuiet ? quiet : log, request, decision, durationMs, review);
  };
}

/** The cache is the same for all pods. */
function doubtOf({ namespace, name }: EvictionRequest, decision: Decision): string | undefined {
  if (decision.kind !== 'deny' || !isDoubt(decision.reason)) return undefined;
  return decision.reason === 'Doubt' ? `${namespace}/${name} ${causeIn(decision.message)}` : decision.reason;
}

const isDoubt = (reason: Reason) => reason === 'Doubt' || reason === 'CacheUnsynced';

/**
 * Logs one line per decision: at info if something happens, at debug if a drain only waits. `review` is the UID of the
 * review, which is in the audit log, too.
 */
export function logDecision(
  log: Log,
  request: EvictionRequest,
  decision: Decision,
  durationMs: number,
  review?: string,
): void {
  const [level, message] = lineFor(decision);
  const fields = {
    pod: request.name,
    namespace: request.namespace,
    decision: decision.kind,
    rule: decision.rule,
    reason: decision.reason,
    ...(decision.profile === undefined ? {} : { profile: decision.profile }),
    ...(review === undefined ? {} : { review }),
    user: request.username,
    ...detailsOf(decision),
    durationMs,
  };
  log[level](message, fields);
  if (decision.kind === 'mark' && decision.trackerMissing !== undefined) log.warn(LOG.untracked, fields);
}

/** With these the eviction ends a pod that a profile selects, or what is left of it. */
const ENDS_A_POD: readonly Reason[] = ['EndingInstanceNamed', 'Corpse', 'Ignored', 'OwnEviction'];

function lineFor(decision: Decision): readonly [LogLevel, string] {
  switch (decision.kind) {
    case 'mark':
      return ['info', decision.annotation || decision.request ? LOG.marked : LOG.waiting];
    case 'allow':
      if (decision.reason === 'DryRun') return ['info', LOG.dryRun];
      return [ENDS_A_POD.includes(decision.reason) ? 'info' : 'debug', LOG.allowed];
    case 'deny':
      return lineForDenial(decision);
    default:
      return assertNever(decision);
  }
}

function lineForDenial({ code, reason }: Extract<Decision, { kind: 'deny' }>): readonly [LogLevel, string] {
  if (code === 404) return ['info', LOG.released];
  if (isDoubt(reason)) return ['warn', LOG.doubt];
  return code === 429 ? ['debug', LOG.waiting] : ['info', LOG.refused];
}

function detailsOf(decision: Decision): Record<string, unknown> {
  switch (decision.kind) {
    case 'mark': {
      const { uid, node } = decision.pod;
      // Without an annotation it is an answer like any other that has a drainer wait.
      const answer = decision.annotation ? {} : { answer: decision.message };
      return {
        uid,
        node,
        ...answer,
        ...(decision.trackerMissing === undefined ? {} : { why: decision.trackerMissing }),
      };
    }
    case 'allow':
      return decision.warning === undefined ? {} : { warning: decision.warning };
    case 'deny':
      return { code: decision.code, answer: decision.message };
    default:
      return assertNever(decision);
  }
}
