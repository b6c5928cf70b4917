import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type WatchEvent, watchEvents } from '../../src/informer/watch-events.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { type Target, target } from './target.ts';

const metadata = fc.record({ name: fc.string({ unit: 'grapheme' }), resourceVersion: fc.nat().map(String) });
const events = fc.record({
  type: fc.constantFrom('ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'),
  object: fc.record({ kind: fc.constant('Pod'), metadata, spec: fc.jsonValue() }),
});
const strange = fc.oneof(
  fc.json(),
  fc.string(),
  fc
    .record({ type: fc.oneof(fc.jsonValue(), fc.constant('ERROR')), object: fc.jsonValue() })
    .map((one) => JSON.stringify(one)),
  fc
    .record({ code: fc.jsonValue(), message: fc.jsonValue(), details: fc.jsonValue() })
    .map((object) => JSON.stringify({ type: 'ERROR', object })),
);
const streams = fc.record({
  events: fc.array(events, { maxLength: 6 }),
  /** After the events; undefined: nothing. */
  strange: fc.option(strange, { nil: undefined }),
  newline: fc.constantFrom('\n', '\n\n', '\r\n', '\n \n'),
  /** Of the last bytes, how many are lost. */
  lost: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(60) }),
  sizes: fc.array(fc.nat(40), { maxLength: 60 }),
});

async function* pieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const size of sizes) {
    yield bytes.subarray(start, start + size);
    start += size;
  }
  yield bytes.subarray(start);
}

type Read = (body: AsyncIterable<Uint8Array>) => AsyncGenerator<WatchEvent>;

/** However it is cut, the whole events come, in order, once; then the end, or one error of a known kind. */
export function watch(read: Read = watchEvents): Target {
  const about = { name: 'watch', about: 'watches, cut into any pieces, with anything at their end' };
  return target(about, streams, () => async (stream) => {
    const good = Buffer.from(stream.events.map((event) => JSON.stringify(event) + stream.newline).join(''));
    const all = Buffer.concat([good, Buffer.from(stream.strange === undefined ? '' : `${stream.strange}\n`)]);
    const kept = all.subarray(0, Math.max(0, all.length - stream.lost));
    const whole = kept.subarray(0, good.length).toString().split('\n').slice(0, -1);
    const told = whole.filter((line) => line.trim() !== '').map(asSeen);
    const { seen, error } = await readAll(read(pieces(kept, stream.sizes)));
    assert.ok(error === undefined || (stream.strange !== undefined && isKnown(error)), String(error));
    assert.deepEqual(seen.slice(0, told.length), told);
    // What is strange may happen to be an event.
    assert.ok(seen.length - told.length <= (stream.strange?.split('\n').length ?? 0));
  });
}

async function readAll(events: AsyncIterable<WatchEvent>): Promise<{ seen: WatchEvent[]; error?: unknown }> {
  const seen: WatchEvent[] = [];
  try {
    for await (const event of events) seen.push(event);
    return { seen };
  } catch (error) {
    return { seen, error };
  }
}

const isKnown = (error: unknown) =>
  error instanceof ApiError || error instanceof SyntaxError || error instanceof TypeError;

function asSeen(line: string): WatchEvent {
  const { type, object } = JSON.parse(line);
  const { resourceVersion } = object.metadata;
  return type === 'BOOKMARK' ? { type, resourceVersion } : { type, object, resourceVersion };
}
