import type { ApiClient, JsonObject } from './client.ts';

/**
 * Whether the API server serves a kind, by what its discovery lists. Of one that it does not serve it says 404 in plain
 * text, as anything in between might of anything: so only a list without the kind means that it is not there. Every
 * ServiceAccount may read these (system:discovery). `apiPath` is `/apis/<group>/<version>` or `/api/v1`. Throws where there
 * is no such list.
 */
export async function isServed(
  client: Pick<ApiClient, 'json'>,
  apiPath: string,
  plural: string,
  signal: AbortSignal,
): Promise<boolean> {
  const [, , group, version] = apiPath.split('/');
  if (version !== undefined) {
    const groups = await client.json({ method: 'GET', path: '/apis', signal });
    const found = listIn(groups, 'groups').find(({ name }) => name === group);
    if (found === undefined || !listIn(found, 'versions').some((one) => one.version === version)) return false;
  }
  const resources = await client.json({ method: 'GET', path: apiPath, signal });
  return listIn(resources, 'resources').some(({ name }) => name === plural);
}

function listIn(object: JsonObject | null, field: string): readonly JsonObject[] {
  const list = object?.[field];
  if (!Array.isArray(list)) throw new TypeError(`discovery has no ${field}`);
  return list;
}
