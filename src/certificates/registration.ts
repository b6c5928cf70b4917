import type { JsonObject } from '../kube/client.ts';
import type { GuardedObjects, WriteResult } from '../kube/guarded-objects.ts';
import { registrationPath } from '../kube/paths.ts';

/** The registration (ValidatingWebhookConfiguration) as it was read. */
export interface ObservedRegistration {
  readonly resourceVersion: string;
  /** Those that call our Service: their place in the list, and their caBundle, decoded. */
  readonly webhooks: readonly { readonly index: number; readonly bundle: string }[];
}

/** What the registration has to be, as far as the hook looks after it. */
export interface DesiredRegistration {
  /** PEM, of every webhook of ours. */
  readonly bundle: string;
}

/** One operation of a JSON patch. */
export type RegistrationChange = { readonly op: 'add'; readonly path: string; readonly value: string };

/** What has to be changed of the registration, and nothing else of it; empty if it is as it should be. */
export function changesTo(observed: ObservedRegistration, { bundle }: DesiredRegistration): RegistrationChange[] {
  const value = Buffer.from(bundle).toString('base64');
  return (
    observed.webhooks
      .filter((webhook) => webhook.bundle !== bundle)
      // "add" replaces what is there.
      .map(({ index }) => ({ op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value }))
  );
}

export interface RegistrationPlace {
  readonly name: string;
  /** The Service that the hook's own webhooks call. */
  readonly service: { readonly namespace: string; readonly name: string };
}

/** Live reads and guarded writes of the registration. */
export class Registration {
  readonly #objects: Pick<GuardedObjects, 'read' | 'patch'>;
  readonly #place: RegistrationPlace;

  constructor(objects: Pick<GuardedObjects, 'read' | 'patch'>, place: RegistrationPlace) {
    this.#objects = objects;
    this.#place = place;
  }

  /** undefined only if the API server says that there is none. */
  async read(signal: AbortSignal): Promise<ObservedRegistration | undefined> {
    const object = await this.#objects.read(this.#path, signal);
    return object && parseRegistration(object, this.#place.service);
  }

  /** Makes these changes to the registration that was observed. */
  write(
    observed: ObservedRegistration,
    changes: readonly RegistrationChange[],
    signal: AbortSignal,
  ): Promise<WriteResult> {
    const test = { op: 'test', path: '/metadata/resourceVersion', value: observed.resourceVersion } as const;
    return this.#objects.patch(this.#path, [test, ...changes], signal);
  }

  get #path(): string {
    return registrationPath(this.#place.name);
  }
}

interface Webhook {
  readonly clientConfig?: {
    readonly service?: { readonly name?: string; readonly namespace?: string };
    readonly caBundle?: string;
  };
}

function parseRegistration(
  object: JsonObject,
  { namespace, name }: RegistrationPlace['service'],
): ObservedRegistration {
  const { resourceVersion = '' } = object.metadata as { resourceVersion?: string };
  const webhooks = ((object.webhooks ?? []) as readonly Webhook[]).flatMap(({ clientConfig = {} }, index) => {
    const { service, caBundle = '' } = clientConfig;
    if (service?.name !== name || service?.namespace !== namespace) return [];
    return [{ index, bundle: Buffer.from(caBundle, 'base64').toString() }];
  });
  return { resourceVersion, webhooks };
}
