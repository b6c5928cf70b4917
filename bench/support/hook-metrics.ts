/** How many calls the hook has made to the API server, as its metrics tell. */
export interface ApiCalls {
  readonly reads: number;
  readonly writes: number;
}

const LINE = /^reschedule_hook_api_requests_total\{(.*)\} (\d+)$/gm;

export interface Scraped {
  readonly calls: ApiCalls;
  readonly cpuSeconds: number;
  readonly rssMb: number;
  /** The longest block of the event loop since the last scrape. */
  readonly blockMs: number;
}

/** prom-client samples the event loop so often, and this time is part of each sample. */
const SAMPLED_EVERY_MS = 10;

export async function scrape(healthUrl: string): Promise<Scraped> {
  const response = await fetch(`${healthUrl}/metrics`);
  const text = await response.text();
  return {
    calls: callsIn(text),
    cpuSeconds: Number(/^process_cpu_seconds_total (\S+)/m.exec(text)?.[1]),
    rssMb: Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]) / 1e6,
    blockMs: Number(/^nodejs_eventloop_lag_max_seconds (\S+)/m.exec(text)?.[1]) * 1000 - SAMPLED_EVERY_MS,
  };
}

export function callsIn(text: string): ApiCalls {
  let reads = 0;
  let writes = 0;
  for (const [, labels = '', value] of text.matchAll(LINE)) {
    // Events and the question for one's own permissions are no part of an answer.
    if (labels.includes('method="POST"')) continue;
    if (labels.includes('method="GET"')) reads += Number(value);
    else writes += Number(value);
  }
  return { reads, writes };
}

const BUCKET = /^reschedule_hook_decision_duration_seconds_bucket\{(.*)\} (\d+)$/gm;

/** How many evictions were answered by all replicas, and the time that 99 % of the answers do not pass, between two buckets. */
export function answerTimes(texts: readonly string[]): { readonly answers: number; readonly p99Ms: number } {
  const counts = new Map<number, number>();
  for (const text of texts) {
    for (const [, labels = '', value] of text.matchAll(BUCKET)) {
      const limit = /le="([^"]*)"/.exec(labels)?.[1] ?? '';
      const ms = limit === '+Inf' ? Number.POSITIVE_INFINITY : Number(limit) * 1000;
      counts.set(ms, (counts.get(ms) ?? 0) + Number(value));
    }
  }
  const buckets = [...counts].sort(([a], [b]) => a - b);
  const answers = buckets.at(-1)?.[1] ?? 0;
  const wanted = 0.99 * answers;
  const at = buckets.findIndex(([, count]) => count >= wanted);
  const [upper = Number.NaN, inUpper = 0] = buckets[at] ?? [];
  const [lower, inLower] = buckets[at - 1] ?? [0, 0];
  if (!Number.isFinite(upper)) return { answers, p99Ms: upper };
  return { answers, p99Ms: lower + ((upper - lower) * (wanted - inLower)) / Math.max(1, inUpper - inLower) };
}
