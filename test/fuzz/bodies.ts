import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BODY_LIMIT_BYTES } from '../../src/server/request-body.ts';
import { POD_PATH, TRACKER_PATH } from '../support/cache.ts';
import { checkAnswer, MARKED, outcomeOf, type Review } from './answers.ts';
import { encode, encodings } from './encodings.ts';
import { inject, type Received, type Sent } from './inject.ts';
import { type Meaning, meaningOf } from './oracle.ts';
import { reviews } from './reviews.ts';
import { type Target, target } from './target.ts';
import { aHook, type FuzzedHook, type Planted } from './world.ts';

export const LINE_MAX = 8_192;

const TYPES = [
  'text/plain',
  'application/json; charset=utf-16',
  'Application/JSON',
  'application/jsonp',
  '',
  '\u00e4/json',
];
const URLS = [
  '/eviction?timeout=1ms&timeout=2s',
  '/eviction?%',
  '/eviction/',
  '//eviction',
  '/EVICTION',
  '/../eviction',
];
const envelopes = fc.record({
  method: often('POST', 'GET', 'PUT', 'HEAD', 'OPTIONS', 'BREW'),
  url: often(
    '/eviction?timeout=10s',
    '/eviction',
    ...URLS,
    '/readyz?verbose',
    `/${'x'.repeat(9_000)}`,
    '/\u00e2\u0080\u00ae%0a',
    '*',
  ),
  type: often('application/json', ...TYPES),
  encoding: often('', 'gzip', 'identity', 'x\u2028y'),
  length: often('right', 'none', 'more'),
});

function often<T>(usual: T, ...others: T[]): fc.Arbitrary<T> {
  const other = { weight: 1, arbitrary: fc.constantFrom(...others) };
  return fc.oneof({ weight: 40, arbitrary: fc.constant(usual) }, other);
}

export const cases = fc.tuple(reviews, encodings, envelopes).map(([text, encoding, envelope]): Sent => {
  const body = encode(text, encoding);
  const length = { right: `${body.length}`, none: undefined, more: `${body.length + 1}` }[envelope.length];
  const headers = {
    'content-type': envelope.type,
    ...(envelope.encoding === '' ? {} : { 'content-encoding': envelope.encoding }),
    ...(length === undefined ? {} : { 'content-length': length }),
  };
  return { method: envelope.method, url: envelope.url, headers, body };
});

/** A counterexample is printed: as text, and not a megabyte of it. */
export function printed(sent: Sent): Sent {
  const text = sent.body.toString();
  const shown = text.length > 1_500 ? `${text.slice(0, 1_500)}... (${sent.body.length} bytes)` : text;
  return Object.defineProperty(sent, fc.toStringMethod, {
    value: () => `${sent.method} ${sent.url.slice(0, 100)} ${JSON.stringify(sent.headers)}\n${shown}`,
  });
}

/** What came of the cases of a run, so that a test can see that none of the kinds was missed. */
export type Tally = Map<string, number>;

export function bodies(planted: Planted = {}, tally: Tally = new Map()): Target {
  const about = { name: 'bodies', about: 'AdmissionReviews and what is left of them, against the webhook' };
  return target(about, cases.map(printed), () => {
    let hook = aHook(planted);
    return async (sent) => {
      const received = await inject(hook.listener, sent);
      const writes = check(hook, sent, received);
      const outcome = outcomeOf(received);
      tally.set(outcome, (tally.get(outcome) ?? 0) + 1);
      // As it was, for the next one; a pod that is marked already teaches little.
      if (writes > 0) hook = aHook(planted);
    };
  });
}

/** Everything that must hold after one body. Returns how many writes there were. */
export function check(hook: FuzzedHook, sent: Sent, received: Received): number {
  const text = sent.body.toString();
  const isAsked = sent.method === 'POST' && /^\/eviction(\?|$)/.test(sent.url);
  const meaning: Meaning = isAsked ? meaningOf(text) : { table: 'deny' };
  const review = checkAnswer(received, meaning, isAsked);
  if (isAsked && sent.body.length > BODY_LIMIT_BYTES) assert.notEqual(received.status, 200);
  const writes = checkCalls(hook, meaning, review);
  const lines = hook.takeLines();
  checkLines(lines);
  // What is refused is told, once (in each format).
  if (received.status >= 400) assert.equal(lines.length, 2, lines.join('\n'));
  checkPrototypes();
  return writes;
}

/** Never a write but the two of a mark, on the very pod that the table marks; and those whenever it is answered so. */
function checkCalls({ api }: FuzzedHook, { table, pod }: Meaning, review: Review | undefined): number {
  const requests = api.requests.splice(0);
  api.calls.splice(0);
  const writes = requests.filter(({ method }) => method !== 'GET');
  const isMarked = review?.status?.message === MARKED;
  assert.ok(table === 'mark' || !isMarked, 'marked against the table');
  assert.deepEqual(
    writes.map(({ method, path }) => `${method} ${path}`),
    isMarked ? [`PATCH ${TRACKER_PATH}`, `PATCH ${POD_PATH}`] : [],
  );
  if (isMarked) assert.deepEqual(uidOf(writes[1]?.body), pod?.uid);
  for (const { method, path } of requests) {
    if (method === 'GET')
      assert.match(path, /^\/(api\/v1\/(namespaces\/[-a-z0-9]+\/pods|nodes)|apis\/[^?#%]+)\/[-.a-z0-9]+$/);
  }
  assert.ok(requests.length <= 6, `${requests.length} calls for one answer`);
  return writes.length;
}

const uidOf = (body: unknown) =>
  (body as { readonly metadata?: { readonly uid?: unknown } } | undefined)?.metadata?.uid;

/** One line each, whoever reads it: no control, no separator, nothing that turns the direction of the text. */
export function checkLines(lines: readonly string[]): void {
  for (const line of lines) {
    assert.doesNotMatch(line, /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
    assert.ok(line.length <= LINE_MAX, `a line of ${line.length} characters: ${line.slice(0, 200)}`);
  }
}

function checkPrototypes(): void {
  for (const key in {}) assert.fail(`Object.prototype has ${key}`);
  for (const key in []) assert.fail(`Array.prototype has ${key}`);
}
