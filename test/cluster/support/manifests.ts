import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { ApiClient } from '../../../src/kube/client.ts';
import type { ControlPlane } from '../../../testkit/control-plane/control-plane.ts';

export const CONFIG = join(import.meta.dirname, '../../../config');
export const SYSTEM_NAMESPACE = 'reschedule-hook-system';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** What `kubectl kustomize` makes of a folder. */
export async function rendered(controlPlane: ControlPlane, folder: string): Promise<Manifest[]> {
  const { code, stdout, stderr } = await controlPlane.kubectl(['kustomize', folder]);
  if (code !== 0) throw new Error(`kubectl kustomize ${folder}: ${stderr}`);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}

/** The one object of that kind and name; throws where there is none. */
export function find(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter((one) => one.kind === kind && (name === undefined || one.metadata.name === name));
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} of ${kind} ${name ?? ''}`);
  return found[0];
}

/** Makes a folder that is config/default with components, each name with the suffix. */
export async function variantFolder(dir: string, suffix: string, components: readonly string[]): Promise<string> {
  const folder = join(dir, `config${suffix}`);
  await mkdir(folder, { recursive: true });
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    nameSuffix: suffix,
    resources: [relative(folder, join(CONFIG, 'default'))],
    components: components.map((name) => relative(folder, join(CONFIG, 'components', name))),
  };
  await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
  return folder;
}

/** A token of a ServiceAccount, valid for an hour. */
export async function requestToken(client: ApiClient, namespace: string, name: string): Promise<string> {
  const answer = await client.json({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } },
  });
  return (answer.status as { token: string }).token;
}
