import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startEmbedded } from '../rehearsal/embedded-api/cluster.ts';
import { systemClock } from '../src/async/system-clock.ts';
import { readConfig } from '../src/config/config.ts';
import { createHook } from '../src/hook.ts';
import { openConnection } from '../src/kube/connection.ts';
import { loadKubeConfig } from '../src/kube/kubeconfig.ts';
import { LOG } from '../src/log/messages.ts';
import { aLog } from './support/log.ts';
import { FakeClock } from './support/time.ts';
import { untilTrue } from './support/until-true.ts';

/** A hook in this process, on an embedded API without any registration. */
async function aHook(t: TestContext, env: Readonly<Record<string, string>>) {
  const cluster = await startEmbedded({ nodes: 1 });
  t.after(() => cluster.stop());
  const connection = await openConnection(
    () => loadKubeConfig({ KUBECONFIG: cluster.kubeconfigPath }),
    systemClock,
    {},
  );
  t.after(() => connection.close());
  const [clock, log] = [new FakeClock(), aLog()];
  const hook = createHook(readConfig(env), connection, {
    clock,
    log,
    random: () => 0,
    linesLost: () => 0,
    build: { version: '1.2.3', nodeVersion: '24.0.0' },
    instance: 'a',
    openCertificates: () => ({
      current: () => undefined,
      start: () => undefined,
      stop: async () => undefined,
      notReady: () => undefined,
      expiries: () => [],
      registration: () => undefined,
    }),
    clientCa: undefined,
  });
  hook.start();
  t.after(() => hook.stop());
  await untilTrue('a synced cache', () => log.messages().includes(LOG.synced));
  return { clock, log };
}

test('with certificates from files, a hook says that WEBHOOK_CONFIGURATION names no registration, but not at once', async (t) => {
  const { clock, log } = await aHook(t, { WEBHOOK_CONFIGURATION: 'typo' });
  const missing = () => log.lines.filter(({ message }) => message === LOG.installationMissing);
  await clock.advance(59_000);
  assert.deepEqual(missing(), [], 'the registration comes last');
  await clock.advance(1_000);
  await untilTrue('the warning', () => missing().length > 0);
  assert.equal(missing()[0]?.fields.registration, 'typo');
});
