import type { Passing, Verdict } from './api-gate.ts';

export interface Flaky {
  readonly rule: (request: Passing) => Verdict | undefined;
  /** How many calls came, those of watches and lists aside, and how often each fault was injected. */
  readonly counts: Readonly<Record<string, number>>;
}

const refusal = (code: number, message: string) => ({
  kind: 'refuse' as const,
  code,
  body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message },
});

const FAULTS: readonly (readonly [name: string, verdict: Verdict])[] = [
  ['500', refusal(500, 'injected')],
  ['500 although done', { ...refusal(500, 'injected, and done'), applied: true }],
  ['429', refusal(429, 'injected')],
  ['reset', { kind: 'lose', applied: false }],
  ['reset although done', { kind: 'lose', applied: true }],
];

/** The API server never hears of it, and no answer comes. */
const HANG = ['hang', { kind: 'hold', until: new Promise(() => undefined) }] as const;

/**
 * Injects each fault in turn into so large a share of the calls, evenly, so that every run has the same number of them.
 * `hangs`: calls that hang are among them; one costs a drainer its whole time, and the next ones that of a mark.
 */
export function flaky(share: number, hangs = false): Flaky {
  const faults = hangs ? [...FAULTS, HANG] : FAULTS;
  const counts: Record<string, number> = { calls: 0 };
  let debt = 0;
  let next = 0;
  return {
    counts,
    rule({ path, query }) {
      if (query.has('watch') || query.has('limit') || path.includes('selfsubjectaccessreviews')) return undefined;
      counts.calls = (counts.calls ?? 0) + 1;
      debt += share;
      const fault = debt >= 1 ? faults[next++ % faults.length] : undefined;
      if (fault === undefined) return undefined;
      debt--;
      const [name, verdict] = fault;
      counts[name] = (counts[name] ?? 0) + 1;
      return verdict;
    },
  };
}
