import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConfiguredProfile } from '../../src/config/profiles/configured-profile.ts';
import { LOG } from '../../src/log/messages.ts';
import { LEAVING_MS } from '../../src/reload/profile-plan.ts';
import { ProfilesFileReconciler } from '../../src/reload/profiles-file.ts';
import { aLog } from '../support/log.ts';
import { FakeClock } from '../support/time.ts';
import { aProfile } from './profiles.ts';

/** A file with the names of profiles, one a line. Text with `?` is wrong, and a missing one cannot be read. */
function aFile(...first: string[]) {
  const [clock, log] = [new FakeClock(), aLog()];
  const world: { text: string | undefined; reads: number; refusal: string | undefined } = {
    text: first.join('\n'),
    reads: 0,
    refusal: undefined,
  };
  const replaced: string[][] = [];
  const parse = (text: string): ConfiguredProfile[] => {
    world.reads += 1;
    if (text.includes('?')) throw new Error('profiles.yaml:1 is wrong\nprofiles.yaml:2 as well');
    return text.split('\n').map((name) => ({ ...aProfile(name), ...(name === 'risky' && { warning: 'take care' }) }));
  };
  const read = () => {
    if (world.text === undefined) throw new Error('ENOENT');
    return world.text;
  };
  const reconciler = new ProfilesFileReconciler({
    file: { read, parse },
    profiles: first.map(aProfile),
    async replace(profiles) {
      if (world.refusal !== undefined) throw new Error(world.refusal);
      replaced.push(profiles.map(({ name }) => name));
    },
    clock,
    log,
  });
  const look = () => reconciler.reconcile('profiles', new AbortController().signal);
  return { world, clock, log, reconciler, replaced, look };
}

describe('PROFILES_FILE', () => {
  test('that has not changed changes nothing, and is parsed once', async () => {
    const { look, replaced, reconciler, world, log } = aFile('a');
    assert.deepEqual([await look(), await look()], Array(2).fill({ requeueAfterMs: 5_000 }));
    assert.deepEqual([replaced, reconciler.problem, world.reads, log.lines], [[], undefined, 1, []]);
  });

  test('that has changed is in force at the next look, and what it has no more five minutes later', async () => {
    const { look, replaced, world, clock, log } = aFile('a');
    world.text = 'b\nrisky';
    await look();
    await look();
    assert.deepEqual(replaced, [['b', 'risky', 'a']]);
    await clock.advance(LEAVING_MS);
    await look();
    assert.deepEqual(replaced.at(-1), ['b', 'risky']);
    assert.deepEqual(
      log.lines.map(({ message, fields }) => [message, fields]),
      [
        [LOG.profilesChanged, { profiles: 'b, risky', leaving: 'a' }],
        [LOG.profileWarning, { profile: 'risky', warning: 'take care' }],
        [LOG.profilesChanged, { profiles: 'b, risky', leaving: undefined }],
      ],
    );
  });

  test('that is wrong, or gone, leaves the last good one in force, and is told of once', async () => {
    const { look, replaced, world, clock, log, reconciler } = aFile('a', 'b');
    const problems = () => log.lines.filter(({ message }) => message === LOG.profilesRefused);
    world.text = 'b';
    await look();
    world.text = '?';
    await look();
    await look();
    assert.equal(reconciler.problem, 'profiles.yaml:1 is wrong; profiles.yaml:2 as well');
    assert.equal(problems().length, 1);
    await clock.advance(LEAVING_MS);
    await look();
    assert.deepEqual(replaced, [['b', 'a'], ['b']], 'what the last good one removed goes all the same');
    world.text = undefined;
    await look();
    assert.match(reconciler.problem ?? '', /ENOENT/);
    world.text = 'b';
    await look();
    assert.deepEqual([reconciler.problem, replaced.length], [undefined, 2]);
  });

  test('that the hook lacks a right for is tried again until it has it', async () => {
    const { look, replaced, world, log, reconciler } = aFile('a');
    Object.assign(world, { text: 'a\nb', refusal: 'permissions are missing: list namespaces' });
    await look();
    await look();
    assert.match(reconciler.problem ?? '', /permissions are missing/);
    assert.equal(log.messages().filter((message) => message === LOG.profilesRefused).length, 1);
    world.refusal = undefined;
    await look();
    assert.deepEqual([replaced, reconciler.problem], [[['a', 'b']], undefined]);
  });

  test('may have as many selectors as can be watched, together with what it had before', async () => {
    const { look, replaced, world, clock, reconciler } = aFile('a');
    const many = Array.from({ length: 24 }, (_, i) => `p${i}`);
    world.text = ['a', ...many.slice(1)].join('\n');
    await look();
    assert.equal(replaced.length, 1);
    world.text = many.join('\n');
    await look();
    assert.match(reconciler.problem ?? '', /there are 25 selectors, and the hook watches 24 at most/);
    world.text = many.slice(1).join('\n');
    await look();
    await clock.advance(LEAVING_MS);
    world.text = many.join('\n');
    await look();
    assert.deepEqual(replaced.at(-1), many);
  });

  test('is not told to be wrong by a look that a stop cuts short', async () => {
    const { world, reconciler, log } = aFile('a');
    const stop = new AbortController();
    world.text = 'b';
    world.refusal = 'aborted';
    stop.abort();
    await assert.rejects(reconciler.reconcile('profiles', stop.signal), { name: 'AbortError' });
    assert.deepEqual(log.lines, []);
  });
});
