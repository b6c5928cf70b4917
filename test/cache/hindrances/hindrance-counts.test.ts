import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HindranceCounts } from '../../../src/cache/hindrances/hindrance-counts.ts';
import { aTracker } from '../../support/builders.ts';
import { aCache, TRACKER } from '../../support/cache.ts';

test('HindranceCounts follows what the tracking resources report', () => {
  const { trackers } = aCache();
  const counts = new HindranceCounts(trackers);
  const seen = () => Object.fromEntries(counts.byHindrance);
  counts.count({ tracker: TRACKER }, 1);
  counts.count({ tracker: TRACKER }, 1);
  counts.count({}, 1);
  assert.deepEqual(seen(), { None: 3 });
  trackers.put(aTracker({ hindrance: 'Paused' }));
  assert.deepEqual(seen(), { None: 1, Paused: 2 });
  trackers.put(aTracker({ hindrance: 'Upgrading', resourceVersion: '71' }));
  counts.count({ tracker: TRACKER }, -1);
  assert.deepEqual(seen(), { None: 1, Upgrading: 1 });
  counts.count({ tracker: TRACKER, hindrance: 'ComesBack' }, 1);
  trackers.replace([]);
  assert.deepEqual(seen(), { None: 2, ComesBack: 1 });
  counts.count({ tracker: TRACKER, hindrance: 'ComesBack' }, -1);
  counts.count({ tracker: TRACKER }, -1);
  counts.count({}, -1);
  trackers.put(aTracker({ hindrance: 'Paused' }));
  assert.deepEqual(seen(), { None: 0 });
});
