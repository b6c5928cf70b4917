import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { entryKey } from '../../src/policy/entry.ts';
import { next } from '../../src/policy/next.ts';
import type { Observation } from '../../src/policy/observation.ts';
import { findEntry, latestElsewhere } from '../../src/policy/tracking/elsewhere.ts';
import { createTracking } from '../../src/policy/tracking/index.ts';
import {
  aNode,
  anObservation,
  aPod,
  aRequest,
  aTracker,
  SETTINGS,
  type SeenInShort,
  settingsWith,
} from '../support/builders.ts';

const POD = { namespace: 'db', name: 'cb-0000' };
const KEY = entryKey('db', 'cb-0000');
const value = (uid: string, at?: string) => JSON.stringify({ uid, ...(at && { at: `2026-01-01T${at}:00.000Z` }) });
const tracker = (uid: string, at?: string, name = 'cb') => aTracker({ name, entries: { [KEY]: value(uid, at) } });

describe('the entry of a pod at two places', () => {
  test('the later one counts', () => {
    const elsewhere = { value: value('uid-b', '11:30'), on: 'Namespace db' };
    assert.equal(findEntry(POD, tracker('uid-a', '11:00'), elsewhere)?.entry.uid, 'uid-b');
    assert.equal(findEntry(POD, tracker('uid-a', '11:45'), elsewhere)?.entry.uid, 'uid-a');
    assert.equal(findEntry(POD, tracker('uid-a'), elsewhere)?.on, 'Namespace db');
  });

  test('of two of the same time, or without one, that of its own place', () => {
    for (const at of ['11:00', undefined]) {
      const elsewhere = { value: value('uid-b', at), on: 'Namespace db' };
      assert.deepEqual(findEntry(POD, tracker('uid-a', at), elsewhere)?.on, 'CouchbaseCluster cb');
    }
  });

  test('one place suffices', () => {
    assert.equal(findEntry(POD, aTracker(), undefined), undefined);
    assert.equal(findEntry(POD, undefined, undefined), undefined);
    assert.equal(findEntry(POD, undefined, { value: value('uid-b'), on: 'x' })?.entry.uid, 'uid-b');
  });

  test('of several other places the latest', () => {
    const all = [
      undefined,
      aTracker(),
      tracker('uid-a', '11:00', 'a'),
      tracker('uid-c', '11:30', 'c'),
      tracker('uid-b', '11:15'),
    ];
    assert.deepEqual(latestElsewhere(POD, all), { value: value('uid-c', '11:30'), on: 'CouchbaseCluster c' });
    assert.equal(latestElsewhere(POD, [undefined, aTracker()]), undefined);
  });
});

describe('a decision while the type of tracking is changed', () => {
  const tracking = createTracking(
    { type: 'couchbasecluster', also: ['namespace'] },
    { namespace: 'h', installation: 'i' },
  );
  const settings = settingsWith({ tracking });
  const seen = (short: SeenInShort, elsewhere?: string): Observation => {
    const observation = anObservation(short);
    const profile = observation.profile && { ...observation.profile, tracking };
    const found = elsewhere === undefined ? {} : { elsewhere: { value: elsewhere, on: 'Namespace db' } };
    return { ...observation, ...(profile && { profile }), ...found };
  };
  const calm = aNode({ name: 'node-2' });
  const moved = { pod: aPod({ uid: 'uid-b', node: 'node-2' }), node: calm };

  test('a pod that the other kind says has moved ends its drain, and is not moved again', () => {
    const entry = JSON.stringify({ uid: 'uid-a', node: 'node-1' });
    const decision = next(seen(moved, entry), settings);
    assert.deepEqual([decision.kind, 'code' in decision && decision.code], ['deny', 404]);
  });

  test('no pod is marked before a live look at all places: nothing guards the others', () => {
    const cached = { from: 'cache', request: aRequest({ uid: 'uid-a' }) } as const;
    assert.deepEqual(next(seen(cached), settings), { kind: 'look', at: 'pod', live: true });
    const podIsLive = { ...seen(cached), pod: seen({}).pod };
    assert.deepEqual(next(podIsLive, settings), { kind: 'look', at: 'tracker', live: true });
    assert.equal(next(anObservation(cached), SETTINGS).kind, 'mark');
    assert.equal(next(seen({ request: aRequest({ uid: 'uid-a' }) }), settings).kind, 'mark');
  });

  test('another installation is found at the other place too, and the message names it', () => {
    const entry = JSON.stringify({ uid: 'uid-b', hook: 'other' });
    const registration = { kind: 'present', value: 'other', from: 'live' } as const;
    const decision = next(
      seen({ ...moved, node: aNode({ name: 'node-2', unschedulable: true }), registration }, entry),
      settings,
    );
    assert.match(
      'message' in decision ? decision.message : '',
      /other of this hook has an entry for it on Namespace db:/,
    );
  });
});
