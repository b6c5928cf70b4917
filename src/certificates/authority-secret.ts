import { createPrivateKey } from 'node:crypto';
import type { JsonObject } from '../kube/client.ts';
import type { GuardedObjects, WriteResult } from '../kube/guarded-objects.ts';
import { collectionPath, objectPath } from '../kube/paths.ts';
import { type Authorities, bundleOf, type Retired } from './authorities.ts';
import type { Pair } from './certificate-source.ts';
import { certificatesIn } from './pem.ts';

/** What the data of the Secret is: ours, nothing yet, ours but unusable, or somebody else's, which is left alone. */
export type SecretContent =
  | { readonly kind: 'authorities'; readonly authorities: Authorities }
  | { readonly kind: 'empty' }
  | { readonly kind: 'broken'; readonly why: string }
  | { readonly kind: 'foreign'; readonly keys: readonly string[] };

/** The Secret as it was read. */
export interface ObservedSecret {
  readonly content: SecretContent;
  /** All of it: a write puts back what is not ours, and its resourceVersion. */
  readonly object: JsonObject;
}

/** Live reads and guarded writes of the Secret in which the replicas share their authorities. */
export class AuthoritySecret {
  readonly #objects: Pick<GuardedObjects, 'read' | 'create' | 'replace'>;
  readonly #namespace: string;
  readonly #name: string;

  constructor(objects: Pick<GuardedObjects, 'read' | 'create' | 'replace'>, namespace: string, name: string) {
    this.#objects = objects;
    this.#namespace = namespace;
    this.#name = name;
  }

  /** undefined only if the API server says that there is none. */
  async read(signal: AbortSignal): Promise<ObservedSecret | undefined> {
    const object = await this.#objects.read(this.#path, signal);
    return object && { object, content: parseAuthorities(decodeAll(object.data)) };
  }

  /** Creates the Secret if none was observed, else replaces the data of the one that was. */
  write(authorities: Authorities, observed: ObservedSecret | undefined, signal: AbortSignal): Promise<WriteResult> {
    const data = encodeAll(formatAuthorities(authorities));
    if (observed !== undefined) return this.#objects.replace(this.#path, { ...observed.object, data }, signal);
    const labels = { 'app.kubernetes.io/name': 'reschedule-hook', 'app.kubernetes.io/managed-by': 'reschedule-hook' };
    const metadata = { namespace: this.#namespace, name: this.#name, labels };
    const secret = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata, data };
    return this.#objects.create(collectionPath('/api/v1', 'secrets', this.#namespace), secret, signal);
  }

  get #path(): string {
    return objectPath('/api/v1', 'secrets', this.#namespace, this.#name);
  }
}

type Texts = Readonly<Record<string, string>>;

/** The keys of the Secret's data. `ca.crt` is for people who look; nothing reads it. */
const KEYS = {
  bundle: 'ca.crt',
  cert: 'signing.crt',
  key: 'signing.key',
  nextCert: 'next.crt',
  nextKey: 'next.key',
  retired: 'retired.json',
} as const;

export function parseAuthorities(data: Texts): SecretContent {
  const keys = Object.keys(data);
  if (keys.length === 0) return { kind: 'empty' };
  if (!(KEYS.cert in data)) return { kind: 'foreign', keys };
  try {
    const signing = parsePair(data, KEYS.cert, KEYS.key);
    const next = KEYS.nextCert in data ? { next: parsePair(data, KEYS.nextCert, KEYS.nextKey) } : {};
    return { kind: 'authorities', authorities: { signing, ...next, retired: parseRetired(data) } };
  } catch (error) {
    return { kind: 'broken', why: error instanceof Error ? error.message : String(error) };
  }
}

function parsePair(data: Texts, certKey: string, keyKey: string): Pair {
  const { [certKey]: cert = '', [keyKey]: key = '' } = data;
  const [certificate] = certificatesIn(cert);
  if (certificate?.ca !== true) throw new Error(`${certKey} is no certificate of an authority`);
  try {
    if (certificate.checkPrivateKey(createPrivateKey(key))) return { cert, key };
  } catch {
    // What the library says of a broken key could show a part of it.
  }
  throw new Error(`${keyKey} is not the key of ${certKey}`);
}

/** What is wrong here costs an overlap, not the authority. */
function parseRetired({ [KEYS.retired]: text = '[]' }: Texts): Retired[] {
  try {
    return (JSON.parse(text) as Retired[]).filter(
      ({ cert, until }) => typeof until === 'number' && certificatesIn(cert).length === 1,
    );
  } catch {
    return [];
  }
}

export function formatAuthorities(authorities: Authorities): Texts {
  const { signing, next, retired } = authorities;
  return {
    [KEYS.bundle]: bundleOf(authorities),
    [KEYS.cert]: signing.cert,
    [KEYS.key]: signing.key,
    ...(next === undefined ? {} : { [KEYS.nextCert]: next.cert, [KEYS.nextKey]: next.key }),
    [KEYS.retired]: JSON.stringify(retired),
  };
}

function encodeAll(texts: Texts): Texts {
  const encode = (text: string) => Buffer.from(text).toString('base64');
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, encode(text)]));
}

function decodeAll(data: unknown): Texts {
  const decode = (base64: string) => Buffer.from(base64, 'base64').toString();
  return Object.fromEntries(Object.entries((data ?? {}) as Texts).map(([key, base64]) => [key, decode(base64)]));
}
