import type { ApiClient, ApiRequest, JsonObject } from '../../src/kube/client.ts';
import { ApiError, ApiUnreachableError, type StatusBody } from '../../src/kube/errors.ts';
import { Feed } from './list-watch.ts';

interface Metadata {
  name?: string;
  uid: string;
  resourceVersion: string;
  annotations?: Record<string, string>;
}

type Raw = { metadata: Metadata; data?: Record<string, string> };

/**
 * A fake API server that keeps its objects in maps. It has what the hook uses: reads, Events, lists, watches that the
 * test feeds, and the guarded patches with the refusals of a real 1.36. It records every call as `METHOD path`.
 */
export class FakeApi implements ApiClient {
  /** The objects by path. */
  readonly objects = new Map<string, Raw>();
  /** The objects of a list, by the path of the collection. */
  readonly lists = new Map<string, readonly JsonObject[]>();
  /** The last watch of each path. */
  readonly feeds = new Map<string, Feed>();
  readonly requests: ApiRequest[] = [];
  readonly calls: string[] = [];
  /** Runs before each call; if it throws, the error is the response. */
  before: (call: string, request: ApiRequest) => unknown = () => undefined;
  /** Whether every call fails without a response. */
  isAway = false;
  readonly #answer: ((request: ApiRequest) => unknown) | undefined;
  #version = 1_000;

  /** `answer` answers every call instead of the maps. If it throws, the error is the response. */
  constructor(answer?: (request: ApiRequest) => unknown) {
    this.#answer = answer;
  }

  put(path: string, object: JsonObject): void {
    this.objects.set(path, structuredClone(object) as unknown as Raw);
  }

  annotations(path: string): Record<string, string> {
    return this.objects.get(path)?.metadata.annotations ?? {};
  }

  /** Changes annotations as another client would, and with them the resourceVersion. */
  annotate(path: string, annotations: Record<string, string>): void {
    const { metadata } = this.#existing(path);
    metadata.annotations = { ...metadata.annotations, ...annotations };
    this.#touch(metadata);
  }

  /** Sends an event to the watch of a collection. */
  send(path: string, type: string, object: JsonObject): void {
    this.feeds.get(path)?.event(type, object);
  }

  /** Ends every watch, and lets every call fail until `isAway` is false again. */
  leave(): void {
    this.isAway = true;
    for (const feed of this.feeds.values()) feed.fail(new Error('read ECONNRESET'));
  }

  async json(request: ApiRequest): Promise<JsonObject> {
    await this.#arrive(request);
    if (this.#answer !== undefined) return this.#answer(request) as JsonObject;
    if (request.method === 'POST') return this.#create(request);
    const items = this.lists.get(request.path);
    if (items !== undefined) return { metadata: { resourceVersion: `${this.#version}` }, items };
    const found = this.#existing(request.path);
    if (request.method === 'PATCH') this.#patch(found, request);
    if (request.method === 'DELETE') this.#delete(found, request);
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
    // As over a network, other calls get their turn before the response arrives.
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

  /** Keeps what is created of ConfigMaps. Of everything else it only returns the object. */
  #create({ path, body }: ApiRequest): JsonObject {
    if (!path.endsWith('/configmaps')) return body as JsonObject;
    const object = structuredClone(body) as Raw;
    const place = `${path}/${object.metadata.name}`;
    if (this.objects.has(place)) throw refusal(409, { reason: 'AlreadyExists' });
    object.metadata.uid = `uid-${this.#version}`;
    this.#touch(object.metadata);
    this.objects.set(place, object);
    return structuredClone(object) as unknown as JsonObject;
  }

  #delete({ metadata }: Raw, { path, body }: ApiRequest): void {
    const { preconditions } = body as { preconditions: Partial<Metadata> };
    const isSame = preconditions.uid === metadata.uid && preconditions.resourceVersion === metadata.resourceVersion;
    if (!isSame) throw refusal(409, { reason: 'Conflict' });
    this.objects.delete(path);
  }

  #patch(object: Raw, { contentType, body }: ApiRequest): void {
    if (contentType === 'application/merge-patch+json') merge(object, body as Raw);
    else testAndRemove(object, body as readonly { path: string; value?: string }[]);
    this.#touch(object.metadata);
  }

  #touch(metadata: Metadata): void {
    metadata.resourceVersion = `${this.#version++}`;
  }
}

function merge(object: Raw, { metadata: patch, data }: { metadata: Partial<Metadata>; data?: Raw['data'] }): void {
  const { metadata } = object;
  if (patch.uid !== undefined && patch.uid !== metadata.uid) {
    throw refusal(422, { reason: 'Invalid', details: { causes: [{ field: 'metadata.uid' }] } });
  }
  if (patch.resourceVersion !== undefined && patch.resourceVersion !== metadata.resourceVersion) {
    throw refusal(409, { reason: 'Conflict' });
  }
  metadata.annotations = { ...metadata.annotations, ...patch.annotations };
  if (data) object.data = { ...object.data, ...data };
}

/** All or nothing, as a JSON patch is. */
function testAndRemove(object: Raw, all: readonly { path: string; value?: string }[]): void {
  const ofIdentity = all.filter(({ path }) => path === '/metadata/uid');
  if (ofIdentity.some(({ value }) => value !== object.metadata.uid)) throw refusal(422, { reason: 'Invalid' });
  const operations = all.filter((one) => !ofIdentity.includes(one));
  const isData = operations[0]?.path.startsWith('/data/');
  const left = { ...(isData ? object.data : object.metadata.annotations) };
  for (const { path, value } of operations) {
    const key = (path.split('/').at(-1) ?? '').replaceAll('~1', '/').replaceAll('~0', '~');
    if (value === undefined) delete left[key];
    else if (left[key] !== value) throw refusal(422, { reason: 'Invalid' });
  }
  if (isData) object.data = left;
  else object.metadata.annotations = left;
}

/** A fake that gives the same response to every call. An Error refuses every call. */
export const answering = (answer: unknown) =>
  new FakeApi(() => {
    if (answer instanceof Error) throw answer;
    return answer;
  });

export const refusal = (code: number, body: StatusBody = {}) => new ApiError(code, 'fake', body);
