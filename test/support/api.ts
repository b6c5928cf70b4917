import type { ApiClient, ApiRequest, JsonObject } from '../../src/kube/client.ts';
import { ApiError, type StatusBody } from '../../src/kube/errors.ts';

interface Metadata {
  uid: string;
  resourceVersion: string;
  annotations?: Record<string, string>;
}

type Raw = { metadata: Metadata };

/**
 * An API server in a map, as far as the hook sees one: reads, the guarded patches with the refusals that a real 1.36 gives,
 * events. Every call is written down as `METHOD path`.
 */
export class FakeApi implements ApiClient {
  readonly objects = new Map<string, Raw>();
  readonly requests: ApiRequest[] = [];
  readonly calls: string[] = [];
  /** Runs before a call is carried out; what it throws is the answer. */
  before: (call: string, request: ApiRequest) => unknown = () => undefined;
  #version = 1_000;

  put(path: string, object: JsonObject): void {
    this.objects.set(path, structuredClone(object) as unknown as Raw);
  }

  annotations(path: string): Record<string, string> {
    return this.objects.get(path)?.metadata.annotations ?? {};
  }

  /** As another client would: the annotations change, and with them the resourceVersion. */
  annotate(path: string, annotations: Record<string, string>): void {
    const { metadata } = this.#existing(path);
    metadata.annotations = { ...metadata.annotations, ...annotations };
    this.#touch(metadata);
  }

  async json(request: ApiRequest): Promise<JsonObject> {
    const call = `${request.method} ${request.path}`;
    this.calls.push(call);
    this.requests.push(request);
    request.signal?.throwIfAborted();
    await this.before(call, request);
    // As over a network: other calls get their turn before the answer is there.
    await Promise.resolve();
    if (request.method === 'POST') return request.body as JsonObject;
    const found = this.#existing(request.path);
    if (request.method === 'PATCH') this.#patch(found.metadata, request);
    return structuredClone(found) as unknown as JsonObject;
  }

  async stream(): Promise<AsyncIterable<Uint8Array>> {
    throw new Error('this fake has no watch');
  }

  #existing(path: string): Raw {
    const found = this.objects.get(path);
    if (found === undefined) {
      const [kind = '', name = ''] = path.split('/').slice(-2);
      throw refusal(404, { reason: 'NotFound', details: { kind, name } });
    }
    return found;
  }

  #patch(metadata: Metadata, { contentType, body }: ApiRequest): void {
    if (contentType === 'application/merge-patch+json') merge(metadata, (body as Raw).metadata);
    else testAndRemove(metadata, body as readonly { path: string; value?: string }[]);
    this.#touch(metadata);
  }

  #touch(metadata: Metadata): void {
    metadata.resourceVersion = `${this.#version++}`;
  }
}

function merge(metadata: Metadata, patch: Partial<Metadata>): void {
  if (patch.uid !== undefined && patch.uid !== metadata.uid) {
    throw refusal(422, { reason: 'Invalid', details: { causes: [{ field: 'metadata.uid' }] } });
  }
  if (patch.resourceVersion !== undefined && patch.resourceVersion !== metadata.resourceVersion) {
    throw refusal(409, { reason: 'Conflict' });
  }
  metadata.annotations = { ...metadata.annotations, ...patch.annotations };
}

function testAndRemove(metadata: Metadata, [test]: readonly { path: string; value?: string }[]): void {
  const pointer = test?.path.split('/').at(-1) ?? '';
  const key = pointer.replaceAll('~1', '/').replaceAll('~0', '~');
  if (test === undefined || metadata.annotations?.[key] !== test.value) throw refusal(422, { reason: 'Invalid' });
  delete metadata.annotations?.[key];
}

export const refusal = (code: number, body: StatusBody = {}) => new ApiError(code, 'fake', body);
