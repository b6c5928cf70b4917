import { createMetrics } from '../../src/metrics.ts';

export interface DescribedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** The metrics of a hook whose sources are empty. */
export function anUnusedHooksMetrics() {
  const metrics = createMetrics({ version: '1.2.3', nodeVersion: '24.0.0' });
  metrics.read({
    isReady: () => true,
    permissionsMissing: (purpose) => (purpose === 'upkeep' ? 1 : 0),
    misselectedPods: () => new Map(),
    rivalWebhooks: () => [{ profile: 'strimzi-kafka', rival: 'cleaner', webhooks: 2 }],
    profiles: () => ['couchbase', 'strimzi-kafka'],
    markedPods: () => new Map([['couchbase', 3]]),
    stalledPods: () => new Map([['couchbase', new Map([['Paused', 1]])]]),
    entriesLeftOut: () => 0,
    earlierInstances: () => 0,
    entries: () => new Map(),
    queueDepth: () => 0,
    freshness: () => [{ kind: 'pods', hasSynced: true, agreedAt: 1_000, objects: 7 }],
    monotonicNow: () => 3_500,
    clockAheadMs: () => 7_200_000,
    calls: () => [{ class: 'write', inFlight: 8, waiting: 3 }],
    linesLost: () => 2,
    registration: () => undefined,
    profilesFileInForce: () => true,
    certificates: () => [{ certificate: 'serving', at: 1_800_000_000_000 }],
  });
  return metrics;
}

/** Every metric that the hook registers, in order. Those of the process come in between. */
export async function metricsOfTheHook(): Promise<DescribedMetric[]> {
  const { registry } = anUnusedHooksMetrics();
  const types = new Map((await registry.getMetricsAsJSON()).map(({ name, type }) => [name, String(type)]));
  const known = registry.getMetricsAsArray() as unknown as { name: string; help: string; labelNames?: string[] }[];
  return known.map(({ name, help, labelNames = [] }) => ({
    name,
    help,
    labels: labelNames,
    type: types.get(name) ?? '',
  }));
}
