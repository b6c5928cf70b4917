import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PAGE_MAX_BYTES, PageSize } from '../../src/informer/page-size.ts';

const KB = 1024;

describe('PageSize', () => {
  test('stays at 100 for light objects', () => {
    const size = new PageSize();
    size.weighed(100 * 5 * KB, 100);
    assert.deepEqual([size.limit, size.maxBytes], [100, PAGE_MAX_BYTES]);
  });

  test('asks for as many objects as weigh half a megabyte', () => {
    const size = new PageSize();
    size.weighed(100 * 20 * KB, 100);
    assert.equal(size.limit, 25);
  });

  test('asks for a quarter of what was too heavy, down to a single object, which has no limit', () => {
    const size = new PageSize();
    const limits = [1, 2, 3, 4].map(() => {
      size.tooHeavy();
      return size.limit;
    });
    assert.deepEqual(limits, [25, 6, 1, 1]);
    assert.equal(size.maxBytes, undefined);
  });

  test('grows again step by step when objects become light: those behind them may be heavy', () => {
    const size = new PageSize();
    for (let i = 0; i < 3; i++) size.tooHeavy();
    const limits = [1, 4, 16, 64].map((objects) => {
      size.weighed(objects * KB, objects);
      return size.limit;
    });
    assert.deepEqual(limits, [4, 16, 64, 100]);
  });

  test('an empty page, and one of nothing, count as light', () => {
    const size = new PageSize();
    size.weighed(80, 0);
    assert.equal(size.limit, 100);
    size.weighed(0, 0);
    assert.equal(size.limit, 100);
  });
});
