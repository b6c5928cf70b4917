import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { type Authorities, bundleOf } from '../../src/certificates/authorities.ts';
import { formatAuthorities, parseAuthorities } from '../../src/certificates/authority-secret.ts';
import { createAuthority } from '../../src/certificates/issuing.ts';
import { caValidity } from '../../src/certificates/lifetimes.ts';
import { certificatesIn, isTrusted } from '../../src/certificates/pem.ts';
import { LOG } from '../../src/log/messages.ts';
import { aReplica, CA_MS, FakeObjects, HOUR, NOW, SERVING_MS } from '../support/certificates.ts';
import { settle, until } from '../support/time.ts';

const MINUTE = 60_000;
const stranger = await createAuthority('stranger', caValidity(NOW, CA_MS));

function aWorld(t: TestContext) {
  const objects = new FakeObjects();
  const replica = (start?: number) => {
    const made = aReplica(objects, start === undefined ? {} : { start });
    t.after(() => made.source.stop());
    return made;
  };
  return { objects, replica };
}

type Replica = ReturnType<typeof aReplica>;

const servedNow = ({ source }: Replica) => source.current()?.cert ?? '';
const isGood = (replica: Replica, objects: FakeObjects) =>
  (objects.bundles ?? []).every((bundle) => isTrusted(servedNow(replica), bundle, 'hook.db.svc', replica.wall.now));

/** One after the other, so that each is behind for a while; what each serves has to be trusted at every step. */
async function goTogether(replicas: readonly Replica[], objects: FakeObjects, at: number): Promise<void> {
  for (const one of replicas) {
    await one.go(20 * MINUTE);
    for (const each of replicas) assert.ok(isGood(each, objects), `at ${at / MINUTE} minutes`);
  }
}

/** From their start on, step by step. */
async function halfAnHour(replicas: readonly Replica[]): Promise<void> {
  for (const one of replicas) {
    one.start();
    await one.rest();
  }
  for (let minutes = 0; minutes < 30; minutes++) {
    for (const one of replicas) await one.go(MINUTE);
  }
}

async function aRunning(t: TestContext) {
  const world = aWorld(t);
  const replica = world.replica();
  replica.start();
  await replica.rest();
  return { ...world, replica };
}

describe('a first start', () => {
  test('makes an authority, gives it to the registration and serves by it', async (t) => {
    const { objects, replica } = aWorld(t);
    const one = replica();
    assert.equal(one.source.notReady(), 'there is no certificate yet');
    one.start();
    await one.rest();
    assert.equal(one.source.notReady(), undefined);
    assert.deepEqual(objects.writes, ['secret', 'bundle']);
    assert.ok(isGood(one, objects));
    assert.deepEqual(one.log.messages(), [LOG.authorityCreated, LOG.certificateLoaded, LOG.bundleWritten]);
    assert.equal(one.log.lines[0]?.fields.why, 'there was no Secret');
    assert.deepEqual(one.source.expiries(), [
      { certificate: 'serving', at: NOW + SERVING_MS },
      { certificate: 'ca', at: NOW + CA_MS },
    ]);
    assert.ok(
      !JSON.stringify(objects.data).includes(one.source.current()?.key.split('\n')[1] ?? ''),
      'its key is nowhere',
    );
  });

  test('of two at once: one authority, and neither undoes what the other did', async (t) => {
    const { objects, replica } = aWorld(t);
    const both = [replica(), replica()];
    for (const one of both) one.start();
    for (const one of both) await one.rest();
    assert.deepEqual(objects.writes, ['secret', 'bundle']);
    for (const one of both) {
      assert.equal(one.source.notReady(), undefined);
      assert.ok(isGood(one, objects));
      await one.go(HOUR);
    }
    assert.notEqual(servedNow(both[0] as Replica), servedNow(both[1] as Replica), 'each has a key of its own');
    assert.deepEqual(objects.writes, ['secret', 'bundle']);
  });

  test('before the registration: ready, and at work once it comes', async (t) => {
    const { objects, replica } = aWorld(t);
    objects.bundles = undefined;
    const one = replica();
    one.start();
    await one.rest();
    await one.go(5 * MINUTE);
    assert.equal(one.source.notReady(), undefined);
    assert.deepEqual(one.log.messages('warn'), [LOG.registrationMissing]);
    objects.putBundles(['']);
    await until(() => isGood(one, objects), 'the bundle, without a look at the clock');
  });

  test('with a registration that has no webhooks yet: ready all the same, so that it may fill it', async (t) => {
    const { objects, replica } = aWorld(t);
    objects.webhooks = [];
    const one = replica();
    one.start();
    await one.rest();
    assert.equal(one.source.notReady(), undefined);
    await one.go(MINUTE / 4);
    assert.deepEqual(objects.writes, ['secret', 'webhooks']);
    assert.ok(isGood(one, objects));
  });

  test('after files: what the registration carries stays for an overlap, then goes', async (t) => {
    const { objects, replica } = aWorld(t);
    objects.bundles = [stranger.cert];
    const one = replica();
    one.start();
    await one.rest();
    assert.equal(certificatesIn(objects.bundles?.[0] ?? '').length, 2);
    assert.ok(objects.bundles?.[0]?.includes(stranger.cert));
    await one.go(SERVING_MS + MINUTE);
    assert.ok(one.log.messages().includes(LOG.authorityRetired));
    assert.ok(objects.bundles?.[0]?.includes(stranger.cert), 'what nobody knows any more stays for an hour');
    await one.go(HOUR);
    assert.ok(!objects.bundles?.[0]?.includes(stranger.cert));
  });

  test('with an authority in the Secret already, after files: likewise', async (t) => {
    const { objects, replica } = await aRunning(t);
    objects.putBundles([stranger.cert]);
    await until(() => isGood(replica, objects), 'the running one to put it right');
    assert.ok(objects.bundles?.[0]?.includes(stranger.cert), 'a replica that comes after it may serve by that');
    await replica.go(HOUR + MINUTE);
    assert.ok(!objects.bundles?.[0]?.includes(stranger.cert), 'it is no start');
    await replica.source.stop();
    objects.listeners.splice(0);
    objects.putBundles([stranger.cert]);
    const later = aReplica(objects);
    t.after(() => later.source.stop());
    later.start();
    await later.rest();
    assert.ok(objects.bundles?.[0]?.includes(stranger.cert));
    assert.ok(later.log.messages().includes(LOG.authorityAdopted));
    assert.ok(isGood(later, objects));
  });
});

for (const [key, read] of [
  ['authority', 2],
  ['registration', 4],
] as const) {
  test(`what another replica does between the two reads of a look at ${key} is not undone`, async (t) => {
    const { objects, replica } = await aRunning(t);
    const { authorities } = parseAuthorities(objects.data ?? {}) as { authorities: Authorities };
    const introduced = { ...authorities, next: stranger };
    const written: string[] = [];
    let reads = 0;
    objects.before = (call) => {
      if (call === 'write bundle') written.push(call);
      if (!call.startsWith('read') || ++reads !== read) return;
      objects.putData(formatAuthorities(introduced));
      objects.putBundles([bundleOf(introduced)]);
    };
    objects.listeners.push(() => assert.ok(objects.bundles?.[0]?.includes(stranger.cert), 'it stays'));
    await replica.go(MINUTE);
    assert.ok(reads > read);
    assert.equal(objects.bundles?.[0], bundleOf(introduced));
    assert.deepEqual(objects.writes, ['secret', 'bundle'], 'nothing more was written');
    assert.ok(written.length <= 1, 'at most one try, which was refused');
  });
}

describe('of the two keys', () => {
  test('the bundle of a Secret that has something left to be done is not written', async (t) => {
    const { objects, replica } = await aRunning(t);
    await replica.source.stop();
    objects.listeners.splice(0);
    objects.putBundles([stranger.cert]);
    const later = aReplica(objects);
    t.after(() => later.source.stop());
    let reads = 0;
    objects.before = (call) => {
      if (call === 'read secret' && ++reads === 1) throw new Error('not now');
    };
    later.start();
    await later.rest();
    await later.go(MINUTE);
    assert.ok(objects.bundles?.[0]?.includes(stranger.cert), 'it was adopted first');
    assert.ok(later.log.messages().includes(LOG.authorityAdopted));
  });

  test('what serves nothing yet is not ready, even if nobody is registered to ask', async (t) => {
    const { objects, replica } = await aRunning(t);
    objects.putBundles(undefined);
    await replica.source.stop();
    const later = aReplica(objects);
    t.after(() => later.source.stop());
    const refusals: string[] = [];
    later.source.start(() => {
      refusals.push('once');
      if (refusals.length < 4) throw new Error('the server does not take it');
    });
    await later.rest();
    assert.equal(later.source.current(), undefined);
    assert.equal(later.source.notReady(), 'the server does not take it');
    await later.go(5 * MINUTE);
    assert.equal(later.source.notReady(), undefined);
    assert.equal(refusals.length, 4);
  });

  test('a bundle that is gone for a moment is no reason to serve by what is not known yet', async (t) => {
    const { objects, replica } = await aRunning(t);
    const old = servedNow(replica);
    objects.putData(undefined);
    await replica.go(MINUTE);
    // Nobody is told of it: the look at the authority comes first.
    const listeners = objects.listeners.splice(0);
    objects.putBundles(['']);
    objects.listeners.push(...listeners);
    await replica.go(MINUTE);
    assert.equal(servedNow(replica), old);
    assert.ok(isGood(replica, objects));
  });

  test('a Secret that vanishes again and again is not written without end, and the log says so once', async (t) => {
    const { objects, replica } = await aRunning(t);
    objects.before = (call) => {
      if (call === 'read secret') objects.data = undefined;
    };
    const before = objects.writes.length;
    await replica.go(10 * MINUTE);
    assert.ok(objects.writes.length - before < 10 * 2 * 30, `${objects.writes.length - before} writes in ten minutes`);
    const troubles = replica.log.lines.filter(({ message }) => message === LOG.certificateTrouble);
    assert.deepEqual(
      troubles.map(({ fields }) => fields.error),
      ['the Secret or the registration changes again and again'],
    );
  });

  test('only one calls for the Secret, and only after the registration', async (t) => {
    const { objects, replica } = aWorld(t);
    const calls: string[] = [];
    objects.before = (call) => void calls.push(call);
    const one = replica();
    one.start();
    await one.rest();
    const { length } = calls;
    objects.putBundles(['']);
    objects.before = (call) => {
      calls.push(call);
      if (call === 'read secret') throw new Error('not now');
    };
    await one.go(10 * MINUTE);
    const about = (what: string) => calls.slice(length).filter((call) => call === what).length;
    assert.ok(about('read secret') > 10);
    assert.ok(about('read registration') > about('read secret'));
    assert.equal(about('write bundle'), 1);
  });
});

describe('renewal', () => {
  test('of the serving certificate: after half of its lifetime, by the same authority', async (t) => {
    const { objects, replica } = await aRunning(t);
    await replica.go(SERVING_MS / 2);
    assert.equal(replica.served.length, 1);
    await replica.go(MINUTE);
    assert.equal(replica.served.length, 2);
    assert.ok(isGood(replica, objects));
    assert.deepEqual(objects.writes, ['secret', 'bundle']);
  });

  test('of the authority: carried first, then signing, then the old one goes; no moment without trust, in two replicas', async (t) => {
    const { objects, replica: first } = await aRunning(t);
    const second = aReplica(objects);
    t.after(() => second.source.stop());
    second.start();
    await second.rest();
    const both = [first, second];
    const before = objects.data?.['signing.crt'] ?? '';
    const sizes = new Set<number>();
    for (let at = 0; at < CA_MS + HOUR; at += 20 * MINUTE) {
      await goTogether(both, objects, at);
      sizes.add(certificatesIn(objects.bundles?.[0] ?? '').length);
    }
    assert.notEqual(objects.data?.['signing.crt'], before);
    assert.ok(!objects.bundles?.[0]?.includes(before), 'the old one is gone in the end');
    assert.deepEqual([...sizes].sort(), [1, 2]);
    const told = both.flatMap(({ log }) => log.messages());
    for (const message of [LOG.authorityIntroduced, LOG.authorityPromoted, LOG.authorityRetired]) {
      assert.equal(told.filter((one) => one === message).length, 1, message);
    }
    assert.ok(!told.includes(LOG.bundleCorrected));
  });

  test('of the authority waits for the registration', async (t) => {
    const { objects, replica } = await aRunning(t);
    objects.putBundles(undefined);
    const before = objects.data?.['signing.crt'];
    await replica.go((CA_MS * 5) / 6);
    assert.ok(objects.data?.['next.crt'] !== undefined);
    assert.equal(objects.data?.['signing.crt'], before);
    await replica.go(CA_MS / 6 + MINUTE);
    assert.notEqual(objects.data?.['signing.crt'], before, 'it has ended: the next one is better than none');
    objects.putBundles(['']);
    await until(() => isGood(replica, objects), 'the bundle');
  });

  test('without the API server: by the authority that was read before, and ready all the time', async (t) => {
    const { objects, replica } = await aRunning(t);
    objects.before = () => {
      throw new Error('connect ECONNREFUSED');
    };
    await replica.go(SERVING_MS);
    assert.equal(replica.source.notReady(), undefined);
    assert.ok(isGood(replica, objects));
    assert.equal(replica.served.length, 2);
    assert.deepEqual(replica.log.messages('warn'), [LOG.certificateTrouble]);
  });
});

describe('trouble', () => {
  test('a bundle that somebody has overwritten is put right at once; one who goes on is met once a second', async (t) => {
    const { objects, replica } = await aRunning(t);
    objects.putBundles(['']);
    await until(() => isGood(replica, objects), 'the bundle');
    assert.deepEqual(replica.log.messages('warn'), [LOG.bundleCorrected]);
    const isFighting = { on: true };
    objects.listeners.push(() => {
      if (isFighting.on && objects.bundles?.[0] !== '') queueMicrotask(() => objects.putBundles(['']));
    });
    const before = objects.writes.length;
    objects.putBundles(['']);
    await replica.go(10 * MINUTE);
    const writes = objects.writes.length - before;
    assert.ok(writes > 100, 'each time at once, as long as there is no more than one a second');
    assert.ok(writes <= 10 + 10 * 60, `${writes} writes in ten minutes`);
    assert.ok((replica.source.registration()?.corrections.postponed ?? 0) > 0);
    isFighting.on = false;
    await replica.go(2 * MINUTE);
    assert.ok(isGood(replica, objects));
  });

  test('a Secret that was deleted: a new authority, with an overlap', async (t) => {
    const { objects, replica } = await aRunning(t);
    const old = servedNow(replica);
    objects.putData(undefined);
    await replica.go(MINUTE);
    assert.equal(certificatesIn(objects.bundles?.[0] ?? '').length, 2);
    assert.equal(servedNow(replica), old, 'the API servers may not know the new one yet');
    await replica.go(2 * MINUTE);
    assert.notEqual(servedNow(replica), old);
    assert.ok(isGood(replica, objects));
  });

  test('deleted together with what the registration carried: what is served stays trusted', async (t) => {
    const { objects, replica } = await aRunning(t);
    objects.putData(undefined);
    objects.putBundles(['']);
    await until(() => isGood(replica, objects), 'the bundle');
    await until(() => certificatesIn(objects.bundles?.[0] ?? '').length === 2, 'the new authority beside it');
    assert.ok(isGood(replica, objects));
  });

  test('a Secret put back from a backup: both are carried, and it is served when the API servers know it', async (t) => {
    const { objects, replica } = await aRunning(t);
    const backup = await createAuthority('backup', caValidity(NOW, CA_MS));
    objects.putData(formatAuthorities({ signing: backup, retired: [] }));
    // It is the first look that sees it.
    await replica.go(MINUTE);
    assert.ok(objects.bundles?.[0]?.includes(backup.cert));
    assert.equal(certificatesIn(objects.bundles?.[0] ?? '').length, 2, 'other replicas still serve by the old one');
    assert.ok(isGood(replica, objects));
    await replica.go(2 * MINUTE);
    assert.equal(replica.served.length, 2);
    await replica.go(HOUR);
    assert.equal(objects.bundles?.[0], certificatesIn(backup.cert)[0]?.toString());
    assert.ok(isGood(replica, objects));
  });

  for (const [what, data, why] of [
    ['empty', {}, 'the Secret was empty'],
    ['rubbish', { 'signing.crt': 'x', 'signing.key': 'y' }, 'signing.crt is no certificate of an authority'],
  ] as const) {
    test(`a Secret that is ${what} is filled, and the log says why`, async (t) => {
      const { objects, replica } = aWorld(t);
      objects.data = { ...data };
      const one = replica();
      one.start();
      await one.rest();
      assert.equal(one.source.notReady(), undefined);
      assert.equal(one.log.lines[0]?.fields.why, why);
    });
  }

  test("somebody else's Secret is left alone, and the way out is told once", async (t) => {
    const { objects, replica } = aWorld(t);
    objects.data = { password: 'x' };
    const one = replica();
    one.start();
    await one.rest();
    await one.go(10 * MINUTE);
    const error = 'the Secret ca holds something else (password): name another in CA_SECRET, or delete it';
    assert.equal(one.source.notReady(), error);
    assert.deepEqual(one.log.lines, [{ level: 'warn', message: LOG.certificateTrouble, fields: { error } }]);
    assert.deepEqual(objects.writes, []);
    objects.putData(undefined);
    await one.go(2 * MINUTE);
    assert.equal(one.source.notReady(), undefined);
  });

  test('a clock that jumps ahead and back costs new certificates, not the trust', async (t) => {
    const { objects, replica } = await aRunning(t);
    replica.wall.now += 5 * HOUR;
    await replica.go(MINUTE);
    assert.ok(isGood(replica, objects), 'ahead');
    replica.wall.now -= 5 * HOUR;
    await replica.go(MINUTE);
    assert.ok(isGood(replica, objects), 'back');
    assert.deepEqual(objects.writes, ['secret', 'bundle']);
  });

  test('a clock far ahead renews the authority for all, and the others go along', async (t) => {
    const { objects, replica } = await aRunning(t);
    const ahead = aReplica(objects, { start: NOW + 2 * CA_MS });
    t.after(() => ahead.source.stop());
    ahead.start();
    await ahead.rest();
    await replica.go(10 * MINUTE);
    assert.ok(isGood(replica, objects));
    const writes = objects.writes.length;
    await ahead.go(HOUR);
    await replica.go(HOUR);
    assert.ok(objects.writes.length <= writes + 2, 'they do not fight');
  });

  // If it is the first, its authority has ended for everybody else, and is replaced once.
  for (const [first, writesMax] of [
    ['the one in time', 2],
    ['the one behind', 6],
  ] as const) {
    test(`a replica behind by 400 days and one in time, ${first} first: they do not fight`, async (t) => {
      const { objects, replica } = aWorld(t);
      const inTime = replica();
      const behind = replica(NOW - 400 * 24 * HOUR);
      const both = first === 'the one behind' ? [behind, inTime] : [inTime, behind];
      await halfAnHour(both);
      assert.ok(isGood(inTime, objects));
      assert.equal(inTime.source.notReady(), undefined);
      assert.ok(objects.writes.length <= writesMax, `${objects.writes.length} writes in half an hour`);
    });
  }

  test('what a replica serves is valid for an API server whose clock is months behind', async (t) => {
    const { objects, replica } = await aRunning(t);
    for (const bundle of objects.bundles ?? []) {
      assert.ok(isTrusted(servedNow(replica), bundle, 'hook.db.svc', NOW - 300 * 24 * HOUR));
    }
  });

  for (const during of ['read registration', 'read secret', 'write bundle'] as const) {
    test(`a stop at the call "${during}": nothing is written from then on, whatever becomes of it`, async (t) => {
      const { objects, replica } = await aRunning(t);
      let isThere = false;
      let before = 0;
      objects.before = (call) => {
        if (isThere || call !== during) return;
        isThere = true;
        before = objects.writes.length;
        void replica.source.stop();
        // The one that is under way fails, and would be tried again.
        if (call === 'write bundle') throw new Error('no response');
      };
      objects.putBundles(['']);
      await until(() => isThere, during);
      await replica.source.stop();
      objects.putBundles([stranger.cert]);
      objects.putData(undefined);
      await replica.clock.advance(HOUR);
      assert.deepEqual(objects.writes.slice(before), []);
      assert.deepEqual(objects.bundles, [stranger.cert]);
    });
  }

  test('a stop while a first authority is made: it is not written', async (t) => {
    const { objects, replica } = aWorld(t);
    const one = replica();
    objects.before = (call) => {
      if (call === 'read secret') void one.source.stop();
    };
    one.start();
    await settle();
    await one.source.stop();
    assert.deepEqual(objects.writes, []);
  });

  test('a stop in the middle of a look ends it', async (t) => {
    const { objects, replica } = aWorld(t);
    const one = replica();
    one.start();
    await one.source.stop();
    assert.ok(objects.writes.length <= 1);
  });
});
