import { UsageError } from '../../../src/command-line.ts';
import { type Config, readConfig } from '../../../src/config/config.ts';
import type { ConfiguredProfile } from '../../../src/config/profiles/configured-profile.ts';
import { deploymentBehind } from '../../../src/installed/installed-hook.ts';
import { settingsOfDeployment } from '../../../src/installed/settings-in-force.ts';
import type { ApiClient, JsonObject } from '../../../src/kube/client.ts';
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

/** Every registration of the hook carries it. */
const REGISTRATION_LABEL = 'app.kubernetes.io/name=reschedule-hook';
const REGISTRATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';

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
  const settings = await settingsBehind(client, webhooks);
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

/** Those of the Deployment that answers; defaults for a hook that is called by URL. */
async function settingsBehind(client: ApiClient, webhooks: readonly Webhook[]): Promise<Config> {
  const service = webhooks.find(({ clientConfig }) => clientConfig.service !== undefined)?.clientConfig.service;
  if (service === undefined) return readConfig({ CERTIFICATES: 'files' });
  return settingsOfDeployment(client, await deploymentBehind(client, service));
}
