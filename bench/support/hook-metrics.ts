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

export async function metricsOf(healthUrl: string): Promise<string> {
  return (await fetch(`${healthUrl}/metrics`)).text();
}

export async function scrape(healthUrl: string): Promise<Scraped> {
  const text = await metricsOf(healthUrl);
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

/** Calls of any kind, also those that are no part of an answer. */
export function allCallsIn(text: string): number {
  return [...text.matchAll(LINE)].reduce((sum, [, , count]) => sum + Number(count), 0);
}

/** Entries that there still are, by the hook's own count. */
export function entriesIn(text: string): number {
  const found = text.matchAll(/^reschedule_hook_entries\{.*\} (\d+)$/gm);
  return [...found].reduce((sum, [, count]) => sum + Number(count), 0);
}

const BUCKET = /^reschedule_hook_decision_duration_seconds_bucket\{(.*)\} (\d+)$/gm;

export interface AnswerTimes {
  readonly answers: number;
  /** What 99 % of them do not pass, between two buckets. */
  readonly p99Ms: number;
}

/** Of the answers of all replicas. `kind`: only those of a kind, such as mark. */
export function answerTimes(texts: readonly string[], kind?: string): AnswerTimes {
  const buckets = bucketsIn(texts, kind);
  const answers = buckets.at(-1)?.count ?? 0;
  const wanted = 0.99 * answers;
  const at = buckets.findIndex(({ count }) => count >= wanted);
  const upper = buckets[at] ?? { ms: Number.NaN, count: 0 };
  const lower = buckets[at - 1] ?? { ms: 0, count: 0 };
  if (!Number.isFinite(upper.ms)) return { answers, p99Ms: upper.ms };
  const share = (wanted - lower.count) / Math.max(1, upper.count - lower.count);
  return { answers, p99Ms: lower.ms + (upper.ms - lower.ms) * share };
}

/** How many answers took no longer than each limit. */
function bucketsIn(texts: readonly string[], kind?: string): { readonly ms: number; readonly count: number }[] {
  const all = texts.flatMap((text) => [...text.matchAll(BUCKET)]);
  const found = all.filter(([, labels = '']) => kind === undefined || labels.includes(`kind="${kind}"`));
  const byLimit = Map.groupBy(found, ([, labels = '']) => /le="([^"]*)"/.exec(labels)?.[1] ?? '');
  return [...byLimit]
    .map(([limit, some]) => ({
      ms: limit === '+Inf' ? Number.POSITIVE_INFINITY : Number(limit) * 1000,
      count: some.reduce((sum, [, , value]) => sum + Number(value), 0),
    }))
    .sort((a, b) => a.ms - b.ms);
}
