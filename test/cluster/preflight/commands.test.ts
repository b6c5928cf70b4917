import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import type { Explanation } from '../../../src/explain/explain.ts';
import type { Forecast } from '../../../src/preflight/forecast/findings.ts';
import { HOOK_ENTRY } from '../../../testkit/hook-process.ts';
import { eventsOf, type SeenEvent } from '../support/events.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';

let rig: Rig;
let scene: Scene;

/** As an administrator runs them. The registration calls a URL, so the settings are those of this environment. */
async function command(...args: readonly string[]) {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const [name = '', ...rest] = args;
  const where = ['--kubeconfig', rig.controlPlane.kubeconfigPath, '--installation', 'default'];
  const child = spawn(process.execPath, [HOOK_ENTRY, name, ...where, ...rest], { env: {} });
  rig.atStop(async () => void child.kill('SIGKILL'));
  child.on('close', resolve);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await promise, stdout, stderr };
}

const resultsOf = ({ checks }: Forecast) => Object.fromEntries(checks.map(({ check, result }) => [check, result]));

before(async () => {
  rig = await startRig();
  await rig.hook('default');
  scene = await aScene({ rig, hook: 'default', namespace: 'forecast' });
});
after(() => rig?.stop());

describe('preflight and explain, before and during a drain on the real control plane', () => {
  test('before: nothing holds it up, and the certificate was verified', async () => {
    const { code, stdout, stderr } = await command('preflight', scene.node(1), '-o', 'json');
    assert.equal(code, 0, stderr + stdout);
    const forecast = JSON.parse(stdout) as Forecast;
    assert.deepEqual(
      forecast.pods.map(({ name, profile, outcome }) => [name, profile, outcome]),
      ['cb-0000', 'cb-0001'].map((name) => [name, 'couchbase', 'marked']),
    );
    const { registered, reachable, certificate, covers } = resultsOf(forecast);
    assert.deepEqual([registered, reachable, certificate, covers], ['ok', 'ok', 'ok', 'ok']);
    assert.equal(forecast.command, `kubectl drain ${scene.node(1)}`);
    assert.deepEqual(
      (await scene.pods()).filter(({ annotations }) => 'cao.couchbase.com/reschedule' in annotations),
      [],
    );
  });

  test('a namespace that the registration leaves out', async () => {
    await using other = await aScene({ rig, hook: 'nobody', namespace: 'left-out' });
    const { code, stdout } = await command('preflight', other.node(1), '-o', 'json');
    assert.deepEqual([code, resultsOf(JSON.parse(stdout) as Forecast).covers], [1, 'wrong']);
  });

  test('a node that does not exist, and a cluster without that installation', async () => {
    const { code, stderr } = await command('preflight', 'nowhere');
    assert.equal(code, 2);
    assert.match(stderr, /there is no node nowhere/);
    const without = await command('preflight', scene.node(1), '--installation', 'other');
    assert.equal(without.code, 2);
  });

  test('during: explain says whom the drain waits for, and what follows', async () => {
    await scene.operator.pause();
    const drained = scene.drain(scene.node(1));
    await Promise.all([scene.untilMarked('cb-0000'), scene.untilMarked('cb-0001')]);
    const isOfIt = ({ reason, involvedObject: { name } }: SeenEvent) =>
      reason === 'RescheduleRequested' && name === 'cb-0000';
    await scene.until('the Event', async () => (await eventsOf(scene)).some(isOfIt));
    const { code, stdout, stderr } = await command('explain', 'forecast/cb-0000', '-o', 'json');
    assert.equal(code, 0, stderr);
    const found = JSON.parse(stdout) as Explanation;
    assert.deepEqual([found.state, found.rule, found.reason], ['waiting', '7', 'Waiting']);
    const seen = Object.fromEntries(found.seen.map(({ what, text: said }) => [what, said]));
    assert.match(seen.mark ?? '', /^set .* ago by reschedule-hook$/);
    assert.match(seen.entry ?? '', /^on CouchbaseCluster cb, of this instance, written .* ago, to leave forecast-1$/);
    assert.match(seen.node ?? '', /^forecast-1, draining.*\(cordoned\)$/);
    assert.match(seen["hook's Event"] ?? '', /RescheduleRequested/);
    const table = await command('explain', 'cb-0000', '-n', 'forecast');
    assert.match(table.stdout, /^Pod forecast\/cb-0000: a drain waits for it\.$/m);
    scene.operator.resume();
    const ended = await drained;
    assert.equal(ended.code, 0, ended.stderr);
  });

  test('after: nobody waits any more', async () => {
    const { code, stdout } = await command('explain', 'forecast/cb-0000', '-o', 'json');
    assert.deepEqual([code, (JSON.parse(stdout) as Explanation).state], [0, 'free']);
  });
});
