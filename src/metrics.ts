import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Freshness } from './cache/cache.ts';
import type { ApiCall } from './kube/client.ts';
import { resourceOf } from './kube/paths.ts';
import type { Decision } from './policy/decision.ts';
import type { EntryState } from './policy/plan.ts';

export interface MetricsSources {
  /** How many, by what hinders their operators. */
  stalledPods(): ReadonlyMap<string, number>;
  queueLength(): number;
  freshness(): Freshness[];
  monotonicNow(): number;
  certificates(): readonly { readonly certificate: string; readonly at: number }[];
}

/** The metrics of the process; words as in the log. `read` says what is asked for at each scrape. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const decisions = new Counter({
    name: 'reschedule_hook_decisions_total',
    help: 'Evictions decided, by kind (allow, deny, mark) and reason',
    labelNames: ['kind', 'reason'],
    registers,
  });
  const durations = new Histogram({
    name: 'reschedule_hook_decision_duration_seconds',
    help: 'Time to decide an eviction and carry the decision out',
    labelNames: ['kind'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const untracked = new Counter({
    name: 'reschedule_hook_marked_without_entry_total',
    help: 'Pods marked without a tracking entry because their tracking resource was not found',
    registers,
  });
  const pruned = new Counter({
    name: 'reschedule_hook_pruned_entries_total',
    help: 'Tracking entries pruned, by the state they were in',
    labelNames: ['state'],
    registers,
  });
  const calls = new Counter({
    name: 'reschedule_hook_api_requests_total',
    help: 'Calls to the API server by method, resource and status code (0: no answer)',
    labelNames: ['method', 'resource', 'code'],
    registers,
  });
  const reconciles = new Counter({
    name: 'reschedule_hook_reconciles_total',
    help: 'Reconciles by result',
    labelNames: ['result'],
    registers,
  });
  collectDefaultMetrics({ register: registry });

  return {
    registry,
    onDecision(decision: Decision, durationMs: number) {
      decisions.inc({ kind: decision.kind, reason: decision.reason });
      durations.observe({ kind: decision.kind }, durationMs / 1000);
      if (decision.kind === 'mark' && decision.trackerMissing !== undefined) untracked.inc();
    },
    onPrune: (state: EntryState) => pruned.inc({ state }),
    onApiCall: ({ method, path, code }: ApiCall) => calls.inc({ method, resource: resourceOf(path), code }),
    onReconcile: (result: 'success' | 'error') => reconciles.inc({ result }),
    read(sources: MetricsSources) {
      new Gauge({
        name: 'reschedule_hook_stalled_pods',
        help: 'Marked pods whose operator has not acted for STALL_AFTER, by what their tracking resource reports',
        labelNames: ['hindrance'],
        registers,
        collect() {
          this.reset();
          for (const [hindrance, count] of sources.stalledPods()) this.set({ hindrance }, count);
        },
      });
      gauge('reschedule_hook_queue_length', 'Keys that wait to be reconciled', sources.queueLength);
      perKind('reschedule_hook_cache_objects', 'Objects in the cache', ({ objects }) => objects);
      perKind('reschedule_hook_cache_age_seconds', 'Time since the API server last told something', ({ agreedAt }) =>
        Number.isFinite(agreedAt) ? (sources.monotonicNow() - agreedAt) / 1000 : Number.NaN,
      );

      new Gauge({
        name: 'reschedule_hook_certificate_expiry_timestamp_seconds',
        help: 'When a certificate ends: the one that is served, the authority that signs it, those of the clients',
        registers,
        labelNames: ['certificate'],
        collect() {
          this.reset();
          for (const { certificate, at } of sources.certificates()) this.set({ certificate }, at / 1000);
        },
      });

      function gauge(name: string, help: string, value: () => number): void {
        new Gauge({
          name,
          help,
          registers,
          collect() {
            this.set(value());
          },
        });
      }

      function perKind(name: string, help: string, value: (freshness: Freshness) => number): void {
        new Gauge({
          name,
          help,
          registers,
          labelNames: ['kind'],
          collect() {
            for (const freshness of sources.freshness()) this.set({ kind: freshness.kind }, value(freshness));
          },
        });
      }
    },
  };
}
