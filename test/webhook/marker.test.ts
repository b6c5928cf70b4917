import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Mark } from '../../src/policy/decision.ts';
import { decodeEntry } from '../../src/policy/entry.ts';
import type { Pod, Tracker } from '../../src/policy/model.ts';
import { aMarker } from '../support/admission.ts';
import { refusal } from '../support/api.ts';
import { aPod, aTracker, MINUTE, NOW, without } from '../support/builders.ts';
import { ENTRY_KEY, POD_KEY, POD_PATH, TRACKER, TRACKER_KEY, TRACKER_PATH } from '../support/cache.ts';
import { aRawCluster, aRawPod, RESCHEDULE } from '../support/raw.ts';
import { settle } from '../support/time.ts';

const { signal } = new AbortController();
const MARK = `PATCH ${POD_PATH}`;
const WRITE_ENTRY = `PATCH ${TRACKER_PATH}`;

const aDecision = (pod: Pod = aPod(), entryOn?: Tracker, draining = true): Mark => ({
  kind: 'mark',
  reason: 'Marked',
  message: '',
  annotation: { key: RESCHEDULE, value: 'true' },
  pod,
  note: { draining },
  ...(entryOn === undefined ? {} : { entryOn }),
});

describe('Marker', () => {
  test('writes the entry, then marks the pod, and the cache knows both', async () => {
    const { marker, api, cache } = aMarker();
    assert.equal(await marker.mark(aDecision(aPod(), aTracker()), signal), 'marked');
    assert.deepEqual(api.calls, [WRITE_ENTRY, MARK]);
    const value = JSON.stringify({
      uid: 'uid-a',
      node: 'node-1',
      at: new Date(NOW).toISOString(),
      hook: 'reschedule-hook',
    });
    assert.equal(api.annotations(TRACKER_PATH)[ENTRY_KEY], value);
    assert.equal(cache.trackers.get(TRACKER)?.entries[ENTRY_KEY], value);
    assert.equal(cache.pods.get(POD_KEY)?.mark?.matches, true);
  });

  test('marks the pod alone where no entry was decided on', async () => {
    const { marker, api } = aMarker();
    assert.equal(await marker.mark(aDecision(), signal), 'marked');
    assert.deepEqual(api.calls, [MARK]);
  });

  test('does not overwrite a mark of any value that came after the observation', async () => {
    const ofAnyValue = { key: RESCHEDULE, value: '2026', ifUnchanged: true } as const;
    const { marker, api } = aMarker();
    api.annotate(POD_PATH, { [RESCHEDULE]: 'of somebody' });
    assert.equal(await marker.mark({ ...aDecision(), annotation: ofAnyValue }, signal), 'changed');
    assert.equal(api.annotations(POD_PATH)[RESCHEDULE], 'of somebody');
    assert.equal(await marker.mark(aDecision(), signal), 'marked', 'one of a certain value is not affected');
  });

  test('writes into the entry what is to be remembered of the mark', async () => {
    const { marker, api } = aMarker();
    const note = { draining: true, nodeUid: 'nu', firstAt: NOW - 1_000, returns: 1, marks: 2, unmarkedBy: 'gitops' };
    await marker.mark({ ...aDecision(aPod(), aTracker()), note }, signal);
    const { draining: _, ...expected } = note;
    assert.deepEqual(decodeEntry(api.annotations(TRACKER_PATH)[ENTRY_KEY] ?? ''), {
      uid: 'uid-a',
      node: 'node-1',
      installation: 'reschedule-hook',
      at: NOW,
      ...expected,
    });
  });

  test('a tracker that refuses entries is tried twice, 5 s apart; then the pod is to be marked without one', async () => {
    for (const [code, message] of [
      [400, 'admission webhook "x" denied the request: no'],
      [422, 'is invalid: metadata.annotations: Too long'],
      [403, 'is forbidden: ValidatingAdmissionPolicy x denied request: no'],
      [404, 'admission webhook "x" denied the request: no'],
      [409, 'admission webhook "x" denied the request without explanation'],
    ] as const) {
      let passedMs = 0;
      const { marker, api, cache } = aMarker({ monotonicNow: () => passedMs });
      api.before = (call) => {
        if (call === WRITE_ENTRY) throw refusal(code, { message });
      };
      const mark = () => marker.mark(aDecision(aPod(), aTracker()), signal);
      await assert.rejects(mark());
      passedMs += 4_999;
      await assert.rejects(mark());
      assert.equal(cache.refusals.get(TRACKER_KEY)?.isSettled, false);
      passedMs += 1;
      assert.equal(await mark(), 'changed');
      assert.ok(cache.refusals.get(TRACKER_KEY)?.why.includes(message));
      passedMs += 10 * MINUTE + 1;
      assert.equal(cache.refusals.get(TRACKER_KEY), undefined);
    }
  });

  test('a missing right, an overload or a conflict is no refusal', async () => {
    for (const [code, message] of [
      [403, 'is forbidden: User "x" cannot patch resource "couchbaseclusters"'],
      [429, 'too many requests'],
      [500, 'internal'],
    ] as const) {
      const { marker, api, cache } = aMarker();
      api.before = (call) => {
        if (call === WRITE_ENTRY) throw refusal(code, { message });
      };
      await assert.rejects(marker.mark(aDecision(aPod(), aTracker()), signal));
      assert.equal(cache.refusals.get(TRACKER_KEY), undefined);
    }
  });

  test('remembers its mark before it is made, and a mark that the API server dropped as taken away', async () => {
    const { marker, api, cache } = aMarker();
    const seen: boolean[] = [];
    api.before = () => void seen.push(cache.markMemory.get(POD_KEY, 'uid-a') !== undefined);
    await marker.mark(aDecision(), signal);
    assert.deepEqual(seen, [true]);
    assert.equal(cache.markMemory.get(POD_KEY, 'uid-a')?.isLost, false);
    cache.pods.put(cache.project.pod(aRawPod({ metadata: { resourceVersion: '999999' } })));
    assert.equal(cache.markMemory.get(POD_KEY, 'uid-a')?.isLost, true);
    cache.pods.replace([]);
    assert.equal(cache.markMemory.get(POD_KEY, 'uid-a'), undefined);
  });

  test('writes an entry without a node for a pod that has none', async () => {
    const { marker, api } = aMarker();
    await marker.mark(aDecision(without(aPod(), 'node'), aTracker()), signal);
    assert.equal('node' in JSON.parse(api.annotations(TRACKER_PATH)[ENTRY_KEY] ?? ''), false);
  });

  test('writes into the entry that its node was not draining', async () => {
    const { marker, api } = aMarker();
    await marker.mark(aDecision(aPod(), aTracker(), false), signal);
    assert.equal(JSON.parse(api.annotations(TRACKER_PATH)[ENTRY_KEY] ?? '').draining, false);
  });

  test('does not mark the pod where the entry could not be written', async () => {
    for (const code of [409, 500]) {
      const { marker, api } = aMarker();
      api.before = (call) => {
        if (call === WRITE_ENTRY) throw refusal(code);
      };
      const outcome = marker.mark(aDecision(aPod(), aTracker()), signal);
      if (code === 409) assert.equal(await outcome, 'changed');
      else await assert.rejects(outcome, { code: 500 });
      assert.deepEqual(api.calls, [WRITE_ENTRY]);
    }
  });

  test('says changed where the pod is another instance, or gone, and leaves it alone', async () => {
    const { marker, api, cache } = aMarker();
    api.put(POD_PATH, aRawPod({ metadata: { uid: 'uid-b' } }));
    assert.equal(await marker.mark(aDecision(aPod(), aTracker()), signal), 'changed');
    assert.equal(RESCHEDULE in api.annotations(POD_PATH), false);
    api.objects.delete(POD_PATH);
    assert.equal(await marker.mark(aDecision(), signal), 'changed');
    assert.equal(cache.pods.get(POD_KEY)?.mark, undefined);
  });

  for (const [what, metadata] of [
    ['the entry of this pod was written meanwhile', { annotations: { [ENTRY_KEY]: '{"uid":"uid-z"}' } }],
    ['the tracking resource is another one of that name', { uid: 'uid-other' }],
  ] as const) {
    test(`says changed, without a call, where ${what}`, async () => {
      const newer = aRawCluster({ metadata: { resourceVersion: '71', ...metadata } });
      const { marker, api } = aMarker({ trackers: [newer] });
      assert.equal(await marker.mark(aDecision(aPod(), aTracker()), signal), 'changed');
      assert.deepEqual(api.calls, []);
    });
  }

  test('goes by the newer of what was seen and what is cached', async () => {
    for (const [seen, cached] of [
      ['99', '100'],
      ['100', '99'],
    ] as const) {
      const { marker, api } = aMarker({ trackers: [aRawCluster({ metadata: { resourceVersion: cached } })] });
      api.put(TRACKER_PATH, aRawCluster({ metadata: { resourceVersion: '100' } }));
      assert.equal(await marker.mark(aDecision(aPod(), aTracker({ resourceVersion: seen })), signal), 'marked');
    }
  });
});

describe('Marker: one mark in flight for an instance', () => {
  /** Writes of one kind wait until `go` is called, which lets all of them go, or fail. */
  function aSlowMarker(slow: string, world: Parameters<typeof aMarker>[0] = {}) {
    const made = aMarker(world);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    made.api.before = (call) => (call === slow ? promise : undefined);
    return { ...made, go: () => resolve(), fail: (error: Error) => reject(error) };
  }

  test('later requests join it: one write of each kind, whatever they decided', async () => {
    const { marker, api, cache, go } = aSlowMarker(MARK);
    const first = marker.mark(aDecision(aPod(), aTracker(), false), signal);
    await settle();
    const others = [
      aDecision(aPod(), aTracker(), true),
      aDecision(aPod()),
      aDecision(aPod(), aTracker({ name: 'other', uid: 'uid-other' })),
    ].map((decision) => marker.mark(decision, signal));
    await settle();
    go();
    assert.deepEqual(await Promise.all([first, ...others]), ['marked', 'joined', 'joined', 'joined']);
    assert.deepEqual(api.calls, [WRITE_ENTRY, MARK]);
    assert.equal(cache.pods.get(POD_KEY)?.mark?.matches, true);
  });

  test('another instance of the name has its own', async () => {
    const { marker, api } = aSlowMarker(MARK);
    void marker.mark(aDecision(), signal);
    void marker.mark(aDecision(aPod({ uid: 'uid-b' })), signal);
    await settle();
    assert.deepEqual(api.calls, [MARK, MARK]);
  });

  test('one that hangs is not begun again by a retry, and its failure is told to all who wait', async () => {
    const { marker, api, fail } = aSlowMarker(MARK);
    const due = new AbortController();
    const first = marker.mark(aDecision(), due.signal);
    await settle();
    due.abort(new Error('due'));
    const retries = Array.from({ length: 5 }, () => marker.mark(aDecision(), signal));
    await settle();
    assert.deepEqual(api.calls, [MARK]);
    fail(refusal(500));
    for (const outcome of [first, ...retries]) await assert.rejects(outcome, { code: 500 });
    api.before = () => undefined;
    assert.equal(await marker.mark(aDecision(), signal), 'marked');
    assert.deepEqual(api.calls, [MARK, MARK]);
  });

  test('a joined request leaves when it is due, and the mark goes on', async () => {
    const { marker, api, go } = aSlowMarker(MARK);
    const first = marker.mark(aDecision(), signal);
    const due = new AbortController();
    const joined = marker.mark(aDecision(), due.signal);
    due.abort(new Error('due'));
    await assert.rejects(joined, /due/);
    go();
    assert.equal(await first, 'marked');
    assert.deepEqual(api.calls, [MARK]);
  });

  test('the wait for a turn ends when nobody waits any more, and not before', async () => {
    const { marker, api, go } = aSlowMarker(WRITE_ENTRY, {
      pods: [aRawPod(), aRawPod({ metadata: { name: 'cb-0001', uid: 'uid-1' } })],
    });
    const other = aPod({ name: 'cb-0001', uid: 'uid-1' });
    void marker.mark(aDecision(aPod(), aTracker()), signal);
    const due = [new AbortController(), new AbortController()];
    const waiting = due.map((one) => marker.mark(aDecision(other, aTracker()), one.signal).catch(() => 'left'));
    await settle();
    due[0]?.abort(new Error('due'));
    await settle();
    due[1]?.abort(new Error('due'));
    assert.deepEqual(await Promise.all(waiting), ['left', 'left']);
    go();
    await settle();
    assert.deepEqual(api.calls, [WRITE_ENTRY, MARK]);
  });

  test('requests over the bound of a namespace are refused; those of another namespace are not', async () => {
    const { marker, api, fail, full } = aSlowMarker(MARK);
    const many = Array.from({ length: 300 }, () => marker.mark(aDecision(), signal).catch(() => 'failed'));
    await assert.rejects(marker.mark(aDecision(), signal), /too many evictions wait for marks already/);
    assert.equal(full.count, 1);
    void marker.mark(aDecision(aPod({ namespace: 'other' })), signal).catch(() => undefined);
    await settle();
    assert.equal(api.calls.length, 2);
    fail(refusal(500));
    assert.deepEqual([...new Set(await Promise.all(many))], ['failed']);
  });
});

describe('Marker: many pods of one tracking resource', () => {
  const names = Array.from({ length: 20 }, (_, i) => `cb-${String(i).padStart(4, '0')}`);

  function aCluster() {
    const pods = names.map((name) => aRawPod({ metadata: { name, uid: `uid-${name}` } }));
    const world = aMarker({ pods });
    for (const [i, name] of names.entries()) world.api.put(POD_PATH.replace('cb-0000', name), pods[i] ?? {});
    const decisions = names.map((name) => aDecision(aPod({ name, uid: `uid-${name}` }), aTracker()));
    return { ...world, decisions };
  }

  test('20 marks at once take turns: no conflict, one write of each kind for each', async () => {
    const { marker, api, decisions } = aCluster();
    const outcomes = await Promise.all(decisions.map((decision) => marker.mark(decision, signal)));
    assert.deepEqual([...new Set(outcomes)], ['marked']);
    assert.equal(api.calls.length, 40);
    assert.equal(Object.keys(api.annotations(TRACKER_PATH)).length, 20);
  });

  test('one that fails or gives up does not hold up the others', async () => {
    const { marker, api, decisions } = aCluster();
    let isFirst = true;
    api.before = (call) => {
      const fails = isFirst && call === WRITE_ENTRY;
      if (call === WRITE_ENTRY) isFirst = false;
      if (fails) throw refusal(500);
    };
    const outcomes = await Promise.allSettled(
      decisions.map((decision, i) => marker.mark(decision, i === 1 ? AbortSignal.abort() : signal)),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'rejected').length, 2);
    assert.equal(Object.keys(api.annotations(TRACKER_PATH)).length, 18);
  });

  test('pods of other tracking resources do not wait for each other', async () => {
    const { marker, api, decisions } = aCluster();
    const otherPath = TRACKER_PATH.replace(/cb$/, 'other');
    api.put(otherPath, aRawCluster({ metadata: { name: 'other' } }));
    api.before = (call) => (call === WRITE_ENTRY ? new Promise(() => undefined) : undefined);
    const [first, second] = decisions;
    assert.ok(first !== undefined && second !== undefined);
    void marker.mark(first, signal);
    await settle();
    assert.equal(await marker.mark({ ...second, entryOn: aTracker({ name: 'other' }) }, signal), 'marked');
  });
});
