import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from './async/clock.ts';
import { loadPair, openFiles } from './certificates/certificate-files.ts';
import { lifetimesOf } from './certificates/lifetimes.ts';
import type { ThrowAway } from './certificates/throw-away.ts';
import { type Config, ConfigError } from './config/config.ts';
import { createFileCertificates } from './controller/file-certificates.ts';
import type { World } from './hook.ts';
import { describeError } from './kube/errors.ts';
import { loadKubeConfig } from './kube/kubeconfig.ts';
import type { Log } from './log/messages.ts';
import { keepsConfigMaps } from './policy/tracking/index.ts';
import { manageRegistration } from './registration/manage.ts';

/*
 * What the hook needs before it begins: the namespace, certificates, a cluster. Whoever starts it wants to know at once of
 * everything that is missing.
 */

/** In every pod that has a ServiceAccount. */
const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';
/** How long the registration carries an authority that no file here has. A mounted Secret is up to two minutes old. */
const FILES_KEEP_STRANGERS_MS = 3_600_000;

/** Has everything that is missing, one sentence each. */
export class CannotBegin extends Error {
  override readonly name = 'CannotBegin';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

/** Waits for all of them. Throws a CannotBegin with the problem of each that fails. */
export async function allOf<T extends readonly unknown[]>(...all: T): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(all);
  const problems = results.flatMap((one) => (one.status === 'rejected' ? [describeError(one.reason)] : []));
  if (problems.length > 0) throw new CannotBegin(problems);
  return results.map((one) => (one.status === 'fulfilled' ? one.value : undefined)) as {
    [K in keyof T]: Awaited<T[K]>;
  };
}

/** Why no cluster can be found, for whoever ends before it looks for one. Nothing if one is found. */
export function clusterProblem(env: NodeJS.ProcessEnv): string[] {
  try {
    loadKubeConfig(env);
    return [];
  } catch (error) {
    return [describeError(error)];
  }
}

/**
 * Whether somebody tries the hook: in no pod, where nobody has said which certificate it is to serve, nor put one where it
 * would be.
 */
export function needsThrowAway(config: Config, env: NodeJS.ProcessEnv): boolean {
  const isSaid = Boolean(env.TLS_CERT_FILE || env.TLS_KEY_FILE || env.KUBERNETES_SERVICE_HOST);
  return config.registration === 'external' && !isSaid && !existsSync(config.tlsCertFile);
}

/** Loads what signs certificates, which most hooks do not need. */
export async function loadThrowAway(now: number): Promise<ThrowAway> {
  const { makeThrowAway } = await import('./certificates/throw-away.ts');
  return makeThrowAway(now);
}

/** Files are read, and their problems told, before anything else is done. */
export async function certificatesFor(
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
export function inPlace(config: Config, env: NodeJS.ProcessEnv): Config {
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
