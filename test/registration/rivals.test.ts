import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { REGISTRATIONS } from '../../src/kube/paths.ts';
import { LOG } from '../../src/log/messages.ts';
import { describeRivals, RivalWatch } from '../../src/registration/rivals.ts';
import { FakeApi } from '../support/api.ts';
import { aLog } from '../support/log.ts';
import { FakeClock, settle, until } from '../support/time.ts';

const PROFILES = [
  { name: 'couchbase', conflicts: [] },
  { name: 'kafka', conflicts: ['cleaner.example.com'] },
  { name: 'connect', conflicts: ['cleaner.example.com', 'other'] },
  // As it was in PROFILES_FILE before: it counts for a few minutes yet.
  { name: 'connect', conflicts: ['other'] },
];
const RULE = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods/eviction'] };

function aRegistration(name: string, webhooks: readonly string[], resourceVersion = '1'): JsonObject {
  return { metadata: { name, resourceVersion }, webhooks: webhooks.map((one) => ({ name: one, rules: [RULE] })) };
}

/** A watch on registrations that the test changes. */
async function aWatch(items: readonly JsonObject[], profiles = PROFILES) {
  const [api, clock, log] = [new FakeApi(), new FakeClock(), aLog()];
  let leftOut = 0;
  let changes = 0;
  api.lists.set(REGISTRATIONS, items);
  const watch = new RivalWatch({
    client: api,
    profiles,
    clock,
    random: () => 0,
    log,
    backoff: { firstMs: 1_000, maxMs: 8_000, resetAfterMs: 600_000 },
    onChange: () => changes++,
    onLeftOut: () => leftOut++,
  });
  const send = async (type: string, object: JsonObject) => {
    const before = changes;
    api.send(REGISTRATIONS, type, object);
    await until(() => changes > before, 'the event');
  };
  return { api, clock, log, watch, send, leftOut: () => leftOut, warned: () => log.lines.filter(isWarning) };
}

const isWarning = ({ level }: { readonly level: string }) => level === 'warn';

describe('rival registrations', () => {
  test('are found, logged once for each profile, and withdrawn when they go', async (t) => {
    const { watch, send, log } = await aWatch([]);
    t.after(() => watch.stop());
    watch.start();
    await until(() => watch.found !== undefined, 'the first list');
    assert.deepEqual(
      watch.counts.map(({ profile, rival, webhooks }) => `${profile} ${rival} ${webhooks}`),
      ['kafka cleaner.example.com 0', 'connect cleaner.example.com 0', 'connect other 0'],
    );
    const rival = aRegistration('cleaner', ['cleaner.example.com', 'harmless.example.com'], '2');
    await send('ADDED', rival);
    await send('ADDED', aRegistration('harmless', ['harmless.example.com'], '3'));
    assert.deepEqual(watch.found, [
      { profile: 'kafka', rival: 'cleaner.example.com', registration: 'cleaner', webhooks: 1 },
      { profile: 'connect', rival: 'cleaner.example.com', registration: 'cleaner', webhooks: 1 },
    ]);
    assert.deepEqual(describeRivals(watch), [
      'rival webhook of profile kafka: cleaner.example.com (1)',
      'rival webhook of profile connect: cleaner.example.com (1)',
    ]);
    await send('DELETED', rival);
    assert.deepEqual(watch.found, []);
    await send('ADDED', rival);
    assert.equal(watch.found?.length, 2);
    // Its rules are about something else from now on.
    await send('MODIFIED', { ...rival, webhooks: [{ name: 'cleaner.example.com', rules: [] }] });
    assert.deepEqual(watch.found, []);
    assert.deepEqual(
      log.lines.filter(({ message }) => message === LOG.rival).map(({ level, fields }) => [level, fields.profile]),
      [
        ['warn', 'kafka'],
        ['warn', 'connect'],
      ],
    );
  });

  test('that went while nobody watched are gone with the next list', async (t) => {
    const { api, clock, watch } = await aWatch([aRegistration('other', ['a.b.c'])]);
    t.after(() => watch.stop());
    watch.start();
    await until(() => watch.found?.length === 1, 'the rival');
    api.lists.set(REGISTRATIONS, []);
    api.feeds.get(REGISTRATIONS)?.event('ERROR', { code: 410, reason: 'Expired' });
    await settle();
    await clock.advance(1_000);
    await until(() => watch.found?.length === 0, 'the next list');
  });

  test('a registration of thousands of webhooks is one, and thousands of registrations are bounded', async (t) => {
    const webhooks = Array.from({ length: 4_000 }, () => 'cleaner.example.com');
    const flood = Array.from({ length: 1_200 }, (_, i) => aRegistration(`r${i}`, ['cleaner.example.com']));
    const { watch, send, leftOut, warned } = await aWatch([aRegistration('big', webhooks), ...flood]);
    t.after(() => watch.stop());
    watch.start();
    await until(() => watch.found !== undefined, 'the first list');
    assert.equal(watch.found?.length, 2 * 1_000);
    assert.equal(watch.counts[0]?.webhooks, 4_000 + 999);
    assert.equal(leftOut(), 201);
    assert.equal(warned().length, 2);
    // What is there goes on to be followed.
    await send('MODIFIED', aRegistration('big', [], '2'));
    assert.equal(watch.counts[0]?.webhooks, 999);
  });

  test('without the right nothing is known, and nothing is warned of again and again', async (t) => {
    const { api, clock, watch, warned } = await aWatch([]);
    t.after(() => watch.stop());
    api.before = () => {
      throw new ApiError(403, `GET ${REGISTRATIONS}`, { message: 'forbidden' });
    };
    watch.start();
    for (let i = 0; i < 5; i++) await clock.advance(8_000);
    assert.ok(api.requests.length >= 5, 'it is tried again');
    assert.equal(watch.found, undefined);
    assert.deepEqual(watch.counts, []);
    assert.deepEqual(describeRivals(watch), [
      'rival webhooks are not known: the hook may not list validatingwebhookconfigurations',
    ]);
    assert.deepEqual(warned(), []);
    api.before = () => undefined;
    await clock.advance(8_000);
    assert.deepEqual(watch.found, []);
    assert.equal(watch.problem, undefined);
  });

  test('without the right to watch they are listed again and again', async (t) => {
    const { api, clock, watch, warned } = await aWatch([]);
    t.after(() => watch.stop());
    api.before = (_, { query }) => {
      if (query?.watch === true) throw new ApiError(403, `GET ${REGISTRATIONS}`, { message: 'forbidden' });
    };
    watch.start();
    await settle();
    api.lists.set(REGISTRATIONS, [aRegistration('other', ['a.b.c'])]);
    await clock.advance(8_000);
    assert.equal(watch.found?.length, 1);
    assert.deepEqual(describeRivals(watch), [
      'rival webhook of profile connect: other (1)',
      'rival webhooks are not known: the hook may not watch validatingwebhookconfigurations',
    ]);
    assert.equal(warned().length, 1, 'of the rival');
  });

  test('a watch that hangs is given up, and what was known stays', async (t) => {
    const { api, clock, watch } = await aWatch([aRegistration('other', ['a.b.c'])]);
    t.after(() => watch.stop());
    watch.start();
    await until(() => watch.found?.length === 1, 'the rival');
    api.before = () => {
      throw new Error('connect ECONNREFUSED');
    };
    await clock.advance(100_000);
    assert.equal(watch.found?.length, 1);
    assert.match(watch.problem ?? '', /no event or bookmark for 100 s|ECONNREFUSED/);
  });

  test('are not looked for where no profile has conflicts', async () => {
    const { api, watch } = await aWatch([], [{ name: 'couchbase', conflicts: [] }]);
    watch.start();
    await settle();
    assert.deepEqual(api.requests, []);
    assert.deepEqual([watch.found, watch.counts, describeRivals(watch)], [[], [], []]);
    await watch.stop();
  });
});
