import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { LogLines, parseLogLine } from '../../testkit/log-lines.ts';

describe('log lines', () => {
  it('are parsed where they are JSON objects, and kept as they are where not', () => {
    assert.deepEqual(parseLogLine('{"level":"info","message":"Up","port":1}'), {
      level: 'info',
      message: 'Up',
      port: 1,
    });
    assert.deepEqual(parseLogLine('{"port":1}'), { message: '', port: 1 });
    for (const text of ['Error: no', '[1]', 'null', '7', '{"cut":', '']) {
      assert.deepEqual(parseLogLine(text), { message: text });
    }
  });

  it('are read from a stream whatever its chunks', async () => {
    const lines = new LogLines();
    const stream = new PassThrough();
    const read = lines.read(stream);
    for (const chunk of ['{"message":"a"}\n{"mess', 'age":"b"}\nc', '\n', 'd']) stream.write(chunk);
    stream.end();
    await read;
    assert.deepEqual(
      lines.all.map(({ message }) => message),
      ['a', 'b', 'c', 'd'],
    );
  });

  it('can be waited for, before and after they come', async () => {
    const lines = new LogLines();
    lines.add({ message: 'one', n: 1 });
    assert.equal((await lines.waitFor(({ message }) => message === 'one')).n, 1);
    const later = lines.waitFor(({ message }) => message === 'one', { since: 1 });
    lines.add({ message: 'two' });
    lines.add({ message: 'one', n: 2 });
    assert.equal((await later).n, 2);
  });

  it('name the last lines where one never comes, and stop waiting when told so', async () => {
    const lines = new LogLines();
    lines.add({ message: 'TypeError: oh' });
    await assert.rejects(
      lines.waitFor(() => false, { timeoutMs: 1 }),
      /no such log line after 0.001 s; the last ones:\n {2}TypeError: oh/,
    );
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(
      lines.waitFor(() => false, { signal }),
      /enough/,
    );
  });
});
