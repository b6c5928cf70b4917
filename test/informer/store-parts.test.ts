import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Change, Store } from '../../src/informer/store.ts';
import { partsOf } from '../../src/informer/store-parts.ts';

interface Thing {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

const thing = (name: string, version: number, uid = 'a'): Thing => ({ name, uid, resourceVersion: `${version}` });

function twoParts() {
  const told: string[] = [];
  const store = new Store<Thing>({
    keyOf: ({ name }) => name,
    isSame: (a, b) => a.resourceVersion === b.resourceVersion,
    isOtherInstance: (a, b) => a.uid !== b.uid,
    onHandlerError: (error) => assert.fail(String(error)),
    onSynced: () => told.push('synced'),
  });
  store.subscribe(({ kind, key }: Change<Thing>) => told.push(`${kind} ${key}`));
  const [one, two] = partsOf(store, 2);
  assert.ok(one && two);
  const list = (part: typeof one, ...things: Thing[]) => {
    const listing = part.beginList();
    listing.page(things);
    listing.complete();
  };
  return { store, one, two, list, told };
}

describe('two lists and watches that fill one store', () => {
  test('it has synced when both have', () => {
    const { store, one, two, list, told } = twoParts();
    list(one, thing('x', 1));
    assert.deepEqual([store.hasSynced, one.hasSynced, two.hasSynced], [false, true, false]);
    list(two);
    assert.equal(store.hasSynced, true);
    list(two);
    assert.deepEqual(told, ['added x', 'synced']);
  });

  test('a list takes away what it alone had, and nothing of the other', () => {
    const { store, one, two, list } = twoParts();
    list(one, thing('x', 1), thing('both', 2));
    list(two, thing('y', 1), thing('both', 2));
    list(one);
    assert.deepEqual(
      [...store.values()].map(({ name }) => name),
      ['both', 'y'],
    );
    assert.deepEqual([one.size, two.size], [0, 2]);
    list(two);
    assert.equal(store.size, 0);
  });

  test('an object that changes from one to the other stays, whichever watch is first', () => {
    for (const isLossFirst of [true, false]) {
      const { store, one, two, list } = twoParts();
      list(one, thing('x', 1));
      list(two);
      const steps = [() => one.remove(thing('x', 2)), () => two.put(thing('x', 2))];
      for (const step of isLossFirst ? steps : steps.reverse()) step();
      assert.equal(store.get('x')?.resourceVersion, '2');
      two.remove(thing('x', 3));
      assert.equal(store.size, 0);
    }
  });

  test('the end of an instance does not take away the next one of its name', () => {
    const { store, one, two, list, told } = twoParts();
    list(one, thing('x', 1));
    list(two);
    two.put(thing('x', 5, 'b'));
    one.remove(thing('x', 4));
    assert.equal(store.get('x')?.uid, 'b');
    assert.deepEqual(told, ['added x', 'synced', 'removed x', 'added x']);
  });

  test('an instance whose only watch has ended it goes, although the other watch still has the one before it', () => {
    const { store, one, two, list } = twoParts();
    list(one, thing('x', 1));
    list(two, thing('x', 1));
    one.remove(thing('x', 4));
    one.put(thing('x', 5, 'b'));
    one.remove(thing('x', 6, 'b'));
    two.remove(thing('x', 4));
    assert.equal(store.size, 0);
  });

  test('a list that was made before an event of the other watch does not undo it', () => {
    const { store, one, two, list, told } = twoParts();
    list(one, thing('x', 1));
    const late = two.beginList();
    one.remove(thing('x', 4));
    one.put(thing('x', 5, 'b'));
    late.page([thing('x', 1)]);
    late.complete();
    assert.equal(store.get('x')?.uid, 'b');
    two.remove(thing('x', 4));
    assert.equal(store.get('x')?.uid, 'b');
    assert.deepEqual(told, ['added x', 'updated x', 'removed x', 'added x', 'synced']);
  });

  test('a list that was made before the other watch told of an end does not bring the object back', () => {
    const { store, one, two, list, told } = twoParts();
    list(one, thing('x', 130), thing('y', 130));
    list(two, thing('x', 130), thing('y', 130));
    const older = one.beginList();
    two.remove(thing('x', 150));
    two.remove(thing('y', 150));
    two.put(thing('y', 160, 'b'));
    two.remove(thing('y', 170, 'b'));
    told.splice(0);
    older.page([thing('x', 130), thing('y', 130)], '140');
    older.complete();
    assert.deepEqual(
      told.filter((one) => one.startsWith('added')),
      [],
    );
    one.remove(thing('x', 150));
    one.remove(thing('y', 150));
    assert.equal(store.size, 0);
    one.put(thing('x', 180, 'c'));
    assert.equal(store.size, 1);
  });

  test('an end that the other watch told of before etcd was restored does not keep the object away', () => {
    const { store, one, two, list } = twoParts();
    list(one, thing('x', 1_000));
    list(two, thing('x', 1_000));
    one.heard?.('1040');
    const restored = one.beginList();
    two.remove(thing('x', 1_050));
    restored.page([thing('x', 500)], '600');
    restored.complete();
    assert.equal(store.get('x')?.resourceVersion, '500');
  });

  test('older lists count once both have them, because versions are older after an etcd restore', () => {
    const { store, one, two, list } = twoParts();
    list(one, thing('x', 1_000));
    list(two, thing('x', 1_000));
    list(two, thing('x', 500));
    assert.equal(store.get('x')?.resourceVersion, '1000');
    list(one, thing('x', 500));
    assert.equal(store.get('x')?.resourceVersion, '500');
    two.put(thing('x', 501));
    assert.equal(store.get('x')?.resourceVersion, '501');
  });
});
