import { UsageError } from '../command-line.ts';
import type { ApiClient, JsonObject } from '../kube/client.ts';
import { REGISTRATIONS } from '../kube/paths.ts';
import { HOOK_LABEL } from '../kube/reads.ts';

/** The command has to be told which installation is meant. */
export class SeveralInstallations extends UsageError {}

/** An installation is known by the name of its registration. */
export const nameOf = ({ metadata }: JsonObject) => String((metadata as { name?: unknown }).name);

/**
 * The registration of the only installation in the cluster; undefined if there is none. Throws a UsageError that names
 * them if there are several, and what the read throws.
 */
export async function findRegistration(client: ApiClient, signal?: AbortSignal): Promise<JsonObject | undefined> {
  const query = { labelSelector: HOOK_LABEL };
  const { items } = await client.json({ method: 'GET', path: REGISTRATIONS, query, signal });
  const [found, ...others] = items as readonly JsonObject[];
  if (found === undefined || others.length === 0) return found;
  const names = [found, ...others].map(nameOf).join(', ');
  throw new SeveralInstallations(`several hooks are installed: choose one with --installation (${names})`);
}
