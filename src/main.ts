import { sleep } from './async/clock.ts';
import { systemClock } from './async/system-clock.ts';
import {
  allOf,
  CannotBegin,
  certificatesFor,
  clusterProblem,
  inPlace,
  loadThrowAway,
  needsThrowAway,
} from './beginning.ts';
import { expiryOf } from './certificates/pem.ts';
import { type Config, ConfigError, readConfig } from './config/config.ts';
import { misspelt } from './config/misspelt.ts';
import { readText } from './config/read-text.ts';
import { createHook, type Hook, type World } from './hook.ts';
import { openConnection } from './kube/connection.ts';
import { describeError } from './kube/errors.ts';
import { loadKubeConfig } from './kube/kubeconfig.ts';
import { readProxyEnvironment } from './kube/proxy-environment.ts';
import { createLog, type ProcessLog } from './log/logger.ts';
import { LOG, type Log } from './log/messages.ts';
import { throwAwayAdvice } from './registration/throw-away.ts';
import { type ClientCa, openClientCa } from './server/client-certificates.ts';
import {
  closeServer,
  createHealthServer,
  createWebhookServer,
  endQuietConnections,
  listen,
  useCertificate,
} from './server/https-server.ts';
import { version } from './version.ts';

/** How long the reader of the log may take for the last lines. */
const LAST_LINES_WITHIN_MS = 500;
/** How long requests in hand may take to finish once the server is closed; after half of it they are told to hurry. */
export const FINISH_MS = 10_000;

/**
 * Runs the hook until SIGTERM or SIGINT. Resolves to the exit code: 0 after a signal, 2 where it could not begin. Time,
 * randomness and process are touched here, and nowhere below.
 */
export async function serve(env: NodeJS.ProcessEnv): Promise<number> {
  let config: Config;
  try {
    config = inPlace(readConfig(env, readText), env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    complain('the configuration is wrong', [...error.problems, ...clusterProblem(env)]);
    return 2;
  }
  const log = createLog(config.logLevel, config.logFormat, process.stdout);
  endOnUnhandledRejection(log);
  warnOf(config, env, log);
  let code = 0;
  try {
    await run(config, env, log);
  } catch (error) {
    complain('cannot start', error instanceof CannotBegin ? error.problems : [describeError(error)]);
    code = 2;
  }
  await endLog(log, code);
  return code;
}

function warnOf(config: Config, env: NodeJS.ProcessEnv, log: Log): void {
  for (const { variable, meant } of misspelt(env)) log.warn(LOG.unknownSetting, { variable, meant });
  for (const { name: profile, warning } of config.profiles)
    if (warning) log.warn(LOG.profileWarning, { profile, warning });
}

function complain(what: string, problems: readonly string[]): void {
  process.stderr.write(`reschedule-hook: ${what}\n${problems.map((line) => `  ${line}\n`).join('')}`);
}

/** Resolves when the log has been read. If its reader has stalled, ends the process with `code`. */
export async function endLog(log: ProcessLog, code: number): Promise<void> {
  // What is still to be written would keep the process.
  const timer = systemClock.setTimer(() => process.exit(code), LAST_LINES_WITHIN_MS);
  await log.end();
  timer.cancel();
}

/**
 * What nobody waited for has failed: the process is in a state that nobody knows, and must not answer. Another replica
 * does, and a new process takes its place.
 */
function endOnUnhandledRejection(log: ProcessLog): void {
  let isEnding = false;
  process.on('unhandledRejection', (error) => {
    log.error(LOG.unexpected, { error: describeError(error) });
    if (isEnding) return;
    isEnding = true;
    void endLog(log, 1).finally(() => process.exit(1));
  });
}

async function run(config: Config, env: NodeJS.ProcessEnv, log: ProcessLog): Promise<void> {
  const clock = systemClock;
  const random = Math.random;
  const throwAway = needsThrowAway(config, env) ? await loadThrowAway(clock.now()) : undefined;
  const [openCertificates, clientCa, connection] = await allOf(
    throwAway === undefined ? certificatesFor(config, { log, clock, random }) : () => throwAway.source,
    config.clientCaFile === '' ? undefined : openClientCa(config.clientCaFile, log, clock),
    openConnection(() => loadKubeConfig(env), clock, readProxyEnvironment(env)),
  );
  const instance = config.podName;
  const build = { version: version(), nodeVersion: process.versions.node };
  const { linesLost } = log;
  const profilesFile = profilesFileOf(config, env);
  const world = { log, linesLost, clock, random, build, instance, openCertificates, clientCa, profilesFile };
  const hook = createHook(config, connection, world);
  const stopped = untilSignal(log);
  const servers = await listenBoth(config, clientCa, hook, log);
  const certificate = hook.certificates.current();
  hook.certificates.start((pair) => useCertificate(servers.webhook, pair, clientCa?.current()));
  clientCa?.start(() => {
    const pair = hook.certificates.current();
    if (pair !== undefined) useCertificate(servers.webhook, pair, clientCa.current());
  });
  hook.start();
  log.info(LOG.started, {
    version: version(),
    webhookPort: servers.webhookPort,
    healthPort: servers.healthPort,
    server: connection.server,
    certificates: config.certificates,
    registration: config.registration,
    certificateExpires: certificate && new Date(expiryOf(certificate.cert)).toISOString(),
    ...whatIsProtected(config),
  });
  if (throwAway !== undefined) {
    const { webhookPort } = servers;
    process.stderr.write(`reschedule-hook: ${throwAwayAdvice({ ...config, ...throwAway, webhookPort })}`);
  }
  await stopped;
  hook.unready('it is stopping');
  // Whoever takes over may have given the registration another authority. To put back what it had would end every eviction.
  const kept = hook.certificates.stop();
  // The endpoint has to be taken out of the Service, and open connections to be let go, before the port closes.
  const delayed = new AbortController();
  const ending = endQuietConnections(servers.webhook, clock, delayed.signal);
  await sleep(clock, config.shutdownDelayMs);
  delayed.abort();
  await ending;
  const hurry = clock.setTimer(() => hook.hurry(), FINISH_MS / 2);
  await closeServer(servers.webhook, FINISH_MS, clock);
  hurry.cancel();
  clientCa?.stop();
  await kept;
  await hook.stop();
  await closeServer(servers.health, 0, clock);
  await connection.close();
  log.info(LOG.stopped);
}

/** PROFILES_FILE is read again and again. What else the environment says stays. */
function profilesFileOf({ profilesFile: path }: Config, env: NodeJS.ProcessEnv): World['profilesFile'] {
  if (path === '') return undefined;
  return {
    read: () => readText(path),
    parse: (text) =>
      inPlace(
        readConfig(env, () => text),
        env,
      ).profiles,
  };
}

/** Of each profile in their order, separated by commas, as far as it is not the same for all. */
function whatIsProtected({
  profiles,
  labelSelectors,
  registration,
  protectNamespaces,
}: Config): Record<string, string | undefined> {
  const each = (of: (profile: Config['profiles'][number]) => string) => [...new Set(profiles.map(of))].join(', ');
  const also = profiles[0]?.tracking.also ?? [];
  return {
    profiles: each(({ name }) => name),
    protectNamespaces: registration === 'managed' ? protectNamespaces.text : undefined,
    selector: labelSelectors.join(' or '),
    annotation: each(({ mark }) => (mark === undefined ? 'none' : `${mark.key}=${mark.value}`)),
    tracking: each(({ tracking }) => tracking.type),
    trackingAlsoRead: also.length === 0 ? undefined : also.join(','),
  };
}

async function listenBoth(config: Config, clientCa: ClientCa | undefined, hook: Hook, log: Log) {
  const onError = (error: Error) => log.error(LOG.unexpected, { error: describeError(error) });
  const { webhookListener, healthListener, certificates, onDisplaced, onPipelined } = hook;
  const on = { onDisplaced, onPipelined };
  const webhook = createWebhookServer(webhookListener, certificates.current(), clientCa?.current(), on);
  clientCa?.attend(webhook);
  const health = createHealthServer(healthListener, on);
  const webhookPort = await listen(webhook, config.webhookPort, config.bindAddress, onError);
  try {
    const healthPort = await listen(health, config.healthPort, config.bindAddress, onError);
    return { webhook, health, webhookPort, healthPort };
  } catch (error) {
    await closeServer(webhook, 0, systemClock);
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
