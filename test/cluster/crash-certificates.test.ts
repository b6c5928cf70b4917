import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { createAuthority } from '../../src/rehearsal/certificates.ts';
import type { HookProcess } from '../../src/rehearsal/hook-process.ts';
import { type ApiGate, type Passing, startApiGate } from './support/api-gate.ts';
import { aSelfKept, type SelfKept } from './support/own-certificates.ts';
import { type Rig, startRig } from './support/rig.ts';

interface CrashPoint {
  readonly write: string;
  readonly is: (request: Passing) => boolean;
  /** The authority is there already, and the registration carries somebody else's. */
  readonly isTakenOver?: boolean;
}

const POINTS: readonly CrashPoint[] = [
  { write: 'create-secret', is: ({ method, path }) => method === 'POST' && path.endsWith('/secrets') },
  {
    write: 'write-bundle',
    is: ({ method, path }) => method === 'PATCH' && path.includes('/validatingwebhookconfigurations/'),
  },
  {
    write: 'adopt-bundle',
    is: ({ method, path }) => method === 'PUT' && path.includes('/secrets/'),
    isTakenOver: true,
  },
];

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

/** The next such write is the last thing that the process does. Resolves when it has gone. */
function killAt(gate: ApiGate, { is }: CrashPoint, when: 'before' | 'after', kill: () => Promise<unknown>) {
  const { promise, resolve } = Promise.withResolvers<void>();
  gate.rule = (request) => {
    if (!is(request)) return undefined;
    gate.rule = () => undefined;
    return { kind: 'lose', applied: when === 'after', atThat: () => kill().then(() => resolve()) };
  };
  return promise;
}

/** Lets it make an authority, and registers it anew with that of somebody else. */
async function takeOver(kept: SelfKept, hook: HookProcess, stranger: string): Promise<void> {
  await hook.start();
  await hook.stop();
  await kept.register([hook], stranger);
}

/** What the registration carried before stays in it, so that nobody who serves by it is refused. */
async function assertKept(kept: SelfKept, stranger: string): Promise<void> {
  for (const bundle of await kept.bundles()) assert.ok(bundle.includes(stranger.trim()));
}

async function crashAndCheck(t: TestContext, point: CrashPoint, when: 'before' | 'after'): Promise<void> {
  const name = `${point.write}-${when}`;
  const gate = await startApiGate(rig);
  const kept = await aSelfKept(rig, name, { server: gate.url, ca: rig.authority.ca });
  const hook = await kept.replica();
  t.after(() => hook.stop());
  const stranger = (await createAuthority()).ca;
  await kept.register([hook]);
  if (point.isTakenOver) await takeOver(kept, hook, stranger);

  const killed = killAt(gate, point, when, async () => {
    hook.kill('SIGKILL');
    await hook.exited;
  });
  await assert.rejects(hook.start(), /ended with SIGKILL before it was ready/);
  await killed;
  const left = await kept.secret();
  await hook.start();

  await kept.untilAsked();
  if (point.isTakenOver) await assertKept(kept, stranger);
  else if (left !== undefined) assert.deepEqual(await kept.secret(), left, 'no second authority is made');
}

describe('the hook is killed at a write of its certificates, and started again', { concurrency: 3 }, () => {
  for (const point of POINTS) {
    for (const when of ['before', 'after'] as const) {
      const seen = when === 'before' ? 'before the API server has it' : 'when it is done, and nobody has heard';
      test(`${point.write}, ${seen}: it is ready, and the API server trusts it`, (t) => crashAndCheck(t, point, when));
    }
  }
});
