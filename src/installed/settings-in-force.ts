import { UsageError } from '../command-line.ts';
import { type Config, ConfigError, type ReadFile, readConfig } from '../config/config.ts';
import type { ApiClient, JsonObject } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import { objectPath } from '../kube/paths.ts';

/** A Deployment, as far as it says by which settings its replicas answer. */
export interface DeploymentObject {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: {
    readonly template: {
      readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
      readonly spec: { readonly containers: readonly ContainerObject[]; readonly volumes?: readonly VolumeObject[] };
    };
  };
}

interface ContainerObject {
  readonly image?: string;
  readonly env?: readonly VariableObject[];
  readonly envFrom?: readonly EnvironmentObject[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface EnvironmentObject {
  readonly configMapRef?: Reference;
  readonly secretRef?: Reference;
  readonly prefix?: string;
}

interface VariableObject {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly configMapKeyRef?: Reference & { readonly key: string };
  };
}

interface Reference {
  readonly name: string;
  readonly optional?: boolean;
}

interface VolumeObject {
  readonly name: string;
  readonly configMap?: Reference & { readonly items?: readonly { readonly key: string; readonly path: string }[] };
}

/** What decides which pods are protected, and how. Of the others it does not matter where they come from. */
const NEEDED =
  /^(PROFILES|POD_LABEL|RESCHEDULE|TRACK|STALL|DRAIN|MARK_WHEN|EXEMPT|POLICY|REPLACEMENT|PROTECT|WEBHOOK_CONF)/;

/**
 * The settings and profiles that the replicas of the Deployment answer by, its ConfigMaps included. Throws a UsageError if
 * one of them cannot be read, or is not understood: a default in its place would be a guess. `instead` comes before them.
 */
export async function settingsOfDeployment(
  client: ApiClient,
  deployment: DeploymentObject,
  instead: Data = {},
): Promise<Config> {
  const { namespace } = deployment.metadata;
  const maps = new ConfigMaps(client, namespace);
  const [container] = deployment.spec.template.spec.containers;
  const env = { ...(await environmentOf(container ?? {}, maps, namespace)), ...instead };
  const readFile = await filesOf(deployment, env, maps);
  try {
    return readConfig(env, readFile);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.join('; ');
    throw new UsageError(`the settings of the installed hook are not understood: ${problems}`, { cause: error });
  }
}

type Data = Readonly<Record<string, string>>;

class ConfigMaps {
  readonly #client: ApiClient;
  readonly #namespace: string;

  constructor(client: ApiClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /** A process starts without one that is optional. */
  async data({ name, optional = false }: Reference): Promise<Data> {
    const path = objectPath('/api/v1', 'configmaps', this.#namespace, name);
    try {
      const { data = {} } = (await this.#client.json({ method: 'GET', path })) as JsonObject & { data?: Data };
      return data;
    } catch (error) {
      if (optional && isNotFound(error)) return {};
      const where = `ConfigMap ${this.#namespace}/${name}`;
      const why = isNotFound(error) ? 'it does not exist' : String(error instanceof Error ? error.message : error);
      throw new UsageError(`the settings of the hook cannot be read from ${where}: ${why}`, { cause: error });
    }
  }
}

async function environmentOf(
  { env = [], envFrom = [] }: ContainerObject,
  maps: ConfigMaps,
  namespace: string,
): Promise<Record<string, string>> {
  const found: Variables = new Map();
  for (const source of envFrom) {
    const { prefix = '' } = source;
    const data = await dataFrom(source, maps);
    for (const [name, value] of Object.entries(data)) found.set(`${prefix}${name}`, value);
  }
  for (const variable of env) found.set(variable.name, await valueFor(variable, found, maps, namespace));
  const known = [...found].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return { POD_NAMESPACE: namespace, ...Object.fromEntries(known) };
}

/** Undefined: there is such a variable, and its value cannot be read from here. */
type Variables = Map<string, string | undefined>;

async function dataFrom({ configMapRef, secretRef }: EnvironmentObject, maps: ConfigMaps): Promise<Data> {
  if (configMapRef !== undefined) return maps.data(configMapRef);
  if (secretRef === undefined) return {};
  // It may have any setting.
  const why = `its environment comes from the Secret ${secretRef.name}, too`;
  throw new UsageError(`the settings of the hook cannot be read: ${why}`);
}

async function valueFor(variable: VariableObject, before: Variables, maps: ConfigMaps, namespace: string) {
  const { name, value = '', valueFrom } = variable;
  const found = valueFrom === undefined ? expanded(value, before) : await readFrom(valueFrom, maps, namespace);
  if (found !== undefined || !NEEDED.test(name)) return found;
  throw new UsageError(`the setting ${name} of the hook cannot be read: it comes from elsewhere`);
}

/**
 * As the kubelet does it: `$(NAME)` stands for a variable that comes before, and `$$` for `$`. Undefined if one of them cannot be
 * read. https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
function expanded(value: string, before: Variables): string | undefined {
  const names = [...value.matchAll(REFERENCES)].flatMap(([, name]) => name ?? []);
  if (names.some((name) => before.has(name) && before.get(name) === undefined)) return undefined;
  return value.replace(REFERENCES, (all, name?: string) => (name === undefined ? '$' : (before.get(name) ?? all)));
}

const REFERENCES = /\$\$|\$\(([^)]*)\)/g;

async function readFrom(
  { configMapKeyRef, fieldRef }: NonNullable<VariableObject['valueFrom']>,
  maps: ConfigMaps,
  namespace: string,
): Promise<string | undefined> {
  if (configMapKeyRef !== undefined) return (await maps.data(configMapKeyRef))[configMapKeyRef.key] ?? '';
  return fieldRef?.fieldPath === 'metadata.namespace' ? namespace : undefined;
}

/** Only PROFILES_FILE matters here, from the ConfigMap that is mounted around it. */
async function filesOf({ spec }: DeploymentObject, env: Data, maps: ConfigMaps): Promise<ReadFile> {
  const { PROFILES_FILE: path = '' } = env;
  const { containers, volumes = [] } = spec.template.spec;
  const mount = containers[0]?.volumeMounts?.find(({ mountPath }) => path.startsWith(`${mountPath}/`));
  const map = volumes.find(({ name }) => name === mount?.name)?.configMap;
  const data = map === undefined ? {} : await maps.data(map);
  return (wanted) => {
    const name = wanted.slice(wanted.lastIndexOf('/') + 1);
    const key = map?.items === undefined ? name : map.items.find(({ path: at }) => at === name)?.key;
    const text = data[key ?? ''];
    if (text === undefined) throw new Error('no ConfigMap is mounted there that has it');
    return text;
  };
}
