import type { ApiClient, JsonObject } from '../kube/client.ts';

/** One page of a list. */
export interface Page {
  readonly items: readonly JsonObject[];
  readonly resourceVersion: string;
  /** Absent on the last page. */
  readonly continueToken?: string;
}

/** List and watch of one kind. Both throw ApiError or ApiUnreachableError. */
export interface ListWatch {
  list(options: { limit: number; continueToken?: string; signal: AbortSignal }): Promise<Page>;
  /** The raw bytes of a watch: one JSON document per line. */
  watch(options: {
    resourceVersion: string;
    timeoutSeconds: number;
    signal: AbortSignal;
  }): Promise<AsyncIterable<Uint8Array>>;
}

/** `path` is the path of the collection over all namespaces. */
export function createListWatch(
  client: ApiClient,
  path: string,
  labelSelector?: string,
  fieldSelector?: string,
): ListWatch {
  const selectors = { labelSelector, ...(fieldSelector === undefined ? {} : { fieldSelector }) };
  return {
    async list({ limit, continueToken, signal }) {
      const query = { limit, continue: continueToken, ...selectors };
      const body = await client.json({ method: 'GET', path, query, signal });
      return toPage(body);
    },
    watch: ({ resourceVersion, timeoutSeconds, signal }) =>
      client.stream({
        method: 'GET',
        path,
        query: { watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds, ...selectors },
        signal,
      }),
  };
}

function toPage(body: JsonObject): Page {
  const metadata = (body.metadata ?? {}) as { resourceVersion?: unknown; continue?: unknown };
  if (!Array.isArray(body.items) || typeof metadata.resourceVersion !== 'string') {
    throw new TypeError('the answer to a list has no items or no resourceVersion');
  }
  return {
    items: body.items as readonly JsonObject[],
    resourceVersion: metadata.resourceVersion,
    ...(typeof metadata.continue === 'string' && metadata.continue !== '' ? { continueToken: metadata.continue } : {}),
  };
}
