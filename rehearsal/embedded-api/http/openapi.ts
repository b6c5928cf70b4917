import { apiVersionOf, type Kind, type KindRegistry } from '../storage/kinds.ts';
import type { Json } from '../storage/object.ts';

const ROOT = '/openapi/v3';

/**
 * As much of the schema as makes `kubectl create` and `apply` leave the checking to the server: that a patch knows the
 * parameter `fieldValidation`. It knows no fields. Undefined where the path is none of it.
 */
export function openApi(kinds: KindRegistry, path: string): Json | undefined {
  if (path === ROOT) {
    const paths = kinds.all.map((kind) => [baseOf(kind), { serverRelativeURL: `${ROOT}/${baseOf(kind)}` }]);
    return { paths: Object.fromEntries(paths) };
  }
  const found = kinds.all.filter((kind) => path === `${ROOT}/${baseOf(kind)}`);
  if (found.length === 0) return undefined;
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'embedded' },
    paths: Object.fromEntries(
      found.map((kind) => [`/${baseOf(kind)}/${placeOf(kind)}{name}`, { patch: patchOf(kind) }]),
    ),
    components: { schemas: {} },
  };
}

const baseOf = (kind: Kind) => `${kind.group === '' ? 'api' : 'apis'}/${apiVersionOf(kind)}`;

const placeOf = ({ namespaced, plural }: Kind) => `${namespaced ? 'namespaces/{namespace}/' : ''}${plural}/`;

function patchOf({ group, version, kind }: Kind): Json {
  return {
    parameters: [{ name: 'fieldValidation', in: 'query', schema: { type: 'string', uniqueItems: true } }],
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': { group, version, kind },
  };
}
