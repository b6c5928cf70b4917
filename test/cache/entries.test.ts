import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DecodedEntries, EntryCounts } from '../../src/cache/entries.ts';
import { TRACKER } from '../support/cache.ts';
import { ENTRY } from '../support/entries.ts';

describe('EntryCounts', () => {
  test('adds up all trackers, replaces what a tracker had, and forgets it', () => {
    const counts = new EntryCounts();
    counts.set('db/a', { states: new Map([['gone', 3]]), leftOut: 5 });
    counts.set('db/b', {
      states: new Map([
        ['gone', 1],
        ['waiting', 2],
      ]),
      leftOut: 1,
    });
    assert.deepEqual([counts.byState.get('gone'), counts.byState.get('waiting'), counts.leftOut], [4, 2, 6]);
    counts.set('db/a', { states: new Map([['waiting', 1]]), leftOut: 0 });
    assert.deepEqual([counts.byState.get('gone'), counts.byState.get('waiting'), counts.leftOut], [1, 3, 1]);
    counts.forget('db/a');
    counts.forget('db/b');
    counts.forget('db/b');
    assert.deepEqual([...counts.byState.values(), counts.leftOut], [0, 0, 0, 0, 0, 0]);
  });
});

describe('DecodedEntries', () => {
  test('decodes an entry once, until its value changes or it is forgotten', () => {
    const decoded = new DecodedEntries();
    const first = decoded.get(TRACKER, 'reschedule.hook/db.a', ENTRY);
    assert.equal(first?.entry.uid, 'uid-a');
    assert.equal(decoded.get(TRACKER, 'reschedule.hook/db.a', ENTRY), first, 'the very same object');
    assert.deepEqual(decoded.get(TRACKER, 'reschedule.hook/db.a', 'true')?.entry, {});
    const again = decoded.get(TRACKER, 'reschedule.hook/db.a', ENTRY);
    decoded.keepOnly({ has: () => false });
    assert.notEqual(decoded.get(TRACKER, 'reschedule.hook/db.a', ENTRY), again);
  });

  test('knows what is no entry', () =>
    assert.equal(new DecodedEntries().get(TRACKER, 'reschedule.hook/nodot', ENTRY), undefined));
});
