import type { HookProcess } from '../../testkit/hook-process.ts';
import type { ReplicaSample } from './record.ts';

/** What a replica's metrics tell now; undefined where it does not answer. */
export async function sampleReplica(hook: HookProcess): Promise<ReplicaSample | undefined> {
  try {
    const response = await fetch(`${hook.healthUrl}/metrics`, { signal: AbortSignal.timeout(4_000) });
    return parseMetrics(await response.text());
  } catch {
    return undefined;
  }
}

export function parseMetrics(text: string): ReplicaSample {
  const one = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  const ages = [...text.matchAll(/^reschedule_hook_cache_age_seconds\{.*\} (\S+)$/gm)].map(([, value]) =>
    Number(value),
  );
  const resources = one('nodejs_active_resources_total');
  // Absent while there is none. If nothing is told of resources at all, that is not none.
  const timers = Number.isNaN(resources) ? Number.NaN : one('nodejs_active_resources\\{type="Timeout"\\}') || 0;
  return {
    rssMb: one('process_resident_memory_bytes') / 1e6,
    heapMb: one('nodejs_heap_size_used_bytes') / 1e6,
    externalMb: one('nodejs_external_memory_bytes') / 1e6,
    fds: one('process_open_fds'),
    handles: resources - timers,
    timers,
    remembered: one('reschedule_hook_earlier_instances'),
    lagP99Ms: one('nodejs_eventloop_lag_p99_seconds') * 1e3,
    cacheAgeS: Math.max(...ages),
  };
}
