import type { ApiClient, ApiRequest, JsonObject } from '../../src/kube/client.ts';
import { ApiError, ApiUnreachableError, type StatusBody } from '../../src/kube/errors.ts';
import { Feed } from './list-watch.ts';

interface Metadata {
  uid: string;
  resourceVersion: string;
  annotations?: Record<string, string>;
}

type Raw = { metadata: Metadata };

/**
 * An API server in maps, as far as the hook sees one: reads, the guarded patches with the refusals that a real 1.36 gives,
 * events, lists, and watches that the test feeds. Every call is written down as `METHOD path`.
 */
export class FakeApi implements ApiClient {
  /** By their paths. */
  readonly objects = new Map<string, Raw>();
  /** What a collection lists, by its path. */
  readonly lists = new Map<string, readonly JsonObject[]>();
  /** The last watch of each path. */
  readonly feeds = new Map<string, Feed>();
  readonly requests: ApiRequest[] = [];
  readonly calls: string[] = [];
  /** Runs before a call is carried out; what it throws is the answer. */
  before: (call: string, request: ApiRequest) => unknown = () => undefined;
  /** Nobody answers. */
  isAway = false;
  readonly #answer: ((request: ApiRequest) => unknown) | undefined;
  #version = 1_000;

  /** `answer`: to every call, instead of what the maps have; what it throws is the answer, too. */
  constructor(answer?: (request: ApiRequest) => unknown) {
    this.#answer = answer;
  }

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

  /** Tells whoever watches a collection. */
  tell(path: string, type: string, object: JsonObject): void {
    this.feeds.get(path)?.event(type, object);
  }

  /** Watches break off, and nobody answers until `isAway` is false again. */
  leave(): void {
    this.isAway = true;
    for (const feed of this.feeds.values()) feed.fail(new Error('read ECONNRESET'));
  }

  async json(request: ApiRequest): Promise<JsonObject> {
    await this.#arrive(request);
    if (this.#answer !== undefined) return this.#answer(request) as JsonObject;
    if (request.method === 'POST') return request.body as JsonObject;
    const items = this.lists.get(request.path);
    if (items !== undefined) return { metadata: { resourceVersion: `${this.#version}` }, items };
    const found = this.#existing(request.path);
    if (request.method === 'PATCH') this.#patch(found.metadata, request);
    return structuredClone(found) as unknown as JsonObject;
  }

  async stream(request: ApiRequest): Promise<AsyncIterable<Uint8Array>> {
    await this.#arrive(request);
    request.signal?.throwIfAborted();
    const feed = new Feed(request.signal);
    this.feeds.set(request.path, feed);
    return feed.body;
  }

  async #arrive(request: ApiRequest): Promise<void> {
    const call = `${request.method} ${request.path}`;
    this.calls.push(call);
    this.requests.push(request);
    request.signal?.throwIfAborted();
    if (this.isAway) throw new ApiUnreachableError(call, new Error('connect ECONNREFUSED'));
    await this.before(call, request);
    // As over a network: other calls get their turn before the answer is there.
    await Promise.resolve();
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

/** One that gives the same answer to every call; an Error refuses them all. */
export const answering = (answer: unknown) =>
  new FakeApi(() => {
    if (answer instanceof Error) throw answer;
    return answer;
  });

export const refusal = (code: number, body: StatusBody = {}) => new ApiError(code, 'fake', body);
