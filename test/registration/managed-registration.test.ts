import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { createAuthority } from '../../src/certificates/issuing.ts';
import { caValidity } from '../../src/certificates/lifetimes.ts';
import { certificatesIn } from '../../src/certificates/pem.ts';
import type { JsonObject } from '../../src/kube/client.ts';
import { LOG } from '../../src/log/messages.ts';
import { DECIDED_BY } from '../../src/registration/decided-by.ts';
import { scopeOf } from '../../src/registration/scope.ts';
import {
  aPod,
  aReplica,
  aWebhook,
  CA_MS,
  EVERYWHERE,
  FakeObjects,
  forgeries,
  HOUR,
  NOW,
  type ReplicaOptions,
} from '../support/certificates.ts';
import { settle, until } from '../support/time.ts';

const MINUTE = 60_000;
const everywhere = EVERYWHERE.namespaces([]) ?? [];
const SECOND = 1_000;
const stranger = await createAuthority('stranger', caValidity(NOW, CA_MS));

function aShell() {
  const objects = new FakeObjects();
  objects.webhooks = [];
  return objects;
}

async function begun(t: TestContext, objects: FakeObjects, options: ReplicaOptions = {}) {
  const replica = aReplica(objects, options);
  t.after(() => replica.source.stop());
  replica.start();
  await replica.rest();
  return replica;
}

/** And has seen its Pod ready for long enough. */
async function started(t: TestContext, objects: FakeObjects, options: ReplicaOptions = {}) {
  const replica = await begun(t, objects, options);
  await replica.go(12 * SECOND);
  return replica;
}

/** The one webhook, without its caBundle. */
function filled({ webhooks = [] }: FakeObjects): JsonObject {
  assert.equal(webhooks.length, 1);
  const { clientConfig, ...rest } = webhooks[0] as JsonObject;
  const { caBundle: _, ...callee } = clientConfig as JsonObject;
  return { ...rest, clientConfig: callee };
}

const wanted = () => filled(Object.assign(new FakeObjects(), { webhooks: [aWebhook('')] }));
const state = (replica: Awaited<ReturnType<typeof started>>) => replica.source.registration();

describe('a shell', () => {
  test('is filled once the Pod of a replica has been ready for ten seconds', async (t) => {
    const objects = aShell();
    objects.pods.set('one', aPod('one', NOW));
    const one = await started(t, objects, { name: 'one' });
    assert.equal(one.source.notReady(), undefined, 'readiness does not depend on it');
    assert.deepEqual(state(one), {
      isRegistered: false,
      isVerified: false,
      unprotectedMs: 0,
      corrections: { webhooks: 0, bundle: 0, postponed: 0 },
      authoritiesLeftOut: 0,
    });
    await one.go(MINUTE);
    assert.deepEqual(objects.webhooks, []);
    objects.pods.set('one', aPod('one', NOW, one.wall.now));
    await one.go(8 * SECOND);
    assert.deepEqual(objects.webhooks, [], 'an API server may not find it yet');
    await one.go(4 * SECOND);
    assert.deepEqual(filled(objects), wanted());
    assert.deepEqual(one.log.messages('warn'), []);
    assert.ok(one.log.messages().includes(LOG.registrationFilled));
    assert.equal(state(one)?.isVerified, true);
    assert.equal(state(one)?.unprotectedMs, 0, 'nobody was promised anything before');
    const by = JSON.parse(objects.annotations[DECIDED_BY] ?? '');
    assert.deepEqual([by.pod, by.created], ['one', new Date(NOW).toISOString()]);
  });

  for (const [what, readySince] of [
    ['ahead', NOW + 2 * HOUR],
    ['behind', NOW - 2 * HOUR],
  ] as const) {
    test(`is filled ten seconds after it was seen ready, if the clock of the node is hours ${what}`, async (t) => {
      const objects = aShell();
      objects.pods.set('one', aPod('one', NOW, readySince));
      const one = await begun(t, objects, { name: 'one' });
      await one.go(8 * SECOND);
      assert.deepEqual(objects.webhooks, []);
      await one.go(4 * SECOND);
      assert.deepEqual(filled(objects), wanted());
    });
  }

  test('is filled ten seconds after a restarted container is ready, if the Pod was still called ready before', async (t) => {
    const objects = aShell();
    objects.pods.set('one', aPod('one', NOW, NOW - HOUR));
    const one = await begun(t, objects, { name: 'one' });
    await one.go(8 * SECOND);
    objects.pods.set('one', aPod('one', NOW, one.wall.now));
    await one.go(8 * SECOND);
    assert.deepEqual(objects.webhooks, []);
    await one.go(4 * SECOND);
    assert.deepEqual(filled(objects), wanted());
  });

  test('is looked at every two seconds and no more while the Pod ends', async (t) => {
    const objects = aShell();
    objects.pods.set('one', { ...aPod('one', NOW, NOW - MINUTE), isEnding: true });
    const one = await started(t, objects, { name: 'one' });
    let looks = 0;
    objects.before = (call) => {
      if (call === 'read pod') looks++;
    };
    await one.go(10 * SECOND);
    assert.ok(looks > 2 && looks < 15, `${looks} looks in ten seconds`);
    assert.deepEqual(objects.webhooks, []);
  });

  test('of two replicas that start together is written once', async (t) => {
    const objects = aShell();
    const both = [await started(t, objects), await started(t, objects)];
    for (const one of both) await one.go(HOUR);
    assert.deepEqual(objects.writes, ['secret', 'webhooks']);
  });

  test('is not filled by a replica whose Pod is not to be found: the setting is named, and it is ready', async (t) => {
    const objects = aShell();
    const one = aReplica(objects, { name: 'nobody' });
    objects.pods.delete('nobody');
    t.after(() => one.source.stop());
    one.start();
    await one.rest();
    assert.deepEqual(
      one.log.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields.error),
      ['there is no Pod nobody in namespace db: set POD_NAME, in a pod from metadata.name'],
    );
    assert.equal(one.source.notReady(), undefined);
    assert.deepEqual(objects.webhooks, []);
  });

  test('that is filled already: what is wrong with the Pod of a replica is told before it matters', async (t) => {
    const objects = aShell();
    await started(t, objects);
    const other = aReplica(objects, { name: 'nobody' });
    objects.pods.delete('nobody');
    t.after(() => other.source.stop());
    other.start();
    await other.rest();
    assert.deepEqual(other.log.messages('warn'), [LOG.certificateTrouble]);
    assert.equal(other.source.notReady(), undefined);
  });

  test('that is emptied is filled by a replica that has seen its Pod before, whatever becomes of that read', async (t) => {
    const objects = aShell();
    const one = await started(t, objects);
    await one.source.stop();
    objects.listeners.splice(0);
    await started(t, objects);
    objects.before = (call) => {
      if (call === 'read pod') throw new Error('not now');
    };
    objects.putWebhooks([]);
    await until(() => objects.webhooks?.length === 1, 'filled, while no time passes');
  });

  for (const [what, labels, why] of [
    ['of somebody else', {}, /^the registration hook is not the hook's \(it has no label/],
    [
      'of another installation',
      { 'reschedule.hook/namespace': 'hooks-2' },
      /belongs to the installation in namespace hooks-2: set WEBHOOK_CONFIGURATION/,
    ],
  ] as const) {
    test(`${what} is left alone, and the hook is not ready`, async (t) => {
      const objects = aShell();
      const own = what === 'of somebody else' ? {} : objects.labels;
      objects.labels = { ...own, ...labels };
      const one = await started(t, objects);
      await one.go(HOUR);
      assert.match(one.source.notReady() ?? '', why);
      assert.deepEqual([objects.webhooks, objects.annotations], [[], {}]);
    });
  }

  test('that has webhooks of another namespace belongs to the installation there', async (t) => {
    const objects = new FakeObjects();
    const clientConfig = { service: { namespace: 'elsewhere', name: 'hook', path: '/eviction', port: 443 } };
    objects.webhooks = [aWebhook('', { clientConfig })];
    const one = await started(t, objects);
    assert.match(one.source.notReady() ?? '', /belongs to the installation in namespace elsewhere/);
    assert.deepEqual(objects.writes, ['secret']);
  });
});

describe('what somebody else does to it', () => {
  const harms: readonly (readonly [what: string, changed: string, harm: (now: JsonObject[]) => JsonObject[]])[] = [
    ['empties it', 'webhooks', () => []],
    [
      'narrows the namespaces',
      'namespaceSelector',
      ([one]) => [{ ...one, namespaceSelector: { matchLabels: { a: 'b' } } }],
    ],
    [
      'adds to the selector',
      'namespaceSelector',
      ([one]) => [
        {
          ...one,
          namespaceSelector: { matchExpressions: [...everywhere, { key: 'team', operator: 'Exists' }] },
        },
      ],
    ],
    ['selects objects', 'objectSelector', ([one]) => [{ ...one, objectSelector: { matchLabels: { a: 'b' } } }]],
    [
      'adds a condition',
      'matchConditions',
      ([one]) => [{ ...one, matchConditions: [{ name: 'x', expression: 'false' }] }],
    ],
    ['takes a rule', 'rules', ([one]) => [{ ...one, rules: [] }]],
    ['lets failures pass', 'failurePolicy', ([one]) => [{ ...one, failurePolicy: 'Ignore' }]],
    ['shortens the time', 'timeoutSeconds', ([one]) => [{ ...one, timeoutSeconds: 1 }]],
    [
      'puts a foreign one beside it',
      'webhooks',
      ([one]) => [one as JsonObject, { name: 'other', clientConfig: { url: 'https://x' } }],
    ],
    ['has others called', 'webhooks', () => [{ name: 'other', clientConfig: { url: 'https://x' } }]],
  ];
  for (const [what, changed, harm] of harms) {
    test(`one who ${what} is undone at once, told of and counted`, async (t) => {
      const objects = aShell();
      const one = await started(t, objects);
      const before = structuredClone(objects.webhooks);
      for (let times = 1; times <= 3; times++) {
        objects.putWebhooks(harm(structuredClone(objects.webhooks ?? [])));
        await until(
          () => JSON.stringify(objects.webhooks) === JSON.stringify(before),
          'right again, while no time passes',
        );
        assert.equal(state(one)?.corrections.webhooks, times);
      }
      const told = one.log.lines.filter(({ message }) => message === LOG.registrationCorrected);
      assert.deepEqual(
        told.map(({ level, fields }) => [level, fields.changed]),
        Array(3).fill(['warn', changed]),
      );
    });
  }

  test('what AKS adds to the selector stays', async (t) => {
    const objects = aShell();
    const one = await started(t, objects);
    const added = { key: 'control-plane', operator: 'NotIn', values: ['true'] };
    const matchExpressions = [...everywhere, added];
    objects.putWebhooks([{ ...(objects.webhooks?.[0] as JsonObject), namespaceSelector: { matchExpressions } }]);
    await one.go(HOUR);
    assert.deepEqual(filled(objects).namespaceSelector, { matchExpressions });
    assert.deepEqual(objects.writes, ['secret', 'webhooks']);
    objects.putWebhooks([]);
    await until(() => objects.webhooks?.length === 1, 'filled');
  });

  test('one who changes each write on its way is not met without end', async (t) => {
    const objects = aShell();
    objects.admit = (webhooks) => webhooks.map((one) => ({ ...one, failurePolicy: 'Ignore' }));
    const one = await started(t, objects);
    await one.go(HOUR);
    const writes = objects.writes.filter((what) => what === 'webhooks').length;
    assert.ok(writes > 2 && writes < 30, `${writes} writes in an hour`);
    assert.ok(one.log.messages('warn').includes(LOG.registrationContested));
    assert.equal(state(one)?.corrections.postponed, writes);
  });

  test('an emptied list is filled at once, also while somebody changes each write on its way', async (t) => {
    const objects = aShell();
    objects.admit = (webhooks) => webhooks.map((one) => ({ ...one, timeoutSeconds: 5 }));
    const one = await started(t, objects);
    await one.go(10 * MINUTE);
    objects.putWebhooks([]);
    await until(() => objects.webhooks?.length === 1, 'filled, while no time passes');
    objects.putWebhooks([{ ...(objects.webhooks?.[0] as JsonObject), objectSelector: { matchLabels: { a: 'b' } } }]);
    await until(() => !JSON.stringify(objects.webhooks).includes('matchLabels'), 'so is a narrowed one');
  });

  for (const [what, harm] of [
    [
      'cannot be read',
      (objects: FakeObjects) => {
        objects.before = (call) => {
          if (call === 'read secret') throw new Error('the encryption of Secrets is away');
        };
      },
    ],
    ["is somebody else's now", (objects: FakeObjects) => objects.putData({ password: 'x' })],
  ] as const) {
    test(`a narrowed list is undone at once while the Secret ${what}`, async (t) => {
      const objects = aShell();
      const one = await started(t, objects);
      harm(objects);
      await one.go(MINUTE);
      objects.putWebhooks([{ ...(objects.webhooks?.[0] as JsonObject), rules: [] }]);
      await until(() => JSON.stringify(filled(objects)) === JSON.stringify(wanted()), 'right, while no time passes');
      assert.equal(state(one)?.corrections.webhooks, 1);
    });
  }

  for (const hanging of ['read secret', 'write secret'] as const) {
    for (const [what, harm, isRight] of [
      ['an emptied list', (objects: FakeObjects) => objects.putWebhooks([]), () => true],
      [
        'a narrowed list',
        (objects: FakeObjects) => objects.putWebhooks([{ ...(objects.webhooks?.[0] as JsonObject), rules: [] }]),
        (objects: FakeObjects) => JSON.stringify(filled(objects)) === JSON.stringify(wanted()),
      ],
      [
        'an overwritten caBundle',
        (objects: FakeObjects) => objects.putBundles(['']),
        (objects: FakeObjects) => objects.bundles?.[0] !== '',
      ],
    ] as const) {
      test(`${what} is put right at once while the call "${hanging}" hangs`, async (t) => {
        const objects = aShell();
        const hang = Promise.withResolvers<void>();
        t.after(() => hang.resolve());
        const one = await started(t, objects);
        let hangs = 0;
        objects.before = (call) => {
          if (call !== hanging) return undefined;
          hangs++;
          return hang.promise;
        };
        if (hanging === 'write secret') objects.putData(undefined);
        one.wall.now += MINUTE;
        await one.clock.advance(MINUTE);
        await until(() => hangs === 1, 'the look at the Secret, once a minute');
        harm(objects);
        await until(() => objects.webhooks?.length === 1 && isRight(objects), 'right, while no time passes');
        // And again, while the same call hangs.
        await settle();
        harm(objects);
        await until(() => objects.webhooks?.length === 1 && isRight(objects), 'right, while no time passes');
        assert.equal(hangs, 1);
      });
    }
  }

  test('an overwritten caBundle is put right at once while the Secret cannot be read', async (t) => {
    const objects = aShell();
    const one = await started(t, objects);
    const [before] = objects.bundles ?? [];
    objects.before = (call) => {
      if (call === 'read secret') throw new Error('the encryption of Secrets is away');
    };
    await one.go(MINUTE);
    objects.putBundles(['']);
    await until(() => objects.bundles?.[0] === before, 'right, while no time passes');
  });

  test('one who takes its label does not make the hook unready while that calls it: every eviction would fail', async (t) => {
    const objects = aShell();
    const one = await started(t, objects);
    const labels = objects.labels;
    for (const others of [{}, { ...labels, 'reschedule.hook/namespace': 'hooks-2' }]) {
      objects.labels = others;
      objects.putWebhooks(objects.webhooks);
      await one.rest();
      await one.go(10 * MINUTE);
      assert.equal(one.source.notReady(), undefined);
      assert.equal(one.log.messages('warn').filter((message) => message === LOG.certificateTrouble).length, 1);
      one.log.lines.splice(0);
    }
    assert.deepEqual(objects.writes, ['secret', 'webhooks'], 'it is left alone all the same');
    objects.putWebhooks([]);
    await one.go(MINUTE);
    assert.match(one.source.notReady() ?? '', /belongs to the installation in namespace hooks-2/);
  });

  test('the time without protection is counted from when it was filled', async (t) => {
    const objects = aShell();
    const one = await started(t, objects);
    objects.before = (call) => {
      if (call === 'write webhooks') throw new Error('not now');
    };
    objects.putWebhooks([]);
    await one.rest();
    await one.go(3 * MINUTE);
    const { isRegistered, unprotectedMs = 0 } = state(one) ?? {};
    assert.deepEqual([isRegistered, unprotectedMs], [false, 3 * MINUTE]);
    objects.before = () => undefined;
    await one.go(MINUTE);
    assert.ok((state(one)?.unprotectedMs ?? 0) < 4 * MINUTE);
    const counted = state(one)?.unprotectedMs;
    await one.go(HOUR);
    assert.equal(state(one)?.unprotectedMs, counted);
  });

  test('one who deletes it has switched the hook off: nothing is created, and it is counted', async (t) => {
    const objects = aShell();
    const one = await started(t, objects);
    objects.putWebhooks(undefined);
    await one.rest();
    await one.go(HOUR);
    assert.equal(objects.webhooks, undefined);
    assert.deepEqual(one.log.messages('warn'), [LOG.registrationMissing]);
    assert.deepEqual([state(one)?.isRegistered, state(one)?.unprotectedMs], [false, HOUR]);
    assert.equal(one.source.notReady(), undefined);
    objects.putWebhooks([]);
    await until(() => objects.webhooks?.length === 1, 'filled when it is applied again');
  });

  test('where an injector fills the caBundle, the hook says so, and writes no other', async (t) => {
    const objects = new FakeObjects();
    objects.annotations = { 'cert-manager.io/inject-ca-from': 'db/hook' };
    objects.bundles = [stranger.cert];
    const one = await started(t, objects);
    await one.go(MINUTE);
    assert.deepEqual(objects.bundles, [stranger.cert]);
    const [line] = one.log.lines.filter(({ message }) => message === LOG.bundleInjected);
    assert.equal(line?.fields.annotation, 'cert-manager.io/inject-ca-from');
    assert.equal(state(one)?.isVerified, false);
  });
});

describe('while protected pods are not asked about', () => {
  for (const [what, harm] of [
    ['empty', (objects: FakeObjects) => objects.putWebhooks([])],
    ['gone', (objects: FakeObjects) => objects.putWebhooks(undefined)],
    [
      'narrowed',
      (objects: FakeObjects) => objects.putWebhooks([{ ...(objects.webhooks?.[0] as JsonObject), rules: [] }]),
    ],
  ] as const) {
    test(`because the list is ${what}, a call that fails is tried again each second, for as long as it takes`, async (t) => {
      const objects = aShell();
      const one = await started(t, objects);
      const failing = what === 'gone' ? 'read registration' : 'write webhooks';
      let tries = 0;
      objects.before = (call) => {
        if (call !== failing) return;
        tries++;
        throw new Error('not now');
      };
      // It knows of the change, even if it cannot look at it.
      harm(objects);
      await one.rest();
      await one.go(5 * MINUTE);
      const before = tries;
      await one.go(MINUTE);
      assert.ok(tries - before >= 55 && tries - before <= 65, `${tries - before} tries in a minute`);
    });
  }

  test("somebody else's is not looked at each second", async (t) => {
    const objects = aShell();
    const one = await started(t, objects);
    objects.labels = {};
    objects.putWebhooks([]);
    await one.rest();
    await one.go(5 * MINUTE);
    let looks = 0;
    objects.before = (call) => {
      if (call === 'read registration') looks++;
    };
    await one.go(5 * MINUTE);
    assert.ok(looks <= 25, `${looks} looks in five minutes`);
  });

  test('nothing is tried more often than every half minute if it is not urgent', async (t) => {
    const objects = aShell();
    const one = await started(t, objects);
    let tries = 0;
    objects.before = (call) => {
      if (call !== 'read registration') return;
      tries++;
      throw new Error('not now');
    };
    await one.go(10 * MINUTE);
    const before = tries;
    await one.go(10 * MINUTE);
    // Each of the two keys.
    assert.ok(tries - before <= 2 * 20, `${tries - before} tries in ten minutes`);
  });
});

describe('the time without protection', () => {
  /** While the API server takes its time for each write of the webhooks. */
  const slowly = (objects: FakeObjects, { clock }: Awaited<ReturnType<typeof started>>) => {
    objects.before = (call) => {
      if (call === 'write webhooks') void clock.advance(200);
    };
  };

  test('is none at a first start: the alert would fire at each installation', async (t) => {
    const objects = aShell();
    const one = aReplica(objects);
    t.after(() => one.source.stop());
    slowly(objects, one);
    one.start();
    await one.rest();
    await one.go(MINUTE);
    assert.deepEqual(objects.writes, ['secret', 'webhooks']);
    assert.equal(state(one)?.unprotectedMs, 0);
  });

  test('is none where a newer replica writes what it wants in the place of what an older one wanted', async (t) => {
    const objects = aShell();
    await started(t, objects, { name: 'a', failurePolicy: 'Ignore' });
    const other = aReplica(objects, { name: 'b' });
    t.after(() => other.source.stop());
    slowly(objects, other);
    other.start();
    await other.rest();
    await other.go(MINUTE);
    assert.deepEqual(objects.writes, ['secret', 'webhooks', 'webhooks']);
    assert.equal(state(other)?.unprotectedMs, 0);
  });

  for (const [what, harm] of [
    ['emptied', () => []],
    ['narrowed', ([one]: JsonObject[]) => [{ ...one, rules: [] }]],
  ] as const) {
    test(`counts from the restart of a replica that finds it ${what}, and it is put right, not filled`, async (t) => {
      const objects = aShell();
      const before = await started(t, objects);
      await before.source.stop();
      objects.listeners.splice(0);
      objects.putWebhooks(harm(structuredClone(objects.webhooks ?? [])) as JsonObject[]);
      objects.pods.set('restarted', aPod('restarted', NOW));
      const one = await begun(t, objects, { name: 'restarted' });
      await one.go(30 * SECOND);
      assert.equal(state(one)?.unprotectedMs, 30 * SECOND);
      objects.pods.set('restarted', aPod('restarted', NOW, one.wall.now));
      await one.go(14 * SECOND);
      assert.deepEqual(filled(objects), wanted());
      const { unprotectedMs = 0, corrections } = state(one) ?? {};
      assert.ok(unprotectedMs >= 40 * SECOND && unprotectedMs < 44 * SECOND, `${unprotectedMs} ms`);
      assert.equal(corrections?.webhooks, 1);
      assert.ok(one.log.messages('warn').includes(LOG.registrationCorrected));
    });
  }

  test('is none at a first start in the place of a registration that was written by hand', async (t) => {
    const objects = new FakeObjects();
    objects.webhooks = [aWebhook('', { failurePolicy: 'Ignore' })];
    const one = await started(t, objects);
    assert.deepEqual(filled(objects), wanted());
    assert.deepEqual([state(one)?.unprotectedMs, state(one)?.corrections.webhooks], [0, 0]);
    assert.ok(one.log.messages('info').includes(LOG.registrationFilled));
  });

  test('counts from when a first start could not fill it', async (t) => {
    const objects = aShell();
    objects.before = (call) => {
      if (call === 'write webhooks') throw new Error('not now');
    };
    const one = await begun(t, objects);
    await one.go(5 * MINUTE);
    const { unprotectedMs = 0 } = state(one) ?? {};
    assert.ok(unprotectedMs > 4 * MINUTE && unprotectedMs <= 5 * MINUTE, `${unprotectedMs} ms`);
  });
});

describe('the bundle', () => {
  test('keeps what another replica may serve by for an hour, also when the list was emptied', async (t) => {
    const objects = aShell();
    const one = await started(t, objects);
    const [own = ''] = objects.bundles ?? [];
    objects.putBundles([`${own}${stranger.cert}`]);
    await one.go(MINUTE);
    objects.putWebhooks([]);
    await until(() => objects.webhooks?.length === 1, 'filled');
    assert.equal(certificatesIn(objects.bundles?.[0] ?? '').length, 2);
    await one.go(HOUR + MINUTE);
    assert.equal(certificatesIn(objects.bundles?.[0] ?? '').length, 1);
  });

  test('keeps what has ended by the clock of one replica, which may be ahead: another may serve by it', async (t) => {
    const objects = aShell();
    const one = await started(t, objects);
    one.wall.now += 2 * CA_MS;
    objects.putBundles([`${objects.bundles?.[0]}${stranger.cert}`]);
    await one.go(10 * MINUTE);
    assert.ok(objects.bundles?.[0]?.includes(stranger.cert));
    await one.go(HOUR);
    assert.ok(!objects.bundles?.[0]?.includes(stranger.cert));
  });

  test('overwritten every ten seconds is right at once each time, counted, and never raced', async (t) => {
    const objects = aShell();
    const one = await started(t, objects);
    for (let times = 1; times <= 30; times++) {
      objects.putBundles([stranger.cert]);
      await until(() => certificatesIn(objects.bundles?.[0] ?? '').length === 2, 'put right, while no time passes');
      await one.go(10 * SECOND);
      assert.equal(state(one)?.corrections.bundle, times);
    }
    assert.equal(objects.writes.filter((what) => what === 'bundle').length, 30);
  });
});

describe('a bundle that others fill up', () => {
  const count = ({ bundles }: FakeObjects) => certificatesIn(bundles?.[0] ?? '').length;

  test('keeps 200 of what they write, and says and counts what it leaves out', async (t) => {
    const objects = aShell();
    const one = await started(t, objects);
    objects.putBundles([`${objects.bundles?.[0]}${forgeries(stranger.cert, 300).join('')}`]);
    await until(() => count(objects) === 201, 'its own and 200');
    assert.equal(state(one)?.authoritiesLeftOut, 100);
    const [line] = one.log.lines.filter(({ message }) => message === LOG.authoritiesLeftOut);
    assert.deepEqual([line?.level, line?.fields.leftOut], ['warn', 100]);
    await one.go(HOUR + 2 * MINUTE);
    assert.equal(count(objects), 1);
    assert.equal(state(one)?.authoritiesLeftOut, 100);
  });

  test('loses nothing that a replica has written, first or last, by a replica that runs or starts', async (t) => {
    const objects = aShell();
    const [before, after] = await Promise.all(
      ['before', 'after'].map((name) => createAuthority(name, caValidity(NOW, CA_MS))),
    );
    await started(t, objects);
    objects.putBundles([`${objects.bundles?.[0]}${before?.cert}`], 'reschedule-hook');
    await settle();
    objects.putBundles([`${forgeries(stranger.cert, 300).join('')}${objects.bundles?.[0]}`]);
    await until(() => count(objects) === 201, 'full');
    objects.putBundles([`${objects.bundles?.[0]}${after?.cert}`], 'reschedule-hook');
    await settle();
    const one = await started(t, objects);
    objects.putBundles([`${forgeries(stranger.cert, 900).join('')}${objects.bundles?.[0]}`]);
    await until(() => count(objects) < 300, 'full again');
    for (const each of [before, after]) assert.ok(objects.bundles?.[0]?.includes(each?.cert.trim() ?? '-'));
    assert.equal(one.source.notReady(), undefined);
  });

  test('still leaves room in the Secret for a first authority: the hook becomes ready', async (t) => {
    const objects = new FakeObjects();
    objects.bundles = [forgeries(stranger.cert, 1_500).join('')];
    const one = await begun(t, objects);
    await one.rest();
    assert.equal(one.source.notReady(), undefined);
    const bytes = Object.values(objects.data ?? {}).join('').length;
    assert.ok(bytes < 1024 * 1024, `${bytes} bytes`);
  });
});

describe('replicas that want different things', () => {
  const older = { name: 'older', failurePolicy: 'Fail' } as const;
  const newer = { name: 'newer', failurePolicy: 'Ignore' } as const;

  function anUpgrade() {
    const objects = aShell();
    objects.pods.set('older', aPod('older', NOW - 5 * MINUTE, NOW - 4 * MINUTE));
    objects.pods.set('newer', aPod('newer', NOW - 2 * MINUTE, NOW - MINUTE));
    return objects;
  }

  test('the one whose Pod was created last decides, in one write, and nobody warns', async (t) => {
    const objects = anUpgrade();
    const one = await started(t, objects, older);
    const other = await started(t, objects, newer);
    for (const each of [one, other, one]) await each.go(HOUR);
    assert.equal(filled(objects).failurePolicy, 'Ignore');
    assert.deepEqual(objects.writes, ['secret', 'webhooks', 'webhooks']);
    assert.deepEqual([...one.log.messages('warn'), ...other.log.messages('warn')], []);
    assert.equal(state(one)?.unprotectedMs, 0);
  });

  test('the older one writes an empty list all the same, and the newer one puts its own', async (t) => {
    const objects = anUpgrade();
    await started(t, objects, older);
    const other = await started(t, objects, newer);
    const listeners = objects.listeners.splice(1);
    objects.putWebhooks([]);
    await until(() => objects.webhooks?.length === 1, 'filled by the older one');
    assert.equal(filled(objects).failurePolicy, 'Fail');
    objects.listeners.push(...listeners);
    await other.go(MINUTE);
    assert.equal(filled(objects).failurePolicy, 'Ignore');
  });

  test('two versions with the same settings are two, too: the one whose Pod was created last decides', async (t) => {
    const objects = anUpgrade();
    const left = { key: 'another-version/leaves-out', operator: 'DoesNotExist' } as const;
    const scope = { ...EVERYWHERE, fixed: [...everywhere, left], namespaces: () => [...everywhere, left] };
    const one = await started(t, objects, { name: 'older' });
    const other = await started(t, objects, { name: 'newer', scope });
    for (const each of [one, other, one, other]) await each.go(5 * MINUTE);
    assert.deepEqual(objects.writes, ['secret', 'webhooks', 'webhooks']);
    assert.deepEqual([...one.log.messages('warn'), ...other.log.messages('warn')], []);
  });

  for (const [what, change] of [
    ['gone', (objects: FakeObjects) => objects.pods.delete('newer')],
    [
      'another of its name',
      (objects: FakeObjects) => objects.pods.set('newer', { ...aPod('newer', NOW), uid: 'other' }),
    ],
    ['ending', (objects: FakeObjects) => objects.pods.set('newer', { ...aPod('newer', NOW, NOW), isEnding: true })],
    ['not ready any more', (objects: FakeObjects) => objects.pods.set('newer', aPod('newer', NOW))],
  ] as const) {
    test(`the older one decides again once the newer is ${what}, as after a rollback that nobody finished`, async (t) => {
      const objects = anUpgrade();
      const one = await started(t, objects, older);
      const other = await started(t, objects, newer);
      await other.source.stop();
      change(objects);
      await one.go(2 * MINUTE);
      assert.equal(filled(objects).failurePolicy, 'Fail');
      assert.deepEqual(one.log.messages('warn'), []);
    });
  }

  test('what the annotation says of an age counts only if the API server says the same', async (t) => {
    const objects = anUpgrade();
    const one = await started(t, objects, newer);
    const forged = { pod: 'older', uid: 'uid-of-older', created: '2099-01-01T00:00:00Z', wants: 'something' };
    objects.annotations = { [DECIDED_BY]: JSON.stringify(forged) };
    objects.putWebhooks([aWebhook(objects.bundles?.[0] ?? '', { failurePolicy: 'Fail' })]);
    await one.go(MINUTE);
    assert.equal(filled(objects).failurePolicy, 'Ignore');
  });

  const named = (pod: string) => JSON.stringify({ pod, uid: 'x', created: '2099-01-01T00:00:00Z', wants: 'y' });
  for (const annotation of ['', 'x', '[]', 'null', '{"pod":1}', '{}', ...['..', 'a/b', 'A', '-'].map(named)]) {
    test(`an annotation that no replica writes (${annotation}) decides nothing`, async (t) => {
      const objects = anUpgrade();
      const one = await started(t, objects, older);
      objects.annotations = { [DECIDED_BY]: annotation };
      objects.before = (call) => {
        if (call === 'read pod') throw new Error('this is not the name of an object');
      };
      objects.putWebhooks([aWebhook(objects.bundles?.[0] ?? '', { failurePolicy: 'Ignore' })]);
      await one.go(MINUTE);
      assert.equal(filled(objects).failurePolicy, 'Fail');
    });
  }
});

test('a selector of namespaces is registered beside those that are always left out', async (t) => {
  const objects = aShell();
  const scope = scopeOf('protect in (true)', [{ op: 'in', key: 'protect', values: ['true'] }], 'db');
  await started(t, objects, { scope });
  assert.deepEqual((filled(objects).namespaceSelector as JsonObject).matchExpressions, [
    { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', 'db'] },
    { key: 'protect', operator: 'In', values: ['true'] },
  ]);
});
