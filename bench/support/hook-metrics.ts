/** How many calls the hook has made to the API server, as its metrics tell. */
export interface ApiCalls {
  readonly reads: number;
  readonly writes: number;
}

const LINE = /^reschedule_hook_api_requests_total\{(.*)\} (\d+)$/gm;

export async function scrape(healthUrl: string): Promise<{ calls: ApiCalls; cpuSeconds: number; rssMb: number }> {
  const response = await fetch(`${healthUrl}/metrics`);
  const text = await response.text();
  return {
    calls: callsIn(text),
    cpuSeconds: Number(/^process_cpu_seconds_total (\S+)/m.exec(text)?.[1]),
    rssMb: Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]) / 1e6,
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
