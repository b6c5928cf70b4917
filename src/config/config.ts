import type { Selector } from '../policy/model.ts';
import { formatSelector } from '../policy/selector.ts';
import type { TrackingChoice } from '../policy/tracking/index.ts';
import { SETTINGS, type Setting, type Values } from './settings.ts';

/** The settings, and the values that follow from them. Frozen. */
export type Config = Readonly<Omit<Values, Combined> & ReturnType<typeof derive>>;

/** Settings that count only together with another one. */
type Combined = 'selectorKey' | 'selectorValue' | 'fullSelector' | 'isTracking' | 'trackingType' | 'trackingAlsoRead';

type Environment = Readonly<Record<string, string | undefined>>;

/** Has every problem of a configuration at once, one per line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/**
 * Reads and validates every setting. Throws a ConfigError that names all problems. An empty variable counts as not set.
 */
export function readConfig(env: Environment): Config {
  const problems: string[] = [];
  const read: [string, unknown][] = [];
  for (const setting of SETTINGS) {
    const { name, text } = sourceOf(setting, env);
    try {
      read.push([setting.key, setting.parse(text)]);
    } catch (error) {
      problems.push(`${name} ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const values: Partial<Values> = Object.fromEntries(read);
  problems.push(...selectedTwice(env), ...problemsTogether(values));
  if (problems.length > 0) throw new ConfigError(problems);
  return configOf(values as Values);
}

/** The text of a setting, and the name of the variable that it came from. */
function sourceOf(setting: Setting, env: Environment): { readonly name: string; readonly text: string } {
  const { name, earlierName, fallback } = setting;
  const given = !env[name] && earlierName !== undefined && env[earlierName] ? earlierName : name;
  return { name: given, text: env[given] || fallback };
}

/** Only one of the two can count, and nobody can say which one was meant. */
function selectedTwice(env: Environment): string[] {
  const others = ['POD_LABEL_SELECTOR_KEY', 'POD_LABEL_SELECTOR_VALUE'].filter((name) => env[name]);
  if (!env.POD_LABEL_SELECTOR || others.length === 0) return [];
  return [`POD_LABEL_SELECTOR is set beside ${others.join(' and ')}; set one or the other`];
}

/** Problems between settings that are valid by themselves. An invalid setting is absent. */
function problemsTogether(values: Partial<Values>): string[] {
  const { webhookPort, healthPort, certificateLifetimeMs = 0, caLifetimeMs, clientNames = [], clientCaFile } = values;
  const problems: string[] = [];
  if (values.certificates === 'self' && values.registration === 'external') {
    problems.push(
      'REGISTRATION=external needs CERTIFICATES=files: nobody else knows the authority of certificates of its own',
    );
  }
  if (webhookPort === healthPort && webhookPort !== undefined && webhookPort !== 0) {
    problems.push(`WEBHOOK_PORT and HEALTH_PORT are both ${webhookPort}; give them different ports`);
  }
  if (caLifetimeMs !== undefined && caLifetimeMs < 3 * certificateLifetimeMs) {
    problems.push('CA_LIFETIME is too short; it must be at least three times CERTIFICATE_LIFETIME');
  }
  if (clientNames.length > 0 && clientCaFile === '') {
    problems.push('CLIENT_NAMES is set without CLIENT_CA_FILE, so nothing would look at the names');
  }
  return problems;
}

function configOf(values: Values): Config {
  const { selectorKey, selectorValue, fullSelector, isTracking, trackingType, trackingAlsoRead, ...others } = values;
  const combined = { selectorKey, selectorValue, fullSelector, isTracking, trackingType, trackingAlsoRead };
  return Object.freeze({ ...others, ...derive(combined) });
}

/** The values that need more than one setting. `labelSelector` is the selector in the API server's syntax. */
function derive(values: Pick<Values, Combined>) {
  const { selectorKey, selectorValue, fullSelector, isTracking, trackingType, trackingAlsoRead } = values;
  const selector: Selector = fullSelector ?? [{ op: 'in', key: selectorKey, values: [selectorValue] }];
  const tracking: TrackingChoice = { type: isTracking ? trackingType : 'off', also: trackingAlsoRead };
  return { selector, labelSelector: formatSelector(selector), tracking };
}
