import type { JsonObject } from '../kube/client.ts';
import { FIELD_MANAGER, type GuardedObjects, type WriteResult } from '../kube/guarded-objects.ts';
import { registrationPath } from '../kube/paths.ts';

/** The registration (ValidatingWebhookConfiguration) as it was read. */
export interface ObservedRegistration {
  readonly resourceVersion: string;
  readonly labels: Texts;
  readonly annotations: Texts;
  /** All of them, as they are stored. */
  readonly webhooks: readonly JsonObject[];
  /** Those that call our Service: their place in the list, and their caBundle, decoded. */
  readonly own: readonly OwnWebhook[];
}

export interface StoredBundle {
  /** PEM; empty if there is none. */
  readonly bundle: string;
  /** Whether a replica of the hook was the last to change it, as the API server has recorded it. */
  readonly isOfReplica: boolean;
}

export interface OwnWebhook extends StoredBundle {
  readonly index: number;
}

type Texts = Readonly<Record<string, string>>;

/** One operation of a JSON patch. `add` replaces what is there. */
export interface RegistrationChange {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

/** The Service that the hook's own webhooks call. */
export interface ServicePlace {
  readonly namespace: string;
  readonly name: string;
}

/** Live reads and guarded writes of the registration. It is never created here: to delete it switches the hook off. */
export class Registration {
  readonly name: string;
  readonly #objects: Pick<GuardedObjects, 'read' | 'patch'>;
  readonly #service: ServicePlace;

  constructor(objects: Pick<GuardedObjects, 'read' | 'patch'>, name: string, service: ServicePlace) {
    this.name = name;
    this.#objects = objects;
    this.#service = service;
  }

  /** undefined only if the API server says that there is none. */
  async read(signal: AbortSignal): Promise<ObservedRegistration | undefined> {
    const object = await this.#objects.read(registrationPath(this.name), signal);
    return object && this.parse(object);
  }

  /** Makes these changes to the registration that was observed. */
  write(
    observed: ObservedRegistration,
    changes: readonly RegistrationChange[],
    signal: AbortSignal,
  ): Promise<WriteResult> {
    const test = { op: 'test', path: '/metadata/resourceVersion', value: observed.resourceVersion } as const;
    return this.#objects.patch(
      registrationPath(this.name),
      [test, ...changes.map((change) => ({ ...change }))],
      signal,
    );
  }

  parse(object: JsonObject): ObservedRegistration {
    const { resourceVersion = '', labels = {}, annotations = {}, managedFields = [] } = object.metadata as Metadata;
    const webhooks = (object.webhooks ?? []) as readonly JsonObject[];
    const own = webhooks.flatMap((webhook, index) => {
      const { service, caBundle = '' } = (webhook.clientConfig ?? {}) as ClientConfig;
      if (service?.name !== this.#service.name || service?.namespace !== this.#service.namespace) return [];
      const writers = writersOf(`${webhook.name}`, managedFields);
      const isOfReplica = writers.length > 0 && writers.every((one) => one === FIELD_MANAGER);
      return [{ index, bundle: Buffer.from(caBundle, 'base64').toString(), isOfReplica }];
    });
    return { resourceVersion, labels, annotations, webhooks, own };
  }
}

interface Metadata {
  readonly resourceVersion?: string;
  readonly labels?: Texts;
  readonly annotations?: Texts;
  readonly managedFields?: readonly ManagedFields[];
}

interface ManagedFields {
  readonly manager?: string;
  readonly fieldsV1?: Fields;
}

/** A tree of names; a field that is set has one of its own. */
interface Fields {
  readonly [name: string]: Fields | undefined;
}

/** Who has set the caBundle of the webhook of this name. */
function writersOf(name: string, managedFields: readonly ManagedFields[]): (string | undefined)[] {
  const path = ['f:webhooks', `k:${JSON.stringify({ name })}`, 'f:clientConfig', 'f:caBundle'];
  const has = (fields: Fields | undefined) => path.reduce((one, key) => one?.[key], fields) !== undefined;
  return managedFields.filter(({ fieldsV1 }) => has(fieldsV1)).map(({ manager }) => manager);
}

interface ClientConfig {
  readonly service?: { readonly name?: string; readonly namespace?: string };
  readonly caBundle?: string;
}
