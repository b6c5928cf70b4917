import { placeholderIn } from '../policy/profiles/mark.ts';
import { formatSelector } from '../policy/selector.ts';
import { type Choice, type Chosen, chooseProfiles } from './profiles/chosen-profiles.ts';
import { type ConfiguredProfile, configured, onlyProfile } from './profiles/configured-profile.ts';
import type { ReadProfile } from './profiles/written-profile.ts';
import { SETTINGS, type Setting, type Values } from './settings.ts';

/** The settings, and the values that follow from them. Frozen. */
export type Config = Readonly<Omit<Values, Combined> & OfProfiles>;

interface OfProfiles {
  readonly profiles: readonly ConfiguredProfile[];
  /** Their selectors in the API server's syntax, each once. */
  readonly labelSelectors: readonly string[];
}

/** Settings that count only together with others. */
type Combined = (typeof COMBINED)[number];
const COMBINED = [
  'profileNames',
  'selectorKey',
  'selectorValue',
  'fullSelector',
  'annotationKey',
  'annotationValue',
  'isTracking',
  'trackingType',
  'trackingAlsoRead',
  'stallAfterMs',
] as const satisfies readonly (keyof Values)[];

/** Reads a file that a setting names; throws if it cannot. */
export type ReadFile = (path: string) => string;

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
 * Reads and validates every setting, and the file of profiles. Throws a ConfigError that names all problems. An empty variable
 * counts as not set.
 */
export function readConfig(env: Environment, readFile: ReadFile = noFile): Config {
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
  const chosen = chosenProfiles(env, values, readFile);
  problems.push(...(chosen.problems ?? []));
  if (problems.length > 0) throw new ConfigError(problems);
  const config = configOf(values as Values, chosen.profiles);
  const uncountable = config.profiles.filter(
    ({ maxConcurrent, respectsBudgets, tracking }) =>
      (maxConcurrent || respectsBudgets) && !COUNTING.includes(tracking.type),
  );
  if (uncountable.length > 0) throw new ConfigError(uncountable.map(({ name }) => `${name} ${NEEDS_ENTRIES}`));
  return config;
}

/** All pods of a namespace have their entries on one object, whose version is the lock. */
const COUNTING: readonly string[] = ['namespace', 'configmap'];
const NEEDS_ENTRIES =
  'has maxConcurrent or respectBudgets, which count by the entries of a namespace; set its tracking to namespace or configmap, and TRACK_RESCHEDULED_PODS to true';

function noFile(path: string): never {
  throw new Error(`${path} is not to be read from here`);
}

/** What a setting of one operator is in a profile. */
const OF_ONE_OPERATOR: Readonly<Record<string, string>> = {
  POD_LABEL_SELECTOR_KEY: 'selector',
  POD_LABEL_SELECTOR_VALUE: 'selector',
  POD_LABEL_SELECTOR: 'selector',
  RESCHEDULE_ANNOTATION_KEY: 'mark.annotation',
  RESCHEDULE_ANNOTATION_VALUE: 'mark.value',
};

/** Neither profiles nor problems where the settings of one operator count. */
function chosenProfiles(env: Environment, values: Partial<Values>, readFile: ReadFile): Chosen {
  if (!values.profileNames?.length && !values.profilesFile) return {};
  const beside = Object.keys(OF_ONE_OPERATOR).filter((variable) => env[variable]);
  const chosen = chooseProfiles({ names: values.profileNames ?? [], ...fileOf(values.profilesFile ?? '', readFile) });
  if (beside.length === 0) return chosen;
  const problems = beside.map(
    (variable) =>
      `${variable} is set beside ${env.PROFILES ? 'PROFILES' : 'PROFILES_FILE'}; write it as ${OF_ONE_OPERATOR[variable]} of a profile in PROFILES_FILE`,
  );
  return { problems: [...problems, ...(chosen.problems ?? [])] };
}

function fileOf(path: string, readFile: ReadFile): Pick<Choice, 'file'> {
  if (path === '') return {};
  try {
    return { file: { path, text: readFile(path) } };
  } catch (error) {
    return { file: { path, problem: `cannot be read: ${error instanceof Error ? error.message : String(error)}` } };
  }
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
  const placeholder = placeholderIn(values.annotationValue ?? '');
  if (placeholder !== undefined) {
    problems.push(
      `RESCHEDULE_ANNOTATION_VALUE has ${placeholder}, which only a profile fills in; write it as mark.value in PROFILES_FILE`,
    );
  }
  return problems;
}

function configOf(values: Values, chosen: readonly ReadProfile[] | undefined): Config {
  const others = Object.fromEntries(Object.entries(values).filter(([key]) => !COMBINED.some((one) => one === key)));
  const profiles = chosen === undefined ? [onlyProfile(values)] : chosen.map((one) => configured(one, values));
  const labelSelectors = [...new Set(profiles.flatMap(({ selectors }) => selectors.map(formatSelector)))];
  return Object.freeze({ ...(others as Omit<Values, Combined>), profiles: Object.freeze(profiles), labelSelectors });
}
