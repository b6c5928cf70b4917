import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Reflector } from '../../src/informer/reflector.ts';
import { Store } from '../../src/informer/store.ts';
import { partsOf } from '../../src/informer/store-parts.ts';
import type { JsonObject } from '../../src/kube/client.ts';
import { FakeListWatch } from '../support/list-watch.ts';
import { FakeClock, settle } from '../support/time.ts';

interface Thing {
  readonly name: string;
  readonly resourceVersion: string;
}

const raw = (name: string, resourceVersion: string): JsonObject => ({ metadata: { name, resourceVersion } });

/** A store that a real reflector fills, alone or as one of two. */
async function followed(isShared: boolean) {
  const store = new Store<Thing>({
    keyOf: ({ name }) => name,
    isSame: () => false,
    isOtherInstance: () => false,
    onHandlerError: (error) => assert.fail(String(error)),
  });
  const [own, other] = isShared ? partsOf(store, 2) : [store, undefined];
  assert.ok(own);
  other?.beginList().complete();
  const [clock, server] = [new FakeClock(), new FakeListWatch()];
  const reflector = new Reflector<Thing>({
    name: 'things',
    listWatch: server,
    project: ({ metadata }) => metadata as unknown as Thing,
    sink: own,
    clock,
    random: () => 0,
    log: () => undefined,
  });
  const list = (snapshot: string, version: string) =>
    server.lists.push({ items: [raw('a', version)], resourceVersion: snapshot });
  list('10', '5');
  reflector.start();
  await settle();
  return {
    server,
    version: () => store.get('a')?.resourceVersion,
    wrote: (version: string) => store.assume({ name: 'a', resourceVersion: version }),
    /** The watch ends with 410, and a list that was made at `snapshot` has the object so. */
    async listsAgain(snapshot: string, version: string) {
      list(snapshot, version);
      server.feed.event('ERROR', { kind: 'Status', code: 410, reason: 'Expired' });
      await settle();
      await clock.advance(60_000);
    },
    stop: () => reflector.stop(),
  };
}

for (const isShared of [false, true]) {
  describe(`a store that ${isShared ? 'two reflectors fill' : 'a reflector fills'} does not go back`, () => {
    test('behind a write of the hook, by a list that was made before it', async () => {
      const { version, wrote, listsAgain, stop } = await followed(isShared);
      wrote('30');
      await listsAgain('20', '5');
      assert.equal(version(), '30');
      await listsAgain('40', '35');
      assert.equal(version(), '35');
      await stop();
    });

    for (const [what, event] of [
      ['a bookmark', ['BOOKMARK', { metadata: { resourceVersion: '40' } }]],
      ['an event', ['ADDED', raw('b', '40')]],
      ['an end', ['DELETED', raw('b', '40')]],
    ] as const) {
      test(`unless a list is older than ${what}, as after a restore of etcd, and from that list on not again`, async () => {
        const { server, version, wrote, listsAgain, stop } = await followed(isShared);
        const [type, object] = event;
        server.feed.event(type, object);
        server.feed.event('ADDED', raw('c', '34'));
        await settle();
        wrote('45');
        await listsAgain('35', '3');
        assert.equal(version(), '3');
        wrote('37');
        await listsAgain('36', '3');
        assert.equal(version(), '37');
        await stop();
      });
    }
  });
}
