import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { answerArguments, readText } from './arguments.ts';
import { type Clock, sleep } from './async/clock.ts';
import { systemClock } from './async/system-clock.ts';
import { loadPair, openFiles } from './certificates/certificate-files.ts';
import { lifetimesOf } from './certificates/lifetimes.ts';
import { expiryOf } from './certificates/pem.ts';
import { type Config, ConfigError, readConfig } from './config/config.ts';
import { misspelt } from './config/misspelt.ts';
import { createFileCertificates } from './controller/file-certificates.ts';
import { createHook, type Hook, type World } from './hook.ts';
import { openConnection } from './kube/connection.ts';
import { describeError } from './kube/errors.ts';
import { loadKubeConfig } from './kube/kubeconfig.ts';
import { readProxyEnvironment } from './kube/proxy-environment.ts';
import { createLog, type ProcessLog } from './log/logger.ts';
import { LOG, type Log } from './log/messages.ts';
import { keepsConfigMaps } from './policy/tracking/index.ts';
import { manageRegistration } from './registration/manage.ts';
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

/** In every pod that has a ServiceAccount. */
const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';
/** How long the reader of the log may take for the last lines. */
const LAST_LINES_WITHIN_MS = 500;
/** How long requests in hand may take to finish once the server is closed; after half of it they are told to hurry. */
export const FINISH_MS = 10_000;
/** How long the registration carries an authority that no file here has. A mounted Secret is up to two minutes old. */
const FILES_KEEP_STRANGERS_MS = 3_600_000;

/**
 * Runs the hook until SIGTERM or SIGINT. Resolves to the exit code: 0 after a signal, 1 where it could not start, 2 for
 * unknown arguments. Time, randomness, environment and process are touched here and in `arguments.ts`, and nowhere below.
 */
export async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  // Whoever read it has gone. There is nobody to tell.
  process.stderr.on('error', () => undefined);
  const answered = await answerArguments(args, env);
  if (answered !== undefined) return answered;
  let config: Config;
  try {
    config = inPlace(readConfig(env, readText), env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(
      `reschedule-hook: the configuration is wrong\n${error.problems.map((line) => `  ${line}\n`).join('')}`,
    );
    return 1;
  }
  const log = createLog(config.logLevel, config.logFormat, process.stdout);
  endOnUnhandledRejection(log);
  for (const { variable, meant } of misspelt(env)) log.warn(LOG.unknownSetting, { variable, meant });
  for (const { name: profile, warning } of config.profiles)
    if (warning) log.warn(LOG.profileWarning, { profile, warning });
  let code = 0;
  try {
    await run(config, env, log);
  } catch (error) {
    process.stderr.write(`reschedule-hook: cannot start: ${describeError(error)}\n`);
    code = 1;
  }
  await endLog(log, code);
  return code;
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
  const openCertificates = await certificatesFor(config, { log, clock, random });
  const clientCa = config.clientCaFile === '' ? undefined : await openClientCa(config.clientCaFile, log, clock);
  const connection = await openConnection(() => loadKubeConfig(env), clock, readProxyEnvironment(env));
  const instance = config.podName;
  const build = { version: version(), nodeVersion: process.versions.node };
  const { linesLost } = log;
  const profilesFile = profilesFileOf(config, env);
  const world = { log, linesLost, clock, random, build, instance, openCertificates, clientCa, profilesFile };
  const hook = createHook(config, connection, world);
  const stopped = untilSignal(log);
  const servers = await serve(config, clientCa, hook, log);
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
function whatIsProtected({ profiles, labelSelectors }: Config): Record<string, string | undefined> {
  const each = (of: (profile: Config['profiles'][number]) => string) => [...new Set(profiles.map(of))].join(', ');
  const also = profiles[0]?.tracking.also ?? [];
  return {
    profiles: each(({ name }) => name),
    selector: labelSelectors.join(' or '),
    annotation: each(({ mark }) => (mark === undefined ? 'none' : `${mark.key}=${mark.value}`)),
    tracking: each(({ tracking }) => tracking.type),
    trackingAlsoRead: also.length === 0 ? undefined : also.join(','),
  };
}

/** Files are read, and their problems told, before anything else is done. */
async function certificatesFor(
  config: Config,
  shared: { readonly log: Log; readonly clock: Clock; readonly random: () => number },
): Promise<World['openCertificates']> {
  const { certificates, registration, tlsCertFile: certFile, tlsKeyFile: keyFile } = config;
  const { serviceName: service, podNamespace: namespace } = config;
  if (registration === 'external') {
    const source = await openFiles({ certFile, keyFile }, shared.log, shared.clock);
    return () => source;
  }
  if (certificates === 'files') {
    const host = `${service}.${namespace}.svc`;
    const files = { certFile, keyFile, ca: { file: config.tlsCaFile, host } };
    const loaded = await loadPair(files, shared.clock.now());
    return (client, metrics, clock, protectedPods) => {
      const options = { ...shared, clock, protectedPods };
      const { managed, createWatch } = manageRegistration(client, config, FILES_KEEP_STRANGERS_MS, options);
      return createFileCertificates(files, loaded, { ...options, registration: managed, host }, createWatch, metrics);
    };
  }
  const { createOwnCertificates } = await import('./controller/own-certificates.ts');
  return (client, metrics, clock, protectedPods) => {
    const lifetimes = lifetimesOf(config.certificateLifetimeMs, config.caLifetimeMs);
    const options = { ...shared, clock, protectedPods, lifetimes, namespace, service, secret: config.caSecret };
    const { managed, createWatch } = manageRegistration(client, config, lifetimes.keepStrangersMs, options);
    return createOwnCertificates(client, managed, options, createWatch, metrics);
  };
}

/**
 * What a setting leaves open follows from where the process runs. A pod finds its namespace beside its token where
 * POD_NAMESPACE does not say it. Throws where it is needed and not known.
 */
function inPlace(config: Config, env: NodeJS.ProcessEnv): Config {
  const isManaged = config.certificates === 'self' || Boolean(env.KUBERNETES_SERVICE_HOST);
  const registration = config.registration ?? (isManaged ? 'managed' : 'external');
  const podName = config.podName || (env.HOSTNAME ?? hostname());
  const tlsCaFile = config.tlsCaFile || join(dirname(config.tlsCertFile), 'ca.crt');
  const placed = { ...config, registration, podName, tlsCaFile };
  return { ...placed, podNamespace: config.podNamespace || namespaceFor(placed) };
}

/** Throws where something needs it. What PROFILES_FILE says later may need it as well. */
function namespaceFor(config: Config): string {
  const needs = whyNamespace(config);
  if (needs.length === 0 && config.profilesFile === '') return '';
  try {
    return readFileSync(NAMESPACE_FILE, 'utf-8').trim();
  } catch {
    if (needs.length === 0) return '';
    throw new ConfigError([
      `POD_NAMESPACE is not set, there is no ${NAMESPACE_FILE}, and ${needs.join(', and ')}: set it, in a pod from metadata.namespace`,
    ]);
  }
}

/** What has to know the namespace of the hook. */
function whyNamespace({ registration, profiles }: Config): string[] {
  return [
    ...(registration === 'managed' ? ['REGISTRATION=managed has to know the namespace of the Service'] : []),
    ...(profiles.some(({ tracking }) => keepsConfigMaps(tracking))
      ? ['entries in ConfigMaps are kept in the namespace of the hook']
      : []),
  ];
}

async function serve(config: Config, clientCa: ClientCa | undefined, hook: Hook, log: Log) {
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
