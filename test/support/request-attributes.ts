import type { ApiRequest } from '../../src/kube/client.ts';

const DISCOVERY = /^\/(api\/v1|apis|apis\/[^/]+\/[^/]+)$/;

/**
 * The permission that the API server checks for a call, such as `patch couchbase.com/couchbaseclusters`; for discovery,
 * `get /apis`.
 */
export function authorizedAs({ method, path, query = {} }: ApiRequest): string {
  if (DISCOVERY.test(path)) return `get ${path}`;
  const parts = path.split('/').slice(1);
  const group = parts[0] === 'apis' ? `${parts[1]}/` : '';
  const below = parts.slice(parts[0] === 'apis' ? 3 : 2);
  // `namespaces/<name>/<plural>`; `namespaces/<name>` alone is a namespace itself.
  const [resource = '', name, subresource] = below[0] === 'namespaces' && below.length > 2 ? below.slice(2) : below;
  return `${verbOf(method, name !== undefined, query.watch === true)} ${group}${resource}${subresource === undefined ? '' : `/${subresource}`}`;
}

function verbOf(method: ApiRequest['method'], isNamed: boolean, isWatch: boolean): string {
  switch (method) {
    case 'GET':
      if (isWatch) return 'watch';
      return isNamed ? 'get' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return 'delete';
  }
}
