import type { ApiClient } from '../../src/kube/client.ts';
import { version } from '../../src/version.ts';

/** What took part in a rehearsal: the hook, Node, and what the API server says it is. */
export async function versionsOf(client: ApiClient): Promise<Record<string, string>> {
  const { gitVersion } = await client.json({ method: 'GET', path: '/version' });
  return { 'reschedule hook': version(), Kubernetes: String(gitVersion), 'Node.js': process.version };
}
