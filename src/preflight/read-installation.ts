import { X509Certificate } from 'node:crypto';
import type { InstalledHook, WebhookObject } from '../installed/installed-hook.ts';
import type { ApiClient, JsonObject } from '../kube/client.ts';
import { collectionPath, REGISTRATIONS } from '../kube/paths.ts';
import { HOOK_LABEL } from '../kube/reads.ts';
import { conflictsOf, type RegisteredWebhook, type Rival, rivalsIn } from '../policy/profiles/rivals.ts';
import type { DrainFacts } from './forecast/facts.ts';
import type { Handshake, InstallationFacts } from './forecast/installation.ts';
import type { HandshakeTarget } from './handshake.ts';
import type { LabelSelectorObject } from './scheduling/objects.ts';
import { selectsLabels } from './scheduling/selectors.ts';

export interface InstallationWorld {
  readonly client: ApiClient;
  /** The version of this command. */
  readonly version: string;
  readonly now: number;
  readonly shakeHands: (target: HandshakeTarget) => Promise<Handshake>;
  readonly unreadReports: readonly string[];
  readonly signal: AbortSignal;
}

const HTTPS = 443;

/** Reads what can be seen of the hook from here. What cannot is absent, and no reason to give up. */
export async function readInstallation(
  hook: InstalledHook,
  { protectedPods, world }: DrainFacts,
  reads: InstallationWorld,
): Promise<InstallationFacts> {
  const { client, version, now, signal, unreadReports } = reads;
  const webhooks = hook.webhooks.filter(isAboutEvictions);
  const [first] = webhooks;
  const namespaces = [...new Set(protectedPods.map(({ pod }) => pod.namespace))].sort();
  const uncovered = namespaces.filter((name) => !webhooks.some((one) => covers(one, world.namespaces.get(name) ?? {})));
  const [readyAddresses, rivals, server, others, handshake] = await Promise.all([
    ifAllowed(() => countReady(client, hook, signal)),
    ifAllowed(() => findRivals(client, hook, signal)),
    ifAllowed(() => serverVersion(client, signal)),
    ifAllowed(() => otherInstallations(client, hook, signal)),
    handshakeWith(first, reads),
  ]);
  const bundleProblem = problemOf(first, now);
  return {
    name: hook.name,
    settingsFrom: hook.settingsFrom,
    profiles: hook.config.profiles.map(({ name }) => name),
    webhooks: webhooks.length,
    isFailOpen: webhooks.every(({ failurePolicy }) => failurePolicy === 'Ignore'),
    uncovered,
    hasConditions: webhooks.some(({ matchConditions = [] }) => matchConditions.length > 0),
    handshake,
    unreadReports,
    otherInstallations: others ?? [],
    versions: { command: version, hook: versionsOf(hook), server: server ?? 'of an unknown version' },
    ...(readyAddresses === undefined ? {} : { readyAddresses }),
    ...(rivals === undefined ? {} : { rivals }),
    ...(bundleProblem === undefined ? {} : { bundleProblem }),
  };
}

/** An eviction has no labels, whatever its pod has. */
function covers(
  { namespaceSelector = {}, objectSelector = {} }: WebhookObject,
  labels: Readonly<Record<string, string>>,
) {
  return (
    selectsLabels(namespaceSelector as LabelSelectorObject, labels) &&
    selectsLabels(objectSelector as LabelSelectorObject, {})
  );
}

/** By the same rules by which a rival is found. */
function isAboutEvictions({ rules = [], name = '' }: WebhookObject): boolean {
  return rivalsIn('', [{ name, rules }], new Set([name])).size > 0;
}

async function ifAllowed<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}

interface SliceObject extends JsonObject {
  readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[] | null;
}

async function countReady(client: ApiClient, { service }: InstalledHook, signal: AbortSignal) {
  if (service === undefined) return undefined;
  const path = collectionPath('/apis/discovery.k8s.io/v1', 'endpointslices', service.namespace);
  const query = { labelSelector: `kubernetes.io/service-name=${service.name}` };
  const { items } = await client.json({ method: 'GET', path, query, signal });
  const slices = items as readonly SliceObject[];
  // A Service that leads elsewhere by its name has none.
  if (slices.length === 0) return undefined;
  return slices.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false)
    .length;
}

async function findRivals(client: ApiClient, { config }: InstalledHook, signal: AbortSignal): Promise<Rival[]> {
  const names = conflictsOf(config.profiles);
  if (names.size === 0) return [];
  const { items } = await client.json({ method: 'GET', path: REGISTRATIONS, signal });
  return (items as readonly { metadata: { name: string }; webhooks?: readonly RegisteredWebhook[] }[]).flatMap(
    ({ metadata, webhooks = [] }) => {
      const counts = rivalsIn(metadata.name, webhooks, names);
      return config.profiles.flatMap(({ name: profile, conflicts }) =>
        conflicts.flatMap((rival) => {
          const count = counts.get(rival);
          return count === undefined ? [] : [{ profile, rival, registration: metadata.name, webhooks: count }];
        }),
      );
    },
  );
}

async function otherInstallations(client: ApiClient, { name }: InstalledHook, signal: AbortSignal): Promise<string[]> {
  const query = { labelSelector: HOOK_LABEL };
  const { items } = await client.json({ method: 'GET', path: REGISTRATIONS, query, signal });
  const names = (items as readonly { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
  return names.filter((other) => other !== name);
}

async function serverVersion(client: ApiClient, signal: AbortSignal): Promise<string> {
  const { gitVersion } = await client.json({ method: 'GET', path: '/version', signal });
  return String(gitVersion);
}

function versionsOf({ deployment }: InstalledHook): string[] {
  const image = deployment?.spec.template.spec.containers[0]?.image ?? '';
  const [, tag] = /:([^:/@]+)(?:@.*)?$/.exec(image) ?? [];
  return tag === undefined ? [] : [tag];
}

async function handshakeWith(
  webhook: WebhookObject | undefined,
  { shakeHands }: InstallationWorld,
): Promise<Handshake> {
  const target = targetOf(webhook);
  return target === undefined ? { kind: 'unseen', why: 'nothing is registered' } : shakeHands(target);
}

function targetOf({ clientConfig = {} }: WebhookObject = {}): HandshakeTarget | undefined {
  const { url, service } = clientConfig;
  const authorities = bundleOf(clientConfig);
  if (service !== undefined) {
    const host = `${service.name}.${service.namespace}.svc`;
    return { host, port: service.port ?? HTTPS, name: host, authorities };
  }
  if (url === undefined) return undefined;
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port || HTTPS), name: hostname, authorities };
}

const bundleOf = ({ caBundle = '' }: { readonly caBundle?: string }) => Buffer.from(caBundle, 'base64').toString();

/** Why no certificate can verify, as the end of a sentence. An empty bundle means the API server's own authorities. */
function problemOf(webhook: WebhookObject | undefined, now: number): string | undefined {
  const pem = bundleOf(webhook?.clientConfig ?? {});
  if (pem === '') return webhook?.clientConfig?.service === undefined ? undefined : 'is empty';
  const all = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  try {
    const ends = all.map((one) => Date.parse(new X509Certificate(one).validTo));
    if (ends.length === 0) return 'has no certificate';
    return ends.some((end) => end > now) ? undefined : 'has only certificates that have expired';
  } catch {
    return 'cannot be read';
  }
}
