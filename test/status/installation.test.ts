import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { findInstallation, waitRegistered } from '../../src/status/installation.ts';
import { FakeApi } from '../support/api.ts';
import { FakeClock, settle } from '../support/time.ts';

type Registration = JsonObject & { readonly metadata: { readonly name: string; readonly labels?: object } };

const REGISTRATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';

function aRegistration(name: string, called: readonly string[]): Registration {
  const labels = { 'reschedule.hook/namespace': 'hooks' };
  const webhooks = called.map((one) => ({
    clientConfig: { service: { namespace: one, name: 'reschedule-hook-server' } },
  }));
  return { metadata: { name, labels }, ...(called.length === 0 ? {} : { webhooks }) };
}

function aWait(name?: string) {
  const cluster = new FakeApi();
  const clock = new FakeClock();
  const printed: string[] = [];
  const complaints: string[] = [];
  const stop = new AbortController();
  const set = (...all: readonly Registration[]) => {
    cluster.lists.set(REGISTRATIONS, all);
    for (const one of all) cluster.put(`${REGISTRATIONS}/${one.metadata.name}`, one);
  };
  const run = () =>
    waitRegistered(name, 60_000, {
      client: cluster,
      clock,
      print: (text) => printed.push(text),
      complain: (line) => complaints.push(line),
      stop: stop.signal,
    });
  return { cluster, clock, printed, complaints, stop, set, run };
}

describe('status --wait-registered', () => {
  test('of a registration that is filled ends at once, by its name and without', async () => {
    for (const name of ['a', undefined]) {
      const { set, run, printed, complaints } = aWait(name);
      set(aRegistration('a', ['hooks']));
      assert.equal(await run(), 0);
      assert.deepEqual(printed, ['registered: the API server asks the hook of a about evictions\n']);
      assert.deepEqual(complaints, []);
    }
  });

  test('says after two seconds what it waits for, again when that changes, and ends when it is filled', async () => {
    const { clock, set, run, complaints, printed } = aWait('a');
    const done = run();
    await clock.advance(1_900);
    assert.deepEqual(complaints, []);
    await clock.advance(600);
    assert.deepEqual(complaints, ['waiting: there is no registration a']);
    set(aRegistration('a', []));
    await clock.advance(1_000);
    assert.match(complaints[1] ?? '', /^waiting: the registration a has no webhooks; /);
    set(aRegistration('a', ['elsewhere']));
    await clock.advance(1_000);
    assert.equal(complaints[2], 'waiting: the registration a has no webhook that calls the hook in namespace hooks');
    await clock.advance(16_000);
    assert.equal(complaints.length, 4, 'and once more after a while');
    set(aRegistration('a', ['elsewhere', 'hooks']));
    await clock.advance(1_000);
    assert.equal(await done, 0);
    assert.equal(printed.length, 1);
  });

  test('ends with 1 when the time is over, and with what was missing', async () => {
    const { clock, cluster, run, complaints } = aWait('a');
    cluster.before = () => {
      throw new ApiError(403, 'Forbidden', { message: 'not allowed' });
    };
    const done = run();
    await clock.advance(61_000);
    assert.equal(await done, 1);
    assert.match(complaints.at(-1) ?? '', /^not registered after 1m: the registration cannot be read: .*not allowed/);
  });

  test('ends with 1 when it is stopped', async () => {
    const { stop, run } = aWait('a');
    const done = run();
    await settle();
    stop.abort();
    assert.equal(await done, 1);
  });

  test('of several installations asks which', async () => {
    const { set, run } = aWait();
    set(aRegistration('a', []), aRegistration('b', ['hooks']));
    await assert.rejects(run(), /^UsageError: several hooks are installed: choose one with --installation \(a, b\)$/);
  });

  test('of one that is made by somebody else is content with any webhook', async () => {
    const { set, run } = aWait('a');
    set({ metadata: { name: 'a' }, webhooks: [{ clientConfig: { url: 'https://127.0.0.1' } }] });
    assert.equal(await run(), 0);
  });
});

describe('which installation', () => {
  test('the only one, none, or none that may be known', async () => {
    const cluster = new FakeApi();
    cluster.lists.set(REGISTRATIONS, []);
    assert.equal(await findInstallation(cluster), undefined);
    cluster.lists.set(REGISTRATIONS, [aRegistration('a', [])]);
    assert.equal(await findInstallation(cluster), 'a');
    assert.equal(cluster.requests.at(-1)?.query?.labelSelector, 'app.kubernetes.io/name=reschedule-hook');
    cluster.before = () => {
      throw new ApiError(403, 'Forbidden', { message: 'not allowed' });
    };
    assert.equal(await findInstallation(cluster), undefined);
  });
});
