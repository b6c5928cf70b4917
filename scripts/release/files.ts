import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { hasImage, type Rendering, render } from '../../src/manifests/render.ts';
import { Refused } from '../refused.ts';

/** The manifests of a release: a file for config/default, for each overlay, and for Prometheus. Throws Refused. */
export function manifestsOf(root: string, rendering: Rendering): Map<string, string> {
  const config = join(root, 'config');
  const installations = new Map([
    ['install.yaml', join(config, 'default')],
    ...globSync('overlays/*/kustomization.yaml', { cwd: config })
      .sort()
      .map((file): [string, string] => {
        const folder = join(config, file, '..');
        return [`install-${basename(folder)}.yaml`, folder];
      }),
  ]);
  const files = new Map<string, string>();
  for (const [name, folder] of installations) {
    const text = render(folder, rendering);
    if (!hasImage(text)) throw new Refused(`${folder} has no image of the hook to replace`);
    files.set(name, text);
  }
  return files.set('prometheus.yaml', render(join(config, 'prometheus'), rendering));
}

/** The image as it was pushed: by its name, and by the digest that buildx wrote into its metadata file. Throws Refused. */
export function pushedImage(image: string, metadataFile: string): string {
  let digest: unknown;
  try {
    digest = JSON.parse(readFileSync(metadataFile, 'utf-8'))['containerimage.digest'];
  } catch (cause) {
    throw new Refused(`${metadataFile} cannot be read (${(cause as Error).message})`, { cause });
  }
  if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest))
    throw new Refused(`${metadataFile} has no digest of an image`);
  return `${image}@${digest}`;
}
