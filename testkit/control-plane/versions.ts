/** Which Kubernetes the control plane is: one folder in `tools/kubernetes/` for each minor version that can be built. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What tests run on where nothing else is asked for. */
export const DEFAULT_KUBERNETES = '1.36';

/** Names a minor version, such as 1.37. `npm test -- --kubernetes` sets it for all tests that it starts. */
export const KUBERNETES_VARIABLE = 'TEST_KUBERNETES';

export const toolsFolder = join(import.meta.dirname, 'tools');

/** All that are pinned, the oldest first. */
export function kubernetesVersions(): readonly string[] {
  return readdirSync(join(toolsFolder, 'kubernetes')).sort((a, b) => minorOf(a) - minorOf(b));
}

/** `1.37` → 37. */
export const minorOf = (version: string): number => Number(version.split('.')[1]);

/** The one that somebody has named, if any. */
export const namedKubernetes = (): string | undefined => process.env[KUBERNETES_VARIABLE] || undefined;

/** The one that this process is to use, pinned or not: see `versionTrouble`. */
export const chosenKubernetes = (): string => namedKubernetes() ?? DEFAULT_KUBERNETES;

/** What `--kubernetes` takes: one version, or all of them. Throws, for `value` of src/command-line.ts, which may take `more`. */
export function readVersions(text: string, more: readonly string[] = []): readonly string[] {
  const pinned = kubernetesVersions();
  const words = [...pinned, ...more].join(', ');
  if (text !== 'all' && !pinned.includes(text)) throw new Error(`takes ${words} or all, not "${text}"`);
  return text === 'all' ? pinned : [text];
}

/** Why there is no such control plane, and what there is; undefined if it is pinned. */
export function versionTrouble(version: string): string | undefined {
  const pinned = kubernetesVersions();
  if (pinned.includes(version)) return undefined;
  return `there is no control plane of Kubernetes ${version}: ${KUBERNETES_VARIABLE} takes ${pinned.join(', ')}`;
}
