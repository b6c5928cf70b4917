import { Agent, request } from 'undici';
import type { HookProcess } from '../../../src/rehearsal/hook-process.ts';

export interface Reply {
  readonly status: number;
  readonly body: {
    readonly error?: string;
    readonly response?: {
      readonly uid: string;
      readonly allowed: boolean;
      readonly status?: { code: number; message: string };
    };
  };
}

/** Sends bytes to a hook's `/eviction`, as anybody in the cluster could. */
export async function post(
  hook: HookProcess,
  body: string,
  options: { contentType?: string; query?: string } = {},
): Promise<Reply> {
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false }, allowH2: false });
  try {
    const response = await request(hook.url + (options.query ?? ''), {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': options.contentType ?? 'application/json' },
      body,
    });
    return { status: response.statusCode, body: (await response.body.json()) as Reply['body'] };
  } finally {
    await dispatcher.destroy();
  }
}

/** An AdmissionReview as the API server writes it. */
export function aReview(namespace: string, name: string): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'review-1',
      kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      subResource: 'eviction',
      operation: 'CREATE',
      namespace,
      name,
      userInfo: { username: 'admin' },
      dryRun: false,
      object: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } },
    },
  });
}
