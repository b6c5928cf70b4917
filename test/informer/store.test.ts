import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isOlder } from '../../src/informer/resource-version.ts';
import { type Change, Store } from '../../src/informer/store.ts';

interface Thing {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly colour: string;
}

const thing = (resourceVersion: string, overrides: Partial<Thing> = {}): Thing => ({
  name: 'a',
  uid: 'u1',
  colour: 'red',
  ...overrides,
  resourceVersion,
});

const written = (change: Change<Thing>): string => {
  const { uid, resourceVersion } = change.kind === 'removed' ? change.before : change.now;
  return `${change.kind} ${change.key} ${uid}@${resourceVersion}`;
};

/** A store that has synced, and what it tells from then on. */
function aStore(...objects: readonly Thing[]) {
  const told: string[] = [];
  const errors: unknown[] = [];
  let synced = 0;
  const store = new Store<Thing>({
    keyOf: ({ name }) => name,
    isSame: (a, b) => a.colour === b.colour,
    isOtherInstance: (a, b) => a.uid !== b.uid,
    isWatched: ({ colour }) => colour !== 'unwatched',
    onHandlerError: (error) => errors.push(error),
    onSynced: () => {
      synced++;
    },
  });
  store.replace(objects);
  store.subscribe((change) => told.push(written(change)));
  return { store, told, errors, synced: () => synced };
}

describe('Store: a list', () => {
  test('tells what is new, changed and gone, and keeps the rest', () => {
    const { store, told } = aStore(thing('1'), thing('1', { name: 'b' }), thing('1', { name: 'c' }));
    store.replace([thing('2', { colour: 'blue' }), thing('1', { name: 'c' }), thing('5', { name: 'd' })]);
    assert.deepEqual(told, ['updated a u1@2', 'added d u1@5', 'removed b u1@1']);
    assert.deepEqual([...store.values()].map(({ name }) => name).sort(), ['a', 'c', 'd']);
    assert.equal(store.size, 3);
  });

  test('is believed where it is older than what is here, as after an etcd restore', () => {
    const { store, told } = aStore(thing('900', { colour: 'blue' }));
    store.replace([thing('20')]);
    assert.equal(store.get('a')?.resourceVersion, '20');
    assert.deepEqual(told, ['updated a u1@20']);
    store.put(thing('21', { colour: 'green' }));
    assert.equal(store.get('a')?.colour, 'green');
  });

  test('with another instance under the same name tells that the first is gone, then the new one', () => {
    const { store, told } = aStore(thing('1'));
    store.replace([thing('9', { uid: 'u2' })]);
    assert.deepEqual(told, ['removed a u1@1', 'added a u2@9']);
  });

  test('counts page by page, and what is in none of its pages is gone only when it is complete', () => {
    const { store, told } = aStore(thing('1'), thing('1', { name: 'b' }), thing('1', { name: 'c' }));
    const list = store.beginList();
    list.page([thing('2', { colour: 'blue' })]);
    assert.deepEqual(told.splice(0), ['updated a u1@2']);
    list.page([thing('1', { name: 'c' })]);
    assert.deepEqual([told.splice(0), store.size], [[], 3]);
    list.complete();
    assert.deepEqual(told, ['removed b u1@1']);
  });

  test('can be swept bit by bit before it is complete', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const { store, told } = aStore(...names.map((name) => thing('1', { name })));
    const list = store.beginList();
    list.page([thing('1')]);
    assert.deepEqual([list.sweep?.(3), told.splice(0).length], [true, 3]);
    assert.deepEqual([list.sweep?.(3), told.splice(0).length], [false, 1]);
    list.complete();
    assert.deepEqual([told, store.size], [[], 1]);
  });

  test('made before a write whose answer is known does not undo it', () => {
    const { store, told } = aStore(thing('1'), thing('1', { name: 'b' }));
    const list = store.beginList();
    list.page([thing('1', { name: 'b' })], '4');
    store.assume(thing('5', { colour: 'green' }));
    told.length = 0;
    list.page([thing('1')], '4');
    list.complete();
    assert.deepEqual([told, store.get('a')?.colour], [[], 'green']);
    store.put(thing('6', { colour: 'red' }));
    assert.equal(store.get('a')?.colour, 'red');
  });

  test('older than an event was is of a restored etcd, and is believed', () => {
    const { store } = aStore(thing('1'));
    store.assume(thing('90', { colour: 'green' }));
    store.put(thing('91', { name: 'b' }));
    const list = store.beginList();
    list.page([thing('3', { colour: 'blue' })], '7');
    list.complete();
    assert.deepEqual([store.get('a')?.colour, store.size], ['blue', 1]);
    store.put(thing('8', { colour: 'red' }));
    assert.equal(store.get('a')?.colour, 'red');
  });

  test('older than a bookmark was is of a restored etcd, too', () => {
    const { store } = aStore(thing('1'));
    store.heard('140');
    store.assume(thing('145', { colour: 'green' }));
    const list = store.beginList();
    list.page([thing('3', { colour: 'blue' })], '120');
    list.complete();
    assert.equal(store.get('a')?.colour, 'blue');
  });

  test('undoes no write where only a read has found that another object is gone', () => {
    const { store } = aStore(thing('1'), thing('91', { name: 'b' }));
    const list = store.beginList();
    store.assume(thing('145', { colour: 'green' }));
    store.assume(thing('150', { name: 'b', colour: 'green' }));
    store.drop('a');
    list.page([thing('91', { name: 'b' })], '140');
    assert.equal(store.get('b')?.resourceVersion, '150');
  });

  test('that breaks off takes nothing away, and the next one does not count its pages', () => {
    const { store, told } = aStore(thing('1'), thing('1', { name: 'b' }));
    store.beginList().page([thing('1')]);
    const list = store.beginList();
    list.page([thing('1', { name: 'b' })]);
    list.complete();
    assert.deepEqual(told, ['removed a u1@1']);
  });

  test('that is the first does not make the store synced before it is complete', () => {
    const store = new Store<Thing>({
      keyOf: ({ name }) => name,
      isSame: () => false,
      isOtherInstance: () => false,
      onHandlerError: () => undefined,
    });
    const list = store.beginList();
    list.page([thing('1')]);
    assert.deepEqual([store.hasSynced, store.size], [false, 1]);
    list.complete();
    assert.equal(store.hasSynced, true);
  });

  test('that is the first makes the store synced, also where it is empty, and says so once', () => {
    let synced = 0;
    const store = new Store<Thing>({
      keyOf: ({ name }) => name,
      isSame: () => false,
      isOtherInstance: () => false,
      onHandlerError: () => undefined,
      onSynced: () => {
        assert.equal(store.hasSynced, true);
        synced++;
      },
    });
    store.put(thing('1'));
    assert.equal(store.hasSynced, false);
    store.replace([]);
    store.replace([]);
    assert.equal(store.hasSynced, true);
    assert.equal(synced, 1);
  });
});

describe('Store: watch events', () => {
  test('that are older than what is here are ignored', () => {
    const { store, told } = aStore(thing('100'));
    store.put(thing('99', { colour: 'blue' }));
    store.remove(thing('98'));
    assert.deepEqual(told, []);
    assert.equal(store.get('a')?.colour, 'red');
  });

  test('are compared as numbers, not as text', () => {
    const { store } = aStore(thing('99'));
    store.put(thing('100', { colour: 'blue' }));
    assert.equal(store.get('a')?.colour, 'blue');
    store.put(thing('99', { colour: 'red' }));
    assert.equal(store.get('a')?.colour, 'blue');
  });

  test('that change nothing of interest are kept in silence', () => {
    const { store, told } = aStore(thing('1'));
    store.put(thing('2'));
    assert.deepEqual(told, []);
    assert.equal(store.get('a')?.resourceVersion, '2');
  });

  test('with another instance tell that the first is gone, then the new one', () => {
    const { store, told } = aStore(thing('1'));
    store.put(thing('9', { uid: 'u2' }));
    assert.deepEqual(told, ['removed a u1@1', 'added a u2@9']);
  });

  test('of a deletion tell the last state before they tell the end', () => {
    const { store, told } = aStore(thing('1'));
    store.remove(thing('9', { colour: 'blue' }));
    assert.deepEqual(told, ['updated a u1@9', 'removed a u1@9']);
    assert.equal(store.get('a'), undefined);
  });

  test('of a deletion of what is not here tell nothing', () => {
    const { store, told } = aStore();
    store.remove(thing('9'));
    assert.deepEqual(told, []);
  });

  test('of a late deletion of an earlier instance leave the present one', () => {
    const { store, told } = aStore(thing('20', { uid: 'u2' }));
    store.remove(thing('10', { uid: 'u1' }));
    assert.deepEqual(told, []);
    assert.equal(store.get('a')?.uid, 'u2');
  });
});

describe("Store: the answer to the hook's own write", () => {
  test('is taken over and not undone by the events before it', () => {
    const { store, told } = aStore(thing('1'));
    store.assume(thing('5', { colour: 'blue' }));
    store.put(thing('3'));
    assert.equal(store.get('a')?.colour, 'blue');
    assert.deepEqual(told, ['updated a u1@5']);
  });

  test('never brings back what is gone', () => {
    const { store, told } = aStore(thing('1'));
    store.remove(thing('2'));
    told.length = 0;
    store.assume(thing('5'));
    assert.equal(store.get('a'), undefined);
    assert.deepEqual(told, []);
  });

  test('never replaces another instance', () => {
    const { store } = aStore(thing('9', { uid: 'u2' }));
    store.assume(thing('10', { uid: 'u1' }));
    assert.equal(store.get('a')?.uid, 'u2');
  });

  test('is left out where the watch does not tell of such an object: nobody would ever take it away', () => {
    const { store, told } = aStore(thing('1'));
    store.assume(thing('5', { colour: 'unwatched' }));
    assert.equal(store.get('a')?.resourceVersion, '1');
    store.remove(thing('3'));
    assert.equal(store.get('a'), undefined);
    assert.deepEqual(told, ['removed a u1@3']);
  });

  test('never goes back', () => {
    const { store } = aStore(thing('9'));
    store.assume(thing('8', { colour: 'blue' }));
    assert.equal(store.get('a')?.colour, 'red');
  });
});

describe('Store: handlers', () => {
  test('that throw harm neither the store nor the others', () => {
    const { store, errors, told } = aStore();
    store.subscribe(() => {
      throw new Error('a handler');
    });
    const later: string[] = [];
    store.subscribe((change) => later.push(written(change)));
    store.put(thing('1'));
    assert.deepEqual(told, ['added a u1@1']);
    assert.deepEqual(later, ['added a u1@1']);
    assert.equal(store.size, 1);
    assert.deepEqual(errors, [new Error('a handler')]);
  });

  test('hear of a change after it was made', () => {
    const { store } = aStore(thing('1'));
    const seen: (string | undefined)[] = [];
    store.subscribe(() => seen.push(store.get('a')?.uid));
    store.put(thing('9', { uid: 'u2' }));
    assert.deepEqual(seen, [undefined, 'u2']);
  });

  test('hear nothing more once they have unsubscribed, also from within', () => {
    const { store } = aStore();
    let count = 0;
    const unsubscribe = store.subscribe(() => {
      count++;
      unsubscribe();
    });
    store.put(thing('1'));
    store.put(thing('2', { colour: 'blue' }));
    assert.equal(count, 1);
  });
});

describe('isOlder', () => {
  for (const [a, b, older] of [
    ['1', '2', true],
    ['2', '2', false],
    ['9', '10', true],
    ['10', '9', false],
    ['18446744073709551614', '18446744073709551615', true],
    ['abc', '2', false],
    ['1', 'abc', false],
    ['', '1', false],
    ['-1', '1', false],
  ] as const) {
    test(`"${a}" is ${older ? '' : 'not '}older than "${b}"`, () => assert.equal(isOlder(a, b), older));
  }
});
