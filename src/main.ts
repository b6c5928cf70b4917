import './heap.ts';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, ConfigError, describeSettings, readConfig } from './config.ts';
import { createHook } from './hook.ts';
import { openConnection } from './kube/connection.ts';
import { describeError } from './kube/errors.ts';
import { loadKubeConfig } from './kube/kubeconfig.ts';
import { readProxyEnvironment } from './kube/proxy-environment.ts';
import { createLog } from './logger.ts';
import { LOG, type Log } from './logs.ts';
import { expiryOf, loadCertificate, watchCertificate } from './webhook/certificate.ts';
import {
  closeServer,
  createHealthServer,
  createWebhookServer,
  listen,
  type ServingCertificate,
} from './webhook/server.ts';

const HELP = `reschedule-hook: makes kubectl drain safe for stateful pods that an operator has to move.

Usage: reschedule-hook [--help | --version]

It reads the cluster from KUBECONFIG, ~/.kube/config or its ServiceAccount, and its settings from the environment:

${describeSettings()}
`;

/** How long requests in hand may take to finish once the server is closed; after half of it they are told to hurry. */
export const FINISH_MS = 10_000;

/**
 * Runs the hook until SIGTERM or SIGINT. Resolves to the exit code: 0 after a signal, 1 where it could not start, 2 for
 * unknown arguments. Time, randomness, environment and process are touched here and nowhere below.
 */
export async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  if (args.length > 0) return answerArguments(args);
  let config: Config;
  try {
    config = readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(
      `reschedule-hook: the configuration is wrong\n${error.problems.map((line) => `  ${line}\n`).join('')}`,
    );
    return 1;
  }
  const log = createLog(config.logLevel, config.logFormat);
  process.on('unhandledRejection', (error) => log.error(LOG.unexpected, { error: describeError(error) }));
  try {
    await run(config, env, log);
    return 0;
  } catch (error) {
    process.stderr.write(`reschedule-hook: cannot start: ${describeError(error)}\n`);
    return 1;
  } finally {
    await log.end();
  }
}

function answerArguments(args: readonly string[]): number {
  if (args.length === 1 && (args[0] === '--help' || args[0] === '-h')) {
    process.stdout.write(HELP);
    return 0;
  }
  if (args.length === 1 && args[0] === '--version') {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  process.stderr.write(`reschedule-hook: unknown arguments: ${args.join(' ')}; see --help\n`);
  return 2;
}

async function run(config: Config, env: NodeJS.ProcessEnv, log: Log): Promise<void> {
  const monotonicNow = () => performance.now();
  const files = { certFile: config.tlsCertFile, keyFile: config.tlsKeyFile };
  const certificate = await loadCertificate(files.certFile, files.keyFile);
  const connection = await openConnection(() => loadKubeConfig(env), monotonicNow, readProxyEnvironment(env));
  const hook = createHook(config, connection, {
    log,
    now: () => Date.now(),
    monotonicNow,
    random: Math.random,
    instance: env.HOSTNAME ?? hostname(),
    setTimer: (callback, ms) => {
      const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1));
      return { cancel: () => clearTimeout(timer) };
    },
  });
  const stopped = untilSignal(log);
  const servers = await serve(config, certificate, hook);
  const unwatch = watchCertificate(files, certificate, log, ({ cert, key }) =>
    servers.webhook.setSecureContext({ cert, key, minVersion: 'TLSv1.2' }),
  );
  hook.start();
  log.info(LOG.started, {
    version: version(),
    webhookPort: servers.webhookPort,
    healthPort: servers.healthPort,
    server: connection.server,
    certificateExpires: expiryOf(certificate),
    selector: config.labelSelector,
    annotation: `${config.annotationKey}=${config.annotationValue}`,
    tracking: config.trackerKind?.type ?? 'off',
  });
  await stopped;
  hook.unready('it is stopping');
  // The endpoint has to be taken out of the Service, and open connections to be let go, before the port closes.
  await sleep(config.shutdownDelayMs);
  unwatch();
  const hurry = setTimeout(() => hook.hurry(), FINISH_MS / 2);
  await closeServer(servers.webhook, FINISH_MS);
  clearTimeout(hurry);
  await hook.stop();
  await closeServer(servers.health, 0);
  await connection.close();
  log.info(LOG.stopped);
}

async function serve(config: Config, certificate: ServingCertificate, hook: ReturnType<typeof createHook>) {
  const webhook = createWebhookServer(hook.webhookListener, certificate);
  const health = createHealthServer(hook.healthListener);
  const webhookPort = await listen(webhook, config.webhookPort, config.bindAddress);
  try {
    const healthPort = await listen(health, config.healthPort, config.bindAddress);
    return { webhook, health, webhookPort, healthPort };
  } catch (error) {
    await closeServer(webhook, 0);
    throw error;
  }
}

function untilSignal(log: Log): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info(LOG.stopping, { signal });
      resolve();
    });
  }
  return promise;
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf-8')) as { version: string })
    .version;
}
