import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { createAuthority } from '../../../testkit/certificates.ts';
import { couchbaseLabels } from '../../../testkit/couchbase/member.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { untilTrue } from '../../support/until-true.ts';
import { type ApiGate, startApiGate } from '../support/api-gate.ts';
import { assertEnd, CERTIFICATE_POINTS, type CertificatePoint } from '../support/certificate-points.ts';
import { MEMBERS } from '../support/crash-points.ts';
import { killAt, settled, WHEN } from '../support/doom.ts';
import { drainPatiently } from '../support/drainer.ts';
import { aSelfKept } from '../support/own-certificates.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';

const LABEL = 'test/crash-certificate';
/** Two starts of the hook lie within, on a machine that may have much else to do. */
const PATIENCE = { everyMs: 200 };

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

/** Both members move, once, and nobody is evicted: the API server asks the hook, and trusts it. */
async function drainAndCheck(name: string): Promise<void> {
  const labels = (cluster: string, pod: string) => ({ ...couchbaseLabels(cluster, pod), [LABEL]: name });
  await using scene = await aScene({
    rig,
    hook: name,
    namespace: `${name}-pods`,
    nodes: 2,
    pdb: false,
    operator: { labels, periodMs: 300, recreateDelayMs: 1 },
  });
  const { problems, oddities } = await drainPatiently(scene, scene.node(1), PATIENCE);
  assert.deepEqual([...problems, ...oddities], []);
  assert.deepEqual(scene.moves, MEMBERS);
  assert.deepEqual(await scene.podsOn(scene.node(1)), []);
  await scene.assertNobodyEvicted();
}

/** Killed twice in a row at the same call, so that only one drain has to follow: before it is done, and after. */
async function crashTwice(hook: HookProcess, gate: ApiGate, point: CertificatePoint): Promise<void> {
  for (const when of ['before', 'after'] as const) {
    const doom = point.doom({ since: gate.passed.length, isFirst: when === 'before' });
    const isKilled = settled(killAt(gate, hook, doom, when));
    // It may have been ready by then.
    await hook.start().catch(() => undefined);
    await untilTrue(`the hook to be killed ${when} it`, isKilled, PATIENCE);
  }
}

async function crashAndCheck(t: TestContext, point: CertificatePoint): Promise<void> {
  const name = point.call;
  const gate = await startApiGate(rig);
  const kept = await aSelfKept(rig, name, { server: gate.url, ca: rig.authority.ca });
  const hook = await kept.replica({ POD_LABEL_SELECTOR: `${LABEL}=${name}`, ...point.env });
  t.after(() => hook.stop());
  const stranger = (await createAuthority()).ca;
  await kept.register();
  await point.lead?.(kept, hook, stranger);
  await crashTwice(hook, gate, point);
  const left = await kept.secret();
  await hook.start();

  await kept.untilAsked();
  await drainAndCheck(name);
  await assertEnd(kept, point, { left, stranger });
}

describe('the hook is killed at a call for its certificates, and started again', { concurrency: 4 }, () => {
  for (const point of CERTIFICATE_POINTS) {
    test(`${point.call}, ${WHEN.before}, and once more ${WHEN.after}: it is trusted, and a drain moves each pod once`, (t) =>
      crashAndCheck(t, point));
  }
});
