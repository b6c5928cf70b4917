import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type WatchEvent, watchEvents } from '../../src/informer/watch-events.ts';
import { ApiError } from '../../src/kube/errors.ts';

const line = (type: string, payload: unknown) => `${JSON.stringify({ type, object: payload })}\n`;
const added = (name: string, resourceVersion = '7') => line('ADDED', { metadata: { name, resourceVersion } });

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const size of sizes) {
    yield bytes.subarray(start, start + size);
    start += size;
  }
  yield bytes.subarray(start);
}

async function read(text: string, sizes: readonly number[] = []): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const event of watchEvents(chunksOf(new TextEncoder().encode(text), sizes))) events.push(event);
  return events;
}

const rejects = (text: string, expected: object) => assert.rejects(read(text), expected);

describe('watchEvents', () => {
  test('reads every type, and of a bookmark only its resourceVersion', async () => {
    const events = await read(
      added('a', '1') +
        line('MODIFIED', { metadata: { name: 'a', resourceVersion: '2' } }) +
        line('DELETED', { metadata: { name: 'a', resourceVersion: '3' } }) +
        line('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: '4' } }),
    );
    assert.deepEqual(
      events.map(({ type, resourceVersion }) => `${type} ${resourceVersion}`),
      ['ADDED 1', 'MODIFIED 2', 'DELETED 3', 'BOOKMARK 4'],
    );
    assert.deepEqual(events.at(-1), { type: 'BOOKMARK', resourceVersion: '4' });
  });

  test('reads the same wherever the bytes are cut, also within a letter', async () => {
    const text = `${added('ä-β-漢-🐳')}\n\r\n${added('b', '8')}`;
    const whole = await read(text);
    assert.equal(whole.length, 2);
    assert.deepEqual(await read(text, Array(text.length * 4).fill(1)), whole, 'byte by byte');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(7)), async (sizes) => {
        assert.deepEqual(await read(text, sizes), whole);
      }),
    );
  });

  test('drops a last line that was cut', async () => {
    const events = await read(`${added('a')}{"type":"ADDED","object":{"metadata":{"na`);
    assert.equal(events.length, 1);
  });

  test('drops a last line without its newline even where it is whole: the next watch tells it again', async () => {
    assert.equal((await read(added('a') + added('b').trimEnd())).length, 1);
  });

  test('an ERROR event is an ApiError with the code of its Status', async () => {
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
    const expected = { name: 'ApiError', code: 410, reason: 'Expired', message: 'watch: 410 too old resource version' };
    await rejects(line('ERROR', status), expected);
  });

  test('an ERROR event without a Status counts as 500', async () => {
    await rejects(line('ERROR', undefined), (error: unknown) => error instanceof ApiError && error.code === 500);
    await rejects(line('ERROR', null), (error: unknown) => error instanceof ApiError && error.code === 500);
  });

  for (const [what, text] of [
    ['not JSON', '<html>502 Bad Gateway</html>\n'],
    ['half a document on a whole line', '{"type":"ADDED",\n'],
  ] as const) {
    test(`${what} is a SyntaxError`, () => rejects(text, SyntaxError));
  }

  for (const [what, text] of [
    ['null', 'null\n'],
    ['a number', '7\n'],
    ['no type', '{"object":{"metadata":{"resourceVersion":"1"}}}\n'],
    ['an unknown type', line('RENAMED', { metadata: { resourceVersion: '1' } })],
    ['no object', '{"type":"ADDED"}\n'],
    ['no metadata', line('ADDED', {})],
    ['no resourceVersion', line('MODIFIED', { metadata: { name: 'a' } })],
    ['a resourceVersion that is a number', line('ADDED', { metadata: { resourceVersion: 7 } })],
    ['a bookmark without one', line('BOOKMARK', { metadata: {} })],
  ] as const) {
    test(`${what} is a TypeError`, () => rejects(text, TypeError));
  }

  test('what came before the fault is told', async () => {
    const seen: string[] = [];
    const body = chunksOf(new TextEncoder().encode(`${added('a')}rubbish\n`), []);
    await assert.rejects(async () => {
      for await (const event of watchEvents(body)) seen.push(event.type);
    }, SyntaxError);
    assert.deepEqual(seen, ['ADDED']);
  });
});
