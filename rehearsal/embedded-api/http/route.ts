import type { KindRegistry } from '../storage/kinds.ts';
import { NAMESPACE, subresourcesOf } from '../storage/kinds.ts';
import type { Place } from '../writes/prepare.ts';

/** `/api/v1/...` or `/apis/GROUP/VERSION/...`, and what follows. */
const PATH = /^(?:\/api\/(v1)|\/apis\/([^/]+)\/([^/]+))\/(.+)$/;

/**
 * What a path is about. `nowhere`: no API that is served has this path. `unknown`: the API is served and has no such
 * resource.
 */
export function route(kinds: KindRegistry, path: string): Place | 'nowhere' | 'unknown' {
  const [, core, group = '', version = core ?? '', rest = ''] = PATH.exec(path) ?? [];
  if (kinds.in(group, version).length === 0) return 'nowhere';
  const place = placeIn(kinds, group, version, rest.split('/').map(decodeURIComponent));
  return place !== undefined && isServed(place) ? place : 'unknown';
}

function placeIn(kinds: KindRegistry, group: string, version: string, parts: readonly string[]): Place | undefined {
  const isInNamespace = parts[0] === 'namespaces' && parts.length > 2 && !isNamespaceItself(parts);
  const namespace = isInNamespace ? parts[1] : undefined;
  const [plural = '', name, subresource, ...more] = isInNamespace ? parts.slice(2) : parts;
  const kind = kinds.find(group, version, plural);
  return kind === undefined || more.length > 0 ? undefined : { kind, namespace, name, subresource };
}

function isServed({ kind, namespace, name, subresource }: Place): boolean {
  if (name === undefined) return namespace === undefined || kind.namespaced;
  const isKnown = subresource === undefined || subresourcesOf(kind).some((known) => known.name === subresource);
  return isKnown && kind.namespaced === (namespace !== undefined);
}

/** `namespaces/NAME/status` is about a namespace, `namespaces/NAME/pods` is in one. */
const isNamespaceItself = (parts: readonly string[]) =>
  parts.length === 3 && subresourcesOf(NAMESPACE).some(({ name }) => name === parts[2]);
