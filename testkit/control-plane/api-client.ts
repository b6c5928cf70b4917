/** The few API calls that start a control plane, without a client library. */
import { request } from 'node:https';

export interface ApiClient {
  /** The status and the parsed body (text if it is not JSON). The status is 0 if there is no response. */
  call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<{ status: number; body: unknown }>;
}

const answerWithinMs = 10_000;

/** Talks to `server` (https://host:port), trusting only `ca`. */
export function apiClient(server: string, ca: string, token: string): ApiClient {
  return {
    call(method, path, body) {
      return new Promise((resolve) => {
        const payload = body === undefined ? undefined : JSON.stringify(body);
        const outgoing = request(`${server}${path}`, {
          method,
          ca,
          agent: false,
          timeout: answerWithinMs,
          headers: {
            authorization: `Bearer ${token}`,
            ...(payload !== undefined && { 'content-type': 'application/json' }),
          },
        });
        outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
        outgoing.on('error', () => resolve({ status: 0, body: undefined }));
        outgoing.on('response', (incoming) => {
          let text = '';
          incoming.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          incoming.on('error', () => resolve({ status: 0, body: undefined }));
          incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: parsed(text) }));
        });
        outgoing.end(payload);
      });
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
