import type { JsonObject } from '../kube/client.ts';
import { ApiError, type StatusBody } from '../kube/errors.ts';

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: JsonObject; readonly resourceVersion: string }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/**
 * Reads a watch: bytes in, events out. Throws ApiError for an ERROR event, and SyntaxError or TypeError for anything
 * that is no event. Drops a last line without a newline, because it was cut off and the next watch delivers it again.
 */
export async function* watchEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  for await (const chunk of body) {
    const lines = decoder.decode(chunk, { stream: true }).split('\n');
    const rest = lines.pop() ?? '';
    for (const line of lines) {
      pieces.push(line);
      const text = pieces.join('');
      pieces = [];
      if (text.trim() !== '') yield parseEvent(text);
    }
    if (rest !== '') pieces.push(rest);
  }
}

function parseEvent(line: string): WatchEvent {
  const event = JSON.parse(line) as { type?: unknown; object?: JsonObject };
  if (event.type === 'ERROR') {
    const status = (event.object ?? {}) as StatusBody;
    throw new ApiError(status.code ?? 500, 'watch', status);
  }
  const metadata = event.object?.metadata as { resourceVersion?: unknown } | undefined;
  const resourceVersion = metadata?.resourceVersion;
  if (event.object === undefined || typeof resourceVersion !== 'string') {
    throw new TypeError(`a watch event of type ${String(event.type)} has no resourceVersion`);
  }
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type: event.type, object: event.object, resourceVersion };
    case 'BOOKMARK':
      return { type: 'BOOKMARK', resourceVersion };
    default:
      throw new TypeError(`a watch event of the unknown type ${String(event.type)}`);
  }
}
