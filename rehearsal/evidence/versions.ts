import { readFileSync } from 'node:fs';
import type { ApiClient } from '../../src/kube/client.ts';

/** What took part in a rehearsal: the hook, Node, and what the API server says it is. */
export async function versionsOf(client: ApiClient): Promise<Record<string, string>> {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf-8'));
  const { gitVersion } = await client.json({ method: 'GET', path: '/version' });
  return { 'reschedule hook': String(version), Kubernetes: String(gitVersion), 'Node.js': process.version };
}
