import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { LOG } from '../../../src/log/messages.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { startApiGate } from '../support/api-gate.ts';
import { eventsOf } from '../support/events.ts';
import { evictUntil, MARKED, metric } from '../support/evict.ts';
import { aSelfKept, type SelfKept } from '../support/own-certificates.ts';
import { startUnready } from '../support/own-hook.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';
import { said, untilSaid } from '../support/told.ts';

const HOUR_MS = 3_600_000;
const NODE_OPTIONS = `--import=${new URL('../support/wrong-clock.ts', import.meta.url).href}`;

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

/** The settings of a hook whose clock is ahead. */
const ahead = (ms: number) => ({ NODE_OPTIONS, CLOCK_AHEAD_MS: `${ms}` });

async function assertMeasured(hook: HookProcess, aheadMs: number): Promise<void> {
  const measured = (await metric(hook, 'reschedule_hook_clock_ahead_seconds')) * 1000;
  assert.ok(Math.abs(measured - aheadMs) < 60_000, `${measured} ms`);
}

/** Of the Secret of the authorities, and of the registration: each write changes one. */
async function versionsOf({ secretPath, registrationPath }: SelfKept): Promise<unknown[]> {
  const paths = [secretPath, registrationPath];
  const objects = await Promise.all(paths.map((path) => rig.client.json({ method: 'GET', path })));
  return objects.map(({ metadata }) => (metadata as { resourceVersion?: string }).resourceVersion);
}

describe('a hook whose clock is wrong, on the real control plane', { concurrency: 3 }, () => {
  test('two hours ahead: the API server takes its certificate, and a fresh mark is fresh', async () => {
    const kept = await aSelfKept(rig, 'ahead');
    const hook = await kept.replica(ahead(2 * HOUR_MS));
    await kept.register();
    await hook.start();
    await kept.untilAsked();
    await assertMeasured(hook, 2 * HOUR_MS);
    await using scene = await aScene({ rig, hook: 'ahead', namespace: 'ahead-pods', size: 1, pdb: false });
    await scene.operator.pause();
    await evictUntil(scene, 'cb-0000', MARKED);
    const events = await scene.until('the Events', async () => {
      const seen = await eventsOf(scene);
      return seen.length >= 2 && seen;
    });
    assert.deepEqual(new Set(events.map(({ reason }) => reason)), new Set(['RescheduleRequested']));
    const { message } = await evictUntil(scene, 'cb-0000', /\(marked .* ago/);
    assert.match(message, /\(marked \d+s ago/);
    assert.doesNotMatch(message, /stalled/);
    assert.deepEqual(said([hook], LOG.stalled), []);
    const [entry = ''] = Object.values(await scene.entries());
    assert.ok(Math.abs(Date.parse(JSON.parse(entry).at) - Date.now()) < 10 * 60_000, entry);
  });

  test('behind by 400 days, beside one in time: both serve, by one authority, and they do not replace it', async () => {
    const behindMs = -400 * 24 * HOUR_MS;
    const kept = await aSelfKept(rig, 'behind');
    // Looked at every three seconds, and renewed every quarter of a minute.
    const lifetimes = { CERTIFICATE_LIFETIME: '30s', CA_LIFETIME: '1h' };
    const hooks = [await kept.replica({ ...lifetimes, ...ahead(behindMs) }), await kept.replica(lifetimes)];
    await kept.register();
    for (const hook of hooks) await hook.start();
    await kept.untilAsked();
    await assertMeasured(hooks[0] as HookProcess, behindMs);
    for (const hook of hooks) await untilSaid([hook], LOG.certificateLoaded, 3);
    assert.equal(said(hooks, LOG.authorityCreated).length, 1);
    assert.equal(said(hooks, LOG.registrationFilled).length, 1);
    assert.equal(said(hooks, LOG.bundleCorrected).length, 0);
  });

  test('behind by 400 days, with nothing to tell it so: it never replaces an authority that it holds for not valid yet', async () => {
    const kept = await aSelfKept(rig, 'misled');
    const gate = await startApiGate(rig);
    // As a cache in between adds it: the hook does not take its time from such an answer.
    gate.headers = { age: '1' };
    // Looked at twice in a second, and renewed every few.
    const lifetimes = { CERTIFICATE_LIFETIME: '6s', CA_LIFETIME: '1h' };
    const inTime = await kept.replica(lifetimes);
    await kept.register();
    await inTime.start();
    await kept.untilAsked();
    const before = await versionsOf(kept);

    const trusted = { server: gate.url, ca: rig.authority.ca };
    const misled = await kept.replica({ ...lifetimes, ...ahead(-400 * 24 * HOUR_MS) }, trusted);
    const { ready } = await startUnready(misled);
    assert.ok(Number.isNaN(await metric(misled, 'reschedule_hook_clock_ahead_seconds')), 'it cannot know');
    const { length } = said([inTime], LOG.certificateLoaded);
    await Promise.all([
      untilSaid([misled], LOG.certificateLoaded, 8),
      untilSaid([inTime], LOG.certificateLoaded, length + 8),
    ]);
    const changes = [LOG.authorityCreated, LOG.registrationFilled, LOG.bundleCorrected, LOG.authorityAdopted];
    assert.deepEqual(
      changes.map((message) => said([inTime, misled], message).length),
      [1, 1, 0, 0],
    );
    const looks = gate.passed.filter(({ method, path }) => method === 'GET' && path === kept.secretPath);
    assert.ok(looks.length > 8, `${looks.length} looks at the authority`);
    const writes = gate.passed.filter(
      ({ method, path }) => method !== 'GET' && [kept.secretPath, kept.registrationPath].includes(path),
    );
    assert.deepEqual(writes, []);

    gate.headers = {};
    await ready;
    assert.deepEqual(await versionsOf(kept), before, 'not one write, by whomever');
  });
});
