import { UsageError } from '../command-line.ts';
import { type Config, type ReadFile, readConfig } from '../config/config.ts';
import { policySettingsOf } from '../config/policy-settings.ts';
import type { ApiClient, JsonObject } from '../kube/client.ts';
import { isNotFound } from '../kube/errors.ts';
import { collectionPath, objectPath, registrationPath } from '../kube/paths.ts';
import type { PolicySettings } from '../policy/profiles/profile.ts';
import type { RegisteredWebhook } from '../policy/profiles/rivals.ts';
import { findRegistration } from './registration.ts';
import { type DeploymentObject, settingsOfDeployment } from './settings-in-force.ts';

export interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
  readonly port?: number;
}

/** A webhook of the registration, as it is stored. */
export interface WebhookObject extends RegisteredWebhook {
  readonly clientConfig?: { readonly service?: ServiceReference; readonly url?: string; readonly caBundle?: string };
  readonly namespaceSelector?: object;
  readonly objectSelector?: object;
  readonly matchConditions?: readonly object[];
  readonly failurePolicy?: string;
}

/** The hook that is installed in a cluster. */
export interface InstalledHook {
  /** The name of its registration. */
  readonly name: string;
  readonly webhooks: readonly WebhookObject[];
  readonly service?: ServiceReference;
  /** The Deployment whose replicas answer; absent if the registration calls a URL. */
  readonly deployment?: DeploymentObject;
  readonly config: Config;
  readonly settings: PolicySettings;
  /** Where the settings and the profiles were read, for people. */
  readonly settingsFrom: string;
}

/** What the command was told itself. */
export interface Told {
  /** The name of the registration; absent: of the only one. */
  readonly installation?: string;
  /** Counts only if the registration calls a URL: then no Deployment says what the hook answers by. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Settings that count in place of those that were found. */
  readonly instead?: Readonly<Record<string, string>>;
  readonly readFile: ReadFile;
}

/**
 * Finds the registration, and the settings of the Deployment that answers for it. Throws a UsageError if there is no hook, if
 * there are several, or if its settings cannot be read.
 */
export async function findInstalledHook(client: ApiClient, told: Told): Promise<InstalledHook> {
  const registration = await registrationNamed(client, told.installation);
  const { name, labels = {} } = registration.metadata as { name: string; labels?: Record<string, string> };
  const webhooks = (registration.webhooks ?? []) as readonly WebhookObject[];
  const service = webhooks.find(({ clientConfig }) => clientConfig?.service !== undefined)?.clientConfig?.service;
  const place = service ?? placeOf(labels, webhooks);
  const base = { name, webhooks, ...(service && { service }) };
  if (place === undefined) {
    const config = readConfig({ ...told.env, ...told.instead, WEBHOOK_CONFIGURATION: name }, told.readFile);
    const settingsFrom = 'the environment of this command, because the registration calls a URL';
    return { ...base, config, settings: policySettingsOf(config), settingsFrom };
  }
  const deployment = await deploymentBehind(client, place);
  const config = { ...(await settingsOfDeployment(client, deployment, told.instead)), webhookConfiguration: name };
  const settingsFrom = `Deployment ${deployment.metadata.namespace}/${deployment.metadata.name}`;
  return { ...base, deployment, config, settings: policySettingsOf(config), settingsFrom };
}

async function registrationNamed(client: ApiClient, name: string | undefined): Promise<JsonObject> {
  try {
    const found =
      name === undefined
        ? await findRegistration(client)
        : await client.json({ method: 'GET', path: registrationPath(name) });
    if (found !== undefined) return found;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new UsageError(`there is no installation ${name}`, { cause: error });
  }
  throw new UsageError(
    'no hook is installed: no ValidatingWebhookConfiguration has app.kubernetes.io/name=reschedule-hook',
  );
}

/** A registration that is not filled yet has a label that says where its hook is. */
function placeOf(
  labels: Readonly<Record<string, string>>,
  webhooks: readonly WebhookObject[],
): ServiceReference | undefined {
  const namespace = labels['reschedule.hook/namespace'];
  if (namespace === undefined || webhooks.length > 0) return undefined;
  return { namespace, name: '' };
}

/** The Deployment whose pods the Service selects; of one that selects none, the Deployment of its name. */
export async function deploymentBehind(
  client: ApiClient,
  { namespace, name }: ServiceReference,
): Promise<DeploymentObject> {
  const path = collectionPath('/apis/apps/v1', 'deployments', namespace);
  const { items } = await client.json({ method: 'GET', path });
  const all = items as readonly DeploymentObject[];
  const selector = await selectorOf(client, namespace, name);
  const found = all.filter(
    (one) => one.metadata.name === name || (selector !== undefined && isSelected(selector, one)),
  );
  const own = found.find(({ metadata }) => metadata.name === name) ?? found[0];
  if (own !== undefined) return { ...own, metadata: { ...own.metadata, namespace } };
  throw new UsageError(`the settings of the hook cannot be read: there is no Deployment ${namespace}/${name}`);
}

type Labels = Readonly<Record<string, string>>;

const HOOK_LABELS = { 'app.kubernetes.io/name': 'reschedule-hook' };

async function selectorOf(client: ApiClient, namespace: string, name: string): Promise<Labels | undefined> {
  if (name === '') return HOOK_LABELS;
  try {
    const { spec } = await client.json({ method: 'GET', path: objectPath('/api/v1', 'services', namespace, name) });
    return (spec as { selector?: Labels } | undefined)?.selector;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function isSelected(selector: Labels, { spec }: DeploymentObject): boolean {
  const { labels = {} } = spec.template.metadata ?? {};
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
