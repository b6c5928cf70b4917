import type { ApiClient, JsonObject } from '../kube/client.ts';
import { ApiError, saysNotFound } from '../kube/errors.ts';
import { FIELD_MANAGER } from '../kube/guarded-objects.ts';

export const REGISTRATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';

/** `changed`: the object is not any more what the write was decided on, and nothing was written. */
export type WriteOutcome = 'written' | 'changed';

/** The Secret as it was seen; its texts are decoded. */
export interface SeenSecret {
  readonly data: Readonly<Record<string, string>>;
  readonly object: JsonObject;
}

/** The ValidatingWebhookConfiguration as it was seen. */
export interface SeenRegistration {
  readonly resourceVersion: string;
  /** Of the webhooks that call our Service: their place in the list, and their caBundle, decoded. */
  readonly webhooks: readonly { readonly index: number; readonly bundle: string }[];
}

export interface Place {
  readonly namespace: string;
  readonly secret: string;
  readonly service: string;
  readonly registration: string;
}

/** Live reads and guarded writes of the two objects. Reads give undefined only where the API server says that there is none. */
export class CertificateObjects {
  readonly #client: Pick<ApiClient, 'json'>;
  readonly #place: Place;

  constructor(client: Pick<ApiClient, 'json'>, place: Place) {
    this.#client = client;
    this.#place = place;
  }

  async readSecret(signal: AbortSignal): Promise<SeenSecret | undefined> {
    const { secret } = this.#place;
    const object = await this.#read(this.#secretPath(secret), 'secrets', secret, signal);
    if (object === undefined) return undefined;
    const data = Object.entries((object.data ?? {}) as Record<string, string>);
    return { object, data: Object.fromEntries(data.map(([key, value]) => [key, decode(value)])) };
  }

  /** Creates the Secret, or replaces the data of the one that was seen. */
  async writeSecret(
    texts: Readonly<Record<string, string>>,
    seen: SeenSecret | undefined,
    signal: AbortSignal,
  ): Promise<WriteOutcome> {
    const { namespace, secret: name } = this.#place;
    const data = Object.fromEntries(Object.entries(texts).map(([key, value]) => [key, encode(value)]));
    const query = { fieldManager: FIELD_MANAGER };
    if (seen !== undefined) {
      // It carries the resourceVersion that was seen.
      const body = { ...seen.object, data };
      const path = this.#secretPath(name);
      return attempt(() => this.#client.json({ method: 'PUT', path, query, body, signal }));
    }
    const labels = { 'app.kubernetes.io/name': 'reschedule-hook', 'app.kubernetes.io/managed-by': 'reschedule-hook' };
    const body = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata: { namespace, name, labels }, data };
    const path = this.#secretPath();
    // A namespace that is missing is no race: that 404 is thrown.
    return attempt(() => this.#client.json({ method: 'POST', path, query, body, signal }), [409]);
  }

  async readRegistration(signal: AbortSignal): Promise<SeenRegistration | undefined> {
    const { registration: name } = this.#place;
    const path = `${REGISTRATIONS}/${name}`;
    const object = await this.#read(path, 'validatingwebhookconfigurations', name, signal);
    if (object === undefined) return undefined;
    const { resourceVersion = '' } = (object.metadata ?? {}) as { resourceVersion?: string };
    const all = (object.webhooks ?? []) as readonly { clientConfig?: ClientConfig }[];
    const webhooks = all.flatMap(({ clientConfig = {} }, index) =>
      this.#isOurs(clientConfig) ? [{ index, bundle: decode(clientConfig.caBundle ?? '') }] : [],
    );
    return { resourceVersion, webhooks };
  }

  /** Gives every webhook of ours this bundle, and touches nothing else. */
  async writeBundle(seen: SeenRegistration, bundle: string, signal: AbortSignal): Promise<WriteOutcome> {
    const body = [
      { op: 'test', path: '/metadata/resourceVersion', value: seen.resourceVersion },
      // "add" replaces what is there.
      ...seen.webhooks.map(({ index }) => ({
        op: 'add',
        path: `/webhooks/${index}/clientConfig/caBundle`,
        value: encode(bundle),
      })),
    ];
    const path = `${REGISTRATIONS}/${this.#place.registration}`;
    const query = { fieldManager: FIELD_MANAGER };
    const contentType = 'application/json-patch+json';
    return attempt(() => this.#client.json({ method: 'PATCH', path, query, contentType, body, signal }));
  }

  #isOurs({ service }: ClientConfig): boolean {
    return service?.name === this.#place.service && service?.namespace === this.#place.namespace;
  }

  #secretPath(name?: string): string {
    return `/api/v1/namespaces/${this.#place.namespace}/secrets${name === undefined ? '' : `/${name}`}`;
  }

  async #read(path: string, kind: string, name: string, signal: AbortSignal): Promise<JsonObject | undefined> {
    try {
      return await this.#client.json({ method: 'GET', path, signal });
    } catch (error) {
      // A bare 404 can come from anything in between, and a new authority must not.
      if (saysNotFound(error, kind, name)) return undefined;
      throw error;
    }
  }
}

interface ClientConfig {
  readonly service?: { readonly name?: string; readonly namespace?: string };
  readonly caBundle?: string;
}

/** `codes` are the refusals that mean "changed"; a JSON patch whose `test` failed is refused with 422 and no causes. */
async function attempt(write: () => Promise<unknown>, codes: readonly number[] = [404, 409]): Promise<WriteOutcome> {
  try {
    await write();
    return 'written';
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (codes.includes(error.code) || (error.code === 422 && error.causes.length === 0)) return 'changed';
    throw error;
  }
}

const encode = (text: string) => Buffer.from(text).toString('base64');
const decode = (base64: string) => Buffer.from(base64, 'base64').toString();
