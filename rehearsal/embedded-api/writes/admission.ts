import { randomUUID } from 'node:crypto';
import { ApiFailure, internalError } from '../storage/failure.ts';
import { type Kind, NAMESPACE, WEBHOOKS } from '../storage/kinds.ts';
import { type ApiObject, isRecord, type Json, recordAt } from '../storage/object.ts';
import { selects } from '../storage/selectors.ts';
import type { Store } from '../storage/store.ts';
import type { User } from '../storage/user.ts';
import type { Call } from '../storage/world.ts';
import { type ClientConfig, callWebhook } from './webhook-call.ts';

/** A write before it is done, as webhooks are asked about it. */
export interface Admission {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly kind: Kind;
  readonly subresource?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  /** Of the body, where it is not that of the resource: an Eviction. */
  readonly objectKind?: { readonly group: string; readonly version: string; readonly kind: string };
  readonly object: Json | undefined;
  readonly oldObject?: Json | undefined;
  readonly options: Json;
  readonly dryRun: boolean;
  readonly user: User;
}

interface Webhook {
  readonly name: string;
  readonly clientConfig: ClientConfig;
  readonly rules?: readonly Rule[];
  readonly failurePolicy: 'Fail' | 'Ignore';
  readonly namespaceSelector: unknown;
  readonly objectSelector: unknown;
  readonly timeoutSeconds: number;
}

interface Rule {
  readonly operations: readonly string[];
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly resources: readonly string[];
  readonly scope: string;
}

export type Warn = (text: string) => void;

/**
 * Asks every validating webhook that is registered for a write, all at once; throws where one denies it, or cannot be asked
 * and its policy is Fail. Webhooks reach their hook over TLS as it is registered, with no memory of an earlier call.
 */
export async function admit(store: Store, admission: Admission, warn: Warn): Promise<void> {
  const webhooks = store.list(WEBHOOKS).flatMap(({ webhooks = [] }) => webhooks as readonly Webhook[]);
  const asked = webhooks.filter((webhook) => isAsked(store, webhook, admission));
  const refusals: unknown[] = [];
  await Promise.all(asked.map((webhook) => ask(webhook, admission, warn).catch((error) => refusals.push(error))));
  // As the real one does: of several refusals the client gets the one that came first.
  if (refusals.length > 0) throw refusals[0];
}

function isAsked(
  store: Store,
  { rules = [], namespaceSelector, objectSelector }: Webhook,
  admission: Admission,
): boolean {
  // So that a webhook that fails cannot keep anyone from removing it.
  if (admission.kind === WEBHOOKS) return false;
  if (!rules.some((rule) => isMatch(rule, admission))) return false;
  return isInNamespace(store, namespaceSelector, admission) && isSelectedObject(objectSelector, admission);
}

function isMatch({ operations, apiGroups, apiVersions, resources, scope }: Rule, admission: Admission): boolean {
  const { kind, subresource, operation } = admission;
  const has = (list: readonly string[], value: string) => list.includes('*') || list.includes(value);
  const isInScope = scope === '*' || (scope === 'Namespaced') === kind.namespaced;
  const resource = subresource === undefined ? kind.plural : `${kind.plural}/${subresource}`;
  const names = [
    resource,
    `*/${subresource ?? ''}`,
    `${kind.plural}/*`,
    '*/*',
    ...(subresource === undefined ? ['*'] : []),
  ];
  return (
    isInScope &&
    has(operations, operation) &&
    has(apiGroups, kind.group) &&
    has(apiVersions, kind.version) &&
    resources.some((wanted) => names.includes(wanted))
  );
}

function isInNamespace(store: Store, selector: unknown, { kind, namespace, name, object }: Admission): boolean {
  if (kind === NAMESPACE) return selects(selector, labelsOf(object ?? store.get(NAMESPACE, undefined, name ?? '')));
  if (namespace === undefined) return true;
  return selects(selector, labelsOf(store.get(NAMESPACE, undefined, namespace)));
}

const isSelectedObject = (selector: unknown, { object, oldObject }: Admission) =>
  selects(selector, labelsOf(object)) || (oldObject !== undefined && selects(selector, labelsOf(oldObject)));

const labelsOf = (object: Json | ApiObject | undefined) =>
  recordAt(recordAt(object as Json | undefined, 'metadata'), 'labels') as Record<string, string>;

async function ask(webhook: Webhook, admission: Admission, warn: Warn): Promise<void> {
  const { name, failurePolicy } = webhook;
  let response: Json;
  try {
    response = await responseTo(webhook, admission);
  } catch (error) {
    if (failurePolicy === 'Ignore') return;
    throw internalError(`failed calling webhook "${name}": ${error instanceof Error ? error.message : String(error)}`);
  }
  for (const text of (response.warnings ?? []) as readonly string[]) warn(text);
  if (response.allowed !== true) throw denied(name, recordAt(response, 'status'));
}

async function responseTo({ clientConfig, timeoutSeconds }: Webhook, admission: Admission): Promise<Json> {
  const uid = randomUUID();
  const request = requestOf(uid, admission);
  const review = { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request };
  const answer = await callWebhook(clientConfig, timeoutSeconds, review);
  const { response, kind, apiVersion } = isRecord(answer) ? answer : ({} as Json);
  if (kind !== review.kind || apiVersion !== review.apiVersion) {
    const [wanted, given] = [review.apiVersion, apiVersion].map(
      (version) => `${String(version ?? '')}, Kind=AdmissionReview`,
    );
    throw new Error(`received invalid webhook response: expected webhook response of ${wanted}, got ${given}`);
  }
  if (!isRecord(response)) throw new Error('received invalid webhook response: webhook response was absent');
  if (response.uid !== uid) {
    throw new Error(
      `received invalid webhook response: expected response.uid="${uid}", got "${String(response.uid ?? '')}"`,
    );
  }
  return response;
}

function requestOf(uid: string, admission: Admission): Json {
  const { kind, objectKind, subresource, namespace, name, operation, user, object, oldObject, dryRun, options } =
    admission;
  const { group, version, plural } = kind;
  const bodyKind = objectKind ?? { group, version, kind: kind.kind };
  const resource = { group, version, resource: plural };
  return {
    uid,
    kind: bodyKind,
    resource,
    ...(subresource === undefined ? {} : { subResource: subresource }),
    requestKind: bodyKind,
    requestResource: resource,
    ...(subresource === undefined ? {} : { requestSubResource: subresource }),
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    operation,
    userInfo: user,
    object: object ?? null,
    oldObject: oldObject ?? null,
    dryRun,
    options,
  };
}

const LEAST_CODE = 400;

/** A denial, as a client gets it: the hook's own words behind the webhook's name, and never a code below 400. */
function denied(webhook: string, { code, message, reason, details }: Json): ApiFailure {
  const by = `admission webhook "${webhook}" denied the request`;
  const text = [message, reason].find((one) => typeof one === 'string' && one !== '');
  return new ApiFailure(
    Math.max(LEAST_CODE, Number(code ?? 0)),
    text === undefined ? `${by} without explanation` : `${by}: ${String(text)}`,
    typeof reason === 'string' && reason !== '' ? reason : undefined,
    isRecord(details) ? details : undefined,
  );
}

/** The options of a request, as webhooks see them. */
export const optionsOf = (kind: string, { dryRun, namesManager, fieldManager }: Call): Json => ({
  kind,
  apiVersion: 'meta.k8s.io/v1',
  ...(dryRun ? { dryRun: ['All'] } : {}),
  ...(namesManager ? { fieldManager } : {}),
});
