import type { ApiClient, JsonObject } from './client.ts';

/**
 * Whether the API server's discovery lists a kind. For a kind that it does not serve, the API server sends a plain-text
 * 404, as any proxy could. So only a list without the kind proves that the kind is absent. Every ServiceAccount may
 * read these lists (system:discovery). `apiPath` is `/apis/<group>/<version>` or `/api/v1`. Throws if it gets no such
 * list.
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

/**
 * The version of a group that serves the kind, of several the one that the API server prefers; undefined if none does.
 * Throws if it gets no such lists.
 */
export async function servedVersion(
  client: Pick<ApiClient, 'json'>,
  group: string,
  plural: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const groups = await client.json({ method: 'GET', path: '/apis', signal });
  const found = listIn(groups, 'groups').find(({ name }) => name === group);
  if (found === undefined) return undefined;
  const preferred = (found.preferredVersion as JsonObject | undefined)?.version;
  const versions = listIn(found, 'versions').map(({ version }) => String(version));
  for (const version of new Set([...(preferred === undefined ? [] : [String(preferred)]), ...versions])) {
    const resources = await client.json({ method: 'GET', path: `/apis/${group}/${version}`, signal });
    if (listIn(resources, 'resources').some(({ name }) => name === plural)) return version;
  }
  return undefined;
}

function listIn(object: JsonObject | null, field: string): readonly JsonObject[] {
  const list = object?.[field];
  if (!Array.isArray(list)) throw new TypeError(`discovery has no ${field}`);
  return list;
}
