import { parseDuration } from '../policy/duration.ts';
import type { Selector } from '../policy/model.ts';
import { LABEL_KEY, LABEL_VALUE } from '../policy/names.ts';
import { formatSelector, parseSelector } from '../policy/selector.ts';
import { NO_TRACKING, TRACKINGS, type Tracking } from '../policy/tracking/index.ts';
import { SETTINGS } from './settings.ts';

export interface Config {
  readonly selector: Selector;
  /** The selector as the API server reads it. */
  readonly labelSelector: string;
  readonly annotationKey: string;
  readonly annotationValue: string;
  /** Where the serving certificate comes from: an authority of the hook's own, or files. */
  readonly certificates: 'self' | 'files';
  /** Empty where it is not set; a pod knows it from elsewhere too. */
  readonly podNamespace: string;
  readonly serviceName: string;
  readonly caSecret: string;
  readonly webhookConfiguration: string;
  readonly certificateLifetimeMs: number;
  readonly caLifetimeMs: number;
  /** Empty: clients are not asked for a certificate. */
  readonly clientCaFile: string;
  readonly clientNames: readonly string[];
  readonly tlsCertFile: string;
  readonly tlsKeyFile: string;
  readonly tracking: Tracking;
  readonly drainTaints: readonly string[];
  readonly replacementCondition: 'scheduled' | 'ready';
  readonly retentionMs: number;
  readonly stallAfterMs: number;
  readonly shutdownDelayMs: number;
  readonly exemptUsers: readonly string[];
  readonly bindAddress: string;
  /** 0 picks a free port; the start line says which. */
  readonly webhookPort: number;
  readonly healthPort: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'text' | 'json';
}

/** Every problem of a configuration at once, one line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DNS_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const SHUTDOWN_DELAY_MAX_MS = 3_600_000;
const RETENTION_MIN_MS = 10_000;
/** An X.509 certificate counts in seconds. */
const LIFETIME_MIN_MS = 5_000;
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false, '1': true, '0': false };

/** Reads and validates every setting. Throws ConfigError that names all problems. An empty variable counts as not set. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const raw = (name: string) => env[name] || SETTINGS.find((setting) => setting.name === name)?.fallback || '';
  /** Collects the problem of one setting; the fallback is only ever used to go on looking for more problems. */
  const read = <T>(name: string, parse: (text: string) => T, fallback: T): T => {
    try {
      return parse(raw(name));
    } catch (error) {
      problems.push(`${name} ${error instanceof Error ? error.message : String(error)}`);
      return fallback;
    }
  };

  const selector = readSelector(env, read);
  const tracked =
    env.TRACK_RESCHEDULED_PODS || !env.TRACK_RESCHEULED_PODS ? 'TRACK_RESCHEDULED_PODS' : 'TRACK_RESCHEULED_PODS';
  const isTracking = read(tracked, boolean, true);
  const tracking = read('TRACKING_RESOURCE_TYPE', trackingOf, NO_TRACKING);
  const config: Config = {
    selector,
    labelSelector: formatSelector(selector),
    annotationKey: read('RESCHEDULE_ANNOTATION_KEY', matching(LABEL_KEY, 'an annotation key'), ''),
    annotationValue: raw('RESCHEDULE_ANNOTATION_VALUE'),
    certificates: read('CERTIFICATES', oneOf('files', 'self'), 'files'),
    podNamespace: read('POD_NAMESPACE', optional(matching(DNS_LABEL, 'a namespace')), ''),
    serviceName: read('SERVICE_NAME', matching(DNS_LABEL, 'the name of a Service'), ''),
    caSecret: read('CA_SECRET', matching(DNS_NAME, 'the name of a Secret'), ''),
    webhookConfiguration: read('WEBHOOK_CONFIGURATION', matching(DNS_NAME, 'a name'), ''),
    certificateLifetimeMs: read('CERTIFICATE_LIFETIME', lifetime, 0),
    caLifetimeMs: read('CA_LIFETIME', lifetime, 0),
    clientCaFile: raw('CLIENT_CA_FILE'),
    clientNames: list(raw('CLIENT_NAMES')),
    tlsCertFile: raw('TLS_CERT_FILE'),
    tlsKeyFile: raw('TLS_KEY_FILE'),
    tracking: isTracking ? tracking : NO_TRACKING,
    drainTaints: list(raw('DRAIN_TAINTS')),
    replacementCondition: read('REPLACEMENT_CONDITION', oneOf('scheduled', 'ready'), 'scheduled'),
    retentionMs: read('TRACKING_RETENTION', retention, 0),
    stallAfterMs: read('STALL_AFTER', duration, 0),
    shutdownDelayMs: read('SHUTDOWN_DELAY', shutdownDelay, 0),
    exemptUsers: list(raw('EXEMPT_USERS')),
    bindAddress: raw('BIND_ADDRESS'),
    webhookPort: read('WEBHOOK_PORT', port, 0),
    healthPort: read('HEALTH_PORT', port, 0),
    logLevel: read('LOG_LEVEL', oneOf('debug', 'info', 'warn', 'error'), 'info'),
    logFormat: read('LOG_FORMAT', oneOf('text', 'json'), 'text'),
  };
  problems.push(...together(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

/** What is wrong with settings that are right by themselves. */
function together({ webhookPort, healthPort, certificateLifetimeMs, caLifetimeMs, clientNames, clientCaFile }: Config) {
  const problems: string[] = [];
  if (webhookPort === healthPort && webhookPort !== 0) {
    problems.push(`WEBHOOK_PORT and HEALTH_PORT are both ${webhookPort}; give them different ports`);
  }
  if (caLifetimeMs < 3 * certificateLifetimeMs && caLifetimeMs > 0) {
    problems.push('CA_LIFETIME is too short; it must be at least three times CERTIFICATE_LIFETIME');
  }
  if (clientNames.length > 0 && clientCaFile === '') {
    problems.push('CLIENT_NAMES is set without CLIENT_CA_FILE, so nothing would look at the names');
  }
  return problems;
}

type ReadSetting = <T>(name: string, parse: (text: string) => T, fallback: T) => T;

function readSelector(env: Readonly<Record<string, string | undefined>>, read: ReadSetting): Selector {
  if (env.POD_LABEL_SELECTOR) return read('POD_LABEL_SELECTOR', parseSelector, []);
  const key = read('POD_LABEL_SELECTOR_KEY', matching(LABEL_KEY, 'a label key'), '');
  const value = read('POD_LABEL_SELECTOR_VALUE', matching(LABEL_VALUE, 'a label value'), '');
  return [{ op: 'in', key, values: [value] }];
}

function matching(pattern: RegExp, what: string) {
  return (text: string): string => {
    if (!pattern.test(text)) throw new Error(`is "${text}", which is not ${what}`);
    return text;
  };
}

function oneOf<T extends string>(...allowed: readonly T[]) {
  return (text: string): T => {
    const found = allowed.find((value) => value === text);
    if (found === undefined) throw new Error(`is "${text}"; it must be ${allowed.join(' or ')}`);
    return found;
  };
}

function boolean(text: string): boolean {
  const value = Object.hasOwn(BOOLEANS, text.toLowerCase()) ? BOOLEANS[text.toLowerCase()] : undefined;
  if (value === undefined) throw new Error(`is "${text}"; it must be true or false`);
  return value;
}

function trackingOf(text: string): Tracking {
  const types = TRACKINGS.map(({ type }) => type);
  const found = TRACKINGS.find(({ type }) => type === text);
  if (found === undefined) throw new Error(`is "${text}"; it must be ${types.join(' or ')}`);
  return found;
}

function duration(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new Error(`is wrong: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * A drainer asks for the old name once more after the pod has settled: kubectl within 5 s, others within minutes. An entry
 * that is gone by then would have the pod moved again, and again.
 */
function retention(text: string): number {
  const ms = duration(text);
  if (ms < RETENTION_MIN_MS) throw new Error(`is ${text}; it must be at least 10s, and longer than any drainer pauses`);
  return ms;
}

/** Longer is not meant: no pod is given that long to end, and a timer of more than 24 days would end at once. */
function shutdownDelay(text: string): number {
  const ms = duration(text);
  if (ms > SHUTDOWN_DELAY_MAX_MS) throw new Error(`is ${text}; it must be at most 1h`);
  return ms;
}

function lifetime(text: string): number {
  const ms = duration(text);
  if (ms < LIFETIME_MIN_MS) throw new Error(`is ${text}; it must be at least 5s`);
  return ms;
}

const optional = (parse: (text: string) => string) => (text: string) => (text === '' ? '' : parse(text));

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new Error(`is "${text}"; it must be a port from 0 to 65535`);
  return value;
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
