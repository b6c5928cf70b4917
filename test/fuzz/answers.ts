import assert from 'node:assert/strict';
import type { Received } from './inject.ts';
import type { Meaning } from './oracle.ts';

export interface Review {
  readonly uid: string;
  readonly allowed: boolean;
  readonly warnings?: readonly string[];
  readonly status?: {
    readonly status: string;
    readonly code: number;
    readonly reason: string;
    readonly message: string;
  };
}

const REASONS: Readonly<Record<number, string>> = {
  404: 'NotFound',
  409: 'Conflict',
  429: 'TooManyRequests',
  500: 'InternalError',
};
const TEXT_MAX = 2_048;
export const MARKED = 'Reschedule annotation added to pod';

/** The answer is well-formed, and no more than the table allows. */
export function checkAnswer({ status, body }: Received, meaning: Meaning, isAsked: boolean): Review | undefined {
  if (status !== 200) {
    assert.ok(isAsked ? [400, 413, 415].includes(status) : status === 404, `status ${status}`);
    if (body !== '') assert.deepEqual(Object.keys(JSON.parse(body)), ['error']);
    return undefined;
  }
  if (!isAsked) {
    assert.match(body, /^(ok\n)?$/);
    return undefined;
  }
  const answer = JSON.parse(body) as { response: Review };
  assert.deepEqual(Object.keys(answer), ['apiVersion', 'kind', 'response']);
  const { response } = answer;
  assert.equal(response.uid, meaning.reviewUid);
  if (response.allowed) checkAllowed(response, meaning);
  else checkDenied(response, meaning);
  return response;
}

function checkAllowed(response: Review, { table }: Meaning): void {
  assert.equal(response.allowed, true);
  assert.equal(table, 'allow', 'allowed against the table');
  assert.ok((response.warnings ?? []).every((warning) => warning.length <= TEXT_MAX));
  assert.equal(response.status, undefined);
}

/** 500 is for what cannot be read; all else is what the table says. */
function checkDenied({ allowed, status }: Review, { table }: Meaning): void {
  assert.equal(allowed, false);
  assert.ok(status !== undefined && status.status === 'Failure');
  assert.equal(status.reason, REASONS[status.code]);
  assert.ok(status.message !== '' && status.message.length <= TEXT_MAX, `a message of ${status.message.length}`);
  if (table === 'allow') assert.equal(status.code, 500);
  if (table === 'mark') assert.ok(status.code === 500 || status.message === MARKED);
}

/** In one word, for the tally. */
export function outcomeOf({ status, body }: Received): string {
  if (status !== 200 || !body.startsWith('{')) return `${status}`;
  const { response } = JSON.parse(body) as { response: Review };
  if (response.allowed) return response.warnings === undefined ? 'allowed' : 'dry run';
  return response.status?.message === MARKED ? 'marked' : `denied ${response.status?.code}`;
}
