import type { JsonObject } from '../kube/client.ts';
import type { GuardedObjects, WriteResult } from '../kube/guarded-objects.ts';
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

export interface OwnWebhook {
  readonly index: number;
  /** PEM; empty if there is none. */
  readonly bundle: string;
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
    const { resourceVersion = '', labels = {}, annotations = {} } = object.metadata as Metadata;
    const webhooks = (object.webhooks ?? []) as readonly JsonObject[];
    const own = webhooks.flatMap((webhook, index) => {
      const { service, caBundle = '' } = (webhook.clientConfig ?? {}) as ClientConfig;
      if (service?.name !== this.#service.name || service?.namespace !== this.#service.namespace) return [];
      return [{ index, bundle: Buffer.from(caBundle, 'base64').toString() }];
    });
    return { resourceVersion, labels, annotations, webhooks, own };
  }
}

interface Metadata {
  readonly resourceVersion?: string;
  readonly labels?: Texts;
  readonly annotations?: Texts;
}

interface ClientConfig {
  readonly service?: { readonly name?: string; readonly namespace?: string };
  readonly caBundle?: string;
}
