import type { ApiClient, JsonObject } from '../kube/client.ts';

/** One page of a list. */
export interface Page {
  readonly items: readonly JsonObject[];
  readonly resourceVersion: string;
  /** Absent on the last page. */
  readonly continueToken?: string;
  /** What the page weighed. Absent: not known. */
  readonly bytes?: number;
}

export interface ListOptions {
  readonly limit: number;
  readonly continueToken?: string;
  /** Throws ResponseTooLongError for a page that weighs more. Absent: any weight. */
  readonly maxBytes?: number;
  readonly signal: AbortSignal;
}

/** List and watch of one kind. Both throw ApiError or ApiUnreachableError. */
export interface ListWatch {
  list(options: ListOptions): Promise<Page>;
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
    async list({ limit, continueToken, maxBytes, signal }) {
      const query = { limit, continue: continueToken, ...selectors };
      let bytes: number | undefined;
      const onBytes = (length: number) => {
        bytes = length;
      };
      const body = await client.json({ method: 'GET', path, query, signal, maxBytes, onBytes });
      return { ...toPage(body), ...(bytes === undefined ? {} : { bytes }) };
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
