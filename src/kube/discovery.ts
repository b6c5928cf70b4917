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
  const [, , group = '', version] = apiPath.split('/');
  if (version !== undefined && !(await versionsOf(client, group, signal)).includes(version)) return false;
  return hasKind(client, apiPath, plural, signal);
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
  for (const version of await versionsOf(client, group, signal)) {
    if (await hasKind(client, `/apis/${group}/${version}`, plural, signal)) return version;
  }
  return undefined;
}

/** The versions of a group, the preferred one first; empty if there is no such group. */
async function versionsOf(client: Pick<ApiClient, 'json'>, group: string, signal: AbortSignal): Promise<string[]> {
  const groups = await client.json({ method: 'GET', path: '/apis', signal });
  const found = listIn(groups, 'groups').find(({ name }) => name === group);
  if (found === undefined) return [];
  const preferred = (found.preferredVersion as JsonObject | undefined)?.version;
  const all = listIn(found, 'versions').map(({ version }) => String(version));
  return [...new Set([...(preferred === undefined ? [] : [String(preferred)]), ...all])];
}

async function hasKind(client: Pick<ApiClient, 'json'>, apiPath: string, plural: string, signal: AbortSignal) {
  const resources = await client.json({ method: 'GET', path: apiPath, signal });
  return listIn(resources, 'resources').some(({ name }) => name === plural);
}

function listIn(object: JsonObject | null, field: string): readonly JsonObject[] {
  const list = object?.[field];
  if (!Array.isArray(list)) throw new TypeError(`discovery has no ${field}`);
  return list;
}
