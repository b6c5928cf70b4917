import { ApiFailure, badRequest } from '../storage/failure.ts';
import { apiVersionOf, type Kind, POD } from '../storage/kinds.ts';
import type { ApiObject, Pod } from '../storage/object.ts';
import { selection } from '../storage/selectors.ts';
import type { Store } from '../storage/store.ts';

export interface Listed {
  readonly items: readonly ApiObject[];
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
}

interface Position {
  readonly v: 'meta.k8s.io/v1';
  readonly rv: number;
  readonly start: string;
}

/** A page of a collection; later pages are as the first one was, however much has changed since. Throws 400, 410, 504. */
export function listPage(store: Store, kind: Kind, namespace: string | undefined, query: URLSearchParams): Listed {
  const token = query.get('continue');
  const from = token ? readPosition(token) : undefined;
  if (from === undefined) assertReached(store, query.get('resourceVersion'));
  const version = from?.rv ?? store.version;
  const isWanted = selection(kind, query);
  const stored = store.list(kind, namespace, version);
  const all = candidates(kind, stored, query).filter((object) => isWanted(object));
  const rest = from === undefined ? all : all.filter((object) => positionOf(object) > from.start);
  return page(rest, version, query);
}

/** The pods of a list by their nodes, as long as none of them changes. */
const BY_NODE = new WeakMap<readonly ApiObject[], ReadonlyMap<string, readonly ApiObject[]>>();

/** Those among which the wanted ones are: drainers ask for a node's pods, and there may be 100,000. */
function candidates(kind: Kind, stored: readonly ApiObject[], query: URLSearchParams): readonly ApiObject[] {
  const [, node] = /^spec\.nodeName=([^=!,]+)$/.exec(query.get('fieldSelector') ?? '') ?? [];
  if (kind !== POD || node === undefined) return stored;
  const byNode = BY_NODE.get(stored) ?? Map.groupBy(stored as readonly Pod[], ({ spec }) => spec.nodeName ?? '');
  BY_NODE.set(stored, byNode);
  return byNode.get(node) ?? [];
}

function page(rest: readonly ApiObject[], version: number, query: URLSearchParams): Listed {
  const items = rest.slice(0, Number(query.get('limit') ?? 0) || rest.length);
  const last = items.at(-1);
  const remaining = rest.length - items.length;
  const resourceVersion = String(version);
  if (remaining === 0 || last === undefined) return { items, metadata: { resourceVersion } };
  const next = { resourceVersion, continue: writePosition(version, last) };
  // The real one does not count what it has not read.
  const isProtected = query.has('labelSelector') || query.has('fieldSelector');
  return { items, metadata: isProtected ? next : { ...next, remainingItemCount: remaining } };
}

export function listObject(kind: Kind, { items, metadata }: Listed) {
  // Items of a list do not repeat what the list says.
  const bare = items.map(({ kind: _, apiVersion: __, ...rest }) => rest);
  return { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata, items: bare };
}

const positionOf = ({ metadata }: ApiObject) => `${metadata.namespace ?? ''}/${metadata.name}`;

function writePosition(rv: number, last: ApiObject): string {
  const position: Position = { v: 'meta.k8s.io/v1', rv, start: positionOf(last) };
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

function readPosition(token: string): Position {
  try {
    const position = JSON.parse(Buffer.from(token, 'base64url').toString('utf-8')) as Position;
    if (position.v === 'meta.k8s.io/v1' && Number.isInteger(position.rv)) return position;
  } catch {
    // told below
  }
  throw badRequest('invalid continue token: continue key is not valid');
}

/** `resourceVersion=` asks for a state at least as new; the newest is always given. */
function assertReached(store: Store, wanted: string | null): void {
  if (wanted === null || wanted === '') return;
  if (!/^\d+$/.test(wanted)) {
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: "${wanted}": strconv.ParseUint: parsing "${wanted}": invalid syntax`,
    );
  }
  if (Number(wanted) > store.version) throw tooLarge(wanted, store.version);
}

const tooLarge = (wanted: string, current: number) =>
  new ApiFailure(504, `Timeout: Too large resource version: ${wanted}, current: ${current}`, 'Timeout', {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
