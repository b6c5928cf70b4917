import { UsageError } from '../../../src/command-line.ts';
import { type Config, ConfigError, readConfig } from '../../../src/config/config.ts';
import type { ConfiguredProfile } from '../../../src/config/profiles/configured-profile.ts';
import type { ApiClient, JsonObject } from '../../../src/kube/client.ts';
import { isNotFound } from '../../../src/kube/errors.ts';
import { selects } from '../../embedded-api/storage/selectors.ts';
import type { Annotation } from '../../operator/model.ts';

/** The hook that is installed in a cluster, as far as a rehearsal needs to know it. */
export interface InstalledHook {
  /** The name of its registration. */
  readonly registration: string;
  /** The names of the webhooks of its registration, as drainers print them. */
  readonly webhooks: readonly string[];
  /** Whether the API server calls the hook about evictions of protected pods in a namespace with these labels. */
  covers(namespaceLabels: Readonly<Record<string, string>>): boolean;
  /** Whether that is so for each namespace that has a protected pod, and for no other. */
  readonly coversUsed: boolean;
  readonly settings: Config;
}

interface Webhook {
  readonly name: string;
  readonly clientConfig: { readonly service?: { readonly namespace: string; readonly name: string } };
  readonly namespaceSelector?: object;
  readonly objectSelector?: object;
  readonly rules?: readonly { readonly operations?: readonly string[]; readonly resources?: readonly string[] }[];
}

interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
}

/** Every registration of the hook carries it. */
const REGISTRATION_LABEL = 'app.kubernetes.io/name=reschedule-hook';
const REGISTRATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
/** The settings that a rehearsal depends on. */
const NEEDED = /^(PROFILES|POD_LABEL_SELECTOR|RESCHEDULE_ANNOTATION|TRACK|PROTECT_NAMESPACES)/;

/**
 * Reads the registration, and the settings from the Deployment behind it. `installation`: the name of the registration;
 * absent: of the only one. Throws a UsageError if there is no such hook, or if there are several.
 */
export async function findInstalledHook(client: ApiClient, installation?: string): Promise<InstalledHook> {
  const registration = await findRegistration(client, installation);
  const webhooks = (registration.webhooks ?? []) as readonly Webhook[];
  if (webhooks.length === 0) {
    throw new UsageError(`the hook is not asked yet: its registration ${nameOf(registration)} has no webhooks`);
  }
  const settings = settingsFrom(await environmentBehind(client, webhooks));
  const coversUsed = settings.protectNamespaces.text === 'used';
  return {
    registration: nameOf(registration),
    webhooks: webhooks.map(({ name }) => name),
    coversUsed,
    covers: (labels) =>
      coversUsed || webhooks.some((webhook) => isAboutEvictions(webhook) && selectsEvictions(webhook, labels)),
    settings,
  };
}

async function findRegistration(client: ApiClient, installation: string | undefined): Promise<JsonObject> {
  const query = { labelSelector: REGISTRATION_LABEL };
  const { items } = await client.json({ method: 'GET', path: REGISTRATIONS, query });
  const all = items as readonly JsonObject[];
  const names = all.map(nameOf).join(', ');
  const [found, ...others] = all.filter((one) => installation === undefined || nameOf(one) === installation);
  if (found === undefined && installation !== undefined && all.length > 0) {
    throw new UsageError(`there is no installation ${installation}; there are: ${names}`);
  }
  if (found === undefined) {
    throw new UsageError(`no hook is installed: there is no ValidatingWebhookConfiguration with ${REGISTRATION_LABEL}`);
  }
  if (others.length > 0) throw new UsageError(`several hooks are installed: choose one with --installation (${names})`);
  return found;
}

const nameOf = ({ metadata }: JsonObject) => String((metadata as { name?: unknown }).name);

/** What the installed hook marks pods with. */
export function annotationOf(config: Config): Annotation {
  const { name, mark } = rehearsed(config);
  if (mark === undefined) throw new UsageError(`the profile ${name} of the installed hook has no mark`);
  return { key: mark.key, value: mark.value };
}

/** The profile that a rehearsal is about: the members of its stand-in are those of a CouchbaseCluster. */
export function rehearsed({ profiles }: Config): ConfiguredProfile {
  const found = profiles.find(({ name }) => name === 'couchbase');
  if (found !== undefined) return found;
  throw new UsageError(`the installed hook has no profile couchbase: ${profiles.map(({ name }) => name).join(', ')}`);
}

/** An eviction has no labels, whatever its pod has. */
const selectsEvictions = ({ namespaceSelector = {}, objectSelector = {} }: Webhook, labels: Record<string, string>) =>
  selects(namespaceSelector, labels) && selects(objectSelector, {});

function isAboutEvictions({ rules = [] }: Webhook): boolean {
  return rules.some(
    ({ operations = [], resources = [] }) =>
      ['CREATE', '*'].some((one) => operations.includes(one)) &&
      ['pods/eviction', 'pods/*', '*/*'].some((one) => resources.includes(one)),
  );
}

/** The Deployment has the name of the Service. Empty, which means defaults, for a hook that is called by URL. */
async function environmentBehind(client: ApiClient, webhooks: readonly Webhook[]): Promise<Record<string, string>> {
  const service = webhooks.find(({ clientConfig }) => clientConfig.service !== undefined)?.clientConfig.service;
  if (service === undefined) return { CERTIFICATES: 'files' };
  const { namespace, name } = service;
  const deployment = await get(client, `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`);
  if (deployment === undefined) {
    throw new UsageError(`the settings of the hook cannot be read: there is no Deployment ${namespace}/${name}`);
  }
  const { template } = deployment.spec as {
    template: { spec: { containers: { env?: readonly EnvironmentVariable[] }[] } };
  };
  const env = template.spec.containers[0]?.env ?? [];
  const hidden = env.find((variable) => variable.value === undefined && NEEDED.test(variable.name));
  if (hidden !== undefined) {
    throw new UsageError(`the setting ${hidden.name} of the hook cannot be read: it comes from elsewhere`);
  }
  // Of the others only the namespace comes from elsewhere.
  return Object.fromEntries(env.map((variable) => [variable.name, variable.value ?? namespace]));
}

function settingsFrom(env: Record<string, string>): Config {
  try {
    return readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(`the settings of the installed hook are not understood: ${error.problems.join('; ')}`, {
      cause: error,
    });
  }
}

async function get(client: ApiClient, path: string): Promise<JsonObject | undefined> {
  try {
    return await client.json({ method: 'GET', path });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
