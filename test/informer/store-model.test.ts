import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Store } from '../../src/informer/store.ts';

interface Thing {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly colour: number;
}

/** One step of the API server's history of a few names; `seen` says whether and when the store is told of it. */
const steps = fc.array(
  fc.record({
    name: fc.constantFrom('a', 'b', 'c'),
    act: fc.constantFrom('write', 'write', 'delete', 'recreate'),
    colour: fc.nat(2),
    /** The answer to our own write comes before its event. */
    isOurs: fc.boolean(),
    relist: fc.boolean(),
  }),
  { maxLength: 60 },
);

type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;

function aStore() {
  const mirror = new Map<string, Thing>();
  const store = new Store<Thing>({
    keyOf: ({ name }) => name,
    isSame: (a, b) => a.colour === b.colour && a.uid === b.uid,
    isOtherInstance: (a, b) => a.uid !== b.uid,
    onHandlerError: (error) => {
      throw error;
    },
  });
  store.replace([]);
  store.subscribe((change) => {
    const had = mirror.get(change.key);
    assert.equal(had !== undefined, change.kind !== 'added', `${change.kind} ${change.key}`);
    if (change.kind === 'removed') mirror.delete(change.key);
    else mirror.set(change.key, change.now);
  });
  return { store, mirror };
}

/** The events of one step on the server's state, oldest first. */
function happen(server: Map<string, Thing>, { name, act, colour }: Step, version: number): [string, Thing][] {
  const before = server.get(name);
  const events: [string, Thing][] = [];
  if (before !== undefined && act !== 'write') {
    server.delete(name);
    events.push(['DELETED', { ...before, resourceVersion: `${version}` }]);
  }
  if (act === 'delete') return events;
  const uid = act === 'write' && before !== undefined ? before.uid : `u${version}`;
  const now = { name, uid, colour, resourceVersion: `${version + 1}` };
  server.set(name, now);
  events.push([before === undefined ? 'ADDED' : 'MODIFIED', now]);
  return events;
}

const names = (things: Iterable<Thing>) =>
  [...things].map(({ name, uid, colour }) => `${name} ${uid} ${colour}`).sort();

function tell(store: Store<Thing>, events: readonly [string, Thing][]): void {
  for (const [type, object] of events) {
    if (type === 'DELETED') store.remove(object);
    else store.put(object);
  }
}

function assumeWritten(store: Store<Thing>, object: Thing | undefined): void {
  if (object !== undefined) store.assume(object);
}

/** Tells the store of one step: from a list, or event by event, perhaps after the answer to our own write. */
function learn(store: Store<Thing>, server: Map<string, Thing>, step: Step, events: readonly [string, Thing][]): void {
  if (step.isOurs) assumeWritten(store, server.get(step.name));
  if (step.relist) store.replace([...server.values()]);
  else tell(store, events);
}

const equalAfterAnyHistory = ({ eventsTwice }: { eventsTwice: boolean }) =>
  fc.property(steps, (history) => {
    const server = new Map<string, Thing>();
    const { store, mirror } = aStore();
    let past: [string, Thing][] = [];
    for (const [index, step] of history.entries()) {
      const events = happen(server, step, 95 + index * 2);
      // A name that is gone has no version left to compare with; the API server does not tell its events again.
      past = eventsTwice ? [...past, ...events].filter(([, { name }]) => server.has(name)) : [];
      learn(store, server, step, [...events, ...past]);
      assert.deepEqual(names(store.values()), names(server.values()));
      assert.deepEqual(names(mirror.values()), names(server.values()));
    }
  });

test('after any history of writes, deletions, relists and own writes, store and subscribers have what the server has', () => {
  fc.assert(equalAfterAnyHistory({ eventsTwice: false }), { numRuns: 300 });
});

test('events that are told twice or late, as after a reconnect, change nothing', () => {
  fc.assert(equalAfterAnyHistory({ eventsTwice: true }), { numRuns: 300 });
});
