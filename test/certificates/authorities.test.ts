import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Authorities, bundleOf, planAuthorities, strangersIn } from '../../src/certificates/authorities.ts';
import { createAuthority, issue } from '../../src/certificates/issuing.ts';
import { caValidity, servingValidity } from '../../src/certificates/lifetimes.ts';
import { isTrusted } from '../../src/certificates/pem.ts';

const NOW = Date.parse('2026-06-01T00:00:00Z');
const DAY = 24 * 3_600_000;
const CA = 90 * DAY;
const SERVING = 7 * DAY;

const anAuthority = (endsIn = CA) => createAuthority('test', caValidity(NOW, endsIn));
const first = await anAuthority();
const second = await anAuthority();
const third = await anAuthority();
const ended = await anAuthority(-DAY);
const ending = await anAuthority(CA / 3 - 1000);
const serving = await issue(first, {
  name: 'hook.db.svc',
  hosts: ['hook.db.svc', '127.0.0.1'],
  usage: 'server',
  ...servingValidity(NOW, SERVING, NOW + CA),
});

const all: Authorities = { signing: first, next: second, retired: [{ cert: third.cert, until: NOW + DAY }] };

describe('what is to be done about the authorities', () => {
  const plan = (authorities: Authorities, isNextSettled = false, now = NOW) =>
    planAuthorities(authorities, { now, caLifetimeMs: CA, servingLifetimeMs: SERVING, isNextSettled });

  test('nothing, while more than a third of the lifetime is left', () => {
    assert.deepEqual(plan({ signing: first, retired: [] }), { kind: 'keep' });
  });

  test('the next one is introduced when a third is left, once', () => {
    assert.deepEqual(plan({ signing: ending, retired: [] }), { kind: 'introduce' });
    assert.deepEqual(plan({ signing: ending, next: second, retired: [] }), { kind: 'keep' });
  });

  test('it signs only once the registration has carried it; the one before stays in the bundle for what it signed', () => {
    assert.deepEqual(plan({ signing: ending, next: second, retired: all.retired }, true), {
      kind: 'write',
      change: 'promoted',
      authorities: { signing: second, retired: [{ cert: ending.cert, until: NOW + SERVING }, ...all.retired] },
    });
  });

  test('where the one that signs has ended, the next signs at once, and without a next one a new one does', () => {
    const step = plan({ signing: ended, next: second, retired: [] });
    assert.equal(step.kind === 'write' && step.authorities.signing, second);
    assert.equal(plan({ signing: ended, retired: [] }).kind, 'replace');
    assert.equal(plan({ signing: ended, next: ended, retired: [] }).kind, 'replace');
  });

  test('a next one that has ended itself is introduced anew', () => {
    assert.deepEqual(plan({ signing: ending, next: ended, retired: [] }, true), { kind: 'introduce' });
  });

  test('one that was made by a clock half a year ahead is valid here', async () => {
    const ahead = await createAuthority('ahead', caValidity(NOW + 180 * DAY, CA));
    assert.deepEqual(plan({ signing: ahead, retired: [] }), { kind: 'keep' });
  });

  test('what is not valid yet by a clock that is behind stays, whatever it is', async () => {
    const behind = NOW - 400 * DAY;
    assert.deepEqual(plan({ signing: first, retired: [] }, false, behind), { kind: 'keep' });
    const own = await createAuthority('behind', caValidity(behind, CA / 4));
    assert.deepEqual(plan({ signing: own, next: second, retired: [] }, false, behind), { kind: 'keep' });
    assert.deepEqual(plan(all, false, behind), { kind: 'keep' });
    assert.deepEqual(strangersIn(first.cert, '', behind), [first.cert]);
  });

  test('a retired one goes when nothing it signed can be valid, or it has ended', () => {
    const due = { cert: third.cert, until: NOW };
    const kept = { cert: third.cert, until: NOW + 1 };
    assert.deepEqual(plan({ signing: first, retired: [due, { cert: ended.cert, until: NOW + DAY }, kept] }), {
      kind: 'write',
      change: 'tidied',
      authorities: { signing: first, retired: [kept] },
    });
  });
});

describe('bundles', () => {
  test('strangers are the valid authorities that are not known', () => {
    const text = [first.cert, second.cert, ended.cert, serving.cert, 'rubbish', second.cert].join('\n');
    assert.deepEqual(strangersIn(text, bundleOf({ signing: first, retired: [] }), NOW), [second.cert]);
  });

  test('a certificate is trusted by its authority, for its name and its time', () => {
    const trusted = (bundle: string, host = 'hook.db.svc', now = NOW) => isTrusted(serving.cert, bundle, host, now);
    assert.equal(trusted(first.cert), true);
    assert.equal(trusted(`${second.cert}\n${first.cert}`), true);
    assert.equal(trusted(second.cert), false);
    assert.equal(trusted(''), false);
    assert.equal(trusted('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'), false);
    assert.equal(trusted(serving.cert), true, 'it needs no authority if it is there itself');
    assert.equal(trusted(first.cert, 'other.db.svc'), false);
    assert.equal(trusted(first.cert, 'hook.db.svc', NOW + SERVING), false);
    assert.equal(trusted(first.cert, 'hook.db.svc', NOW - 366 * DAY), false);
  });
});
