import { Agent, request } from 'undici';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { aReview as anAdmissionReview } from '../../support/reviews.ts';

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

/** The AdmissionReview of an eviction by name, as bytes. */
export function aReview(namespace: string, name: string): string {
  return JSON.stringify(anAdmissionReview({ namespace, name }, { metadata: { namespace, name } }));
}
