import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lineFormat } from '../../src/log/logger.ts';
import { asWritten } from '../fuzz/world.ts';

const write = (style: 'text' | 'json', fields: Record<string, unknown>) =>
  asWritten(lineFormat(style), { level: 'info', message: 'Pod waiting', fields });

describe('lineFormat', () => {
  test('text: time, level, message and the fields, quoted where they are more than a word', () => {
    const line = write('text', { pod: 'cb-0000', user: 'a "b"', node: undefined, code: 429 });
    assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z INFO Pod waiting pod=cb-0000 user="a \\"b\\"" code=429$/);
  });

  test('json: the same as one object', () => {
    const { time, ...rest } = JSON.parse(write('json', { pod: 'cb-0000', code: 429 }));
    assert.ok(!Number.isNaN(Date.parse(time)));
    const order = /^\{"time":"[^"]+","level":"info","message":"Pod waiting","pod":"cb-0000","code":429\}$/;
    assert.match(write('json', { pod: 'cb-0000', code: 429 }), order);
    assert.deepEqual(rest, { level: 'info', message: 'Pod waiting', pod: 'cb-0000', code: 429 });
  });

  for (const style of ['text', 'json'] as const) {
    test(`${style}: what turns the text around, or makes a second line, is written as an escape`, () => {
      const line = write(style, { user: 'a\nb\u2028c\u0085d\u202ee\u{e0001}f' });
      assert.ok(line.includes('a\\nb\\u2028c\\u0085d\\u202ee\\udb40\\udc01f'), line);
    });

    test(`${style}: a long field is cut, and says how long it was`, () => {
      const line = write(style, { path: 'x'.repeat(16_000) });
      assert.ok(line.includes(`${'x'.repeat(1_000)}... (16000 characters)`) && line.length < 1_200, line);
    });
  }
});
