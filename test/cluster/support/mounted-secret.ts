import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient, JsonObject } from '../../../src/kube/client.ts';
import { untilTrue } from '../../support/until-true.ts';
import type { Rig } from './rig.ts';

/** A Secret as the kubelet mounts it: the folder in which it is, and how often that has changed. */
export interface MountedSecret {
  readonly dir: string;
  swaps(): number;
}

const LOOK_EVERY_MS = 250;

/**
 * Each file is a link through `..data`, which leads to a folder with all of them. When the Secret changes, that one link is
 * exchanged. It follows the Secret until the rig ends; resolves when it is there.
 */
export async function mountSecret(rig: Rig, path: string, dir: string): Promise<MountedSecret> {
  const over = new AbortController();
  let [swaps, version] = [0, ''];
  await mkdir(dir, { recursive: true });
  const look = async () => {
    const secret = await read(rig.client, path);
    const { resourceVersion } = secret.metadata as { resourceVersion: string };
    if (resourceVersion === version) return;
    await swap(dir, `..${++swaps}`, secret.data as Record<string, string>);
    version = resourceVersion;
  };
  const following = (async () => {
    while (!over.signal.aborted) {
      // It may not be there yet, or the API server is away.
      await look().catch(() => undefined);
      await sleep(LOOK_EVERY_MS);
    }
  })();
  rig.atStop(async () => {
    over.abort();
    await following;
  });
  await untilTrue('the Secret to be mounted', () => version !== '');
  return { dir, swaps: () => swaps };
}

const read = (client: ApiClient, path: string): Promise<JsonObject> => client.json({ method: 'GET', path });

async function swap(dir: string, name: string, data: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(join(dir, name));
  for (const [key, value] of Object.entries(data)) {
    await writeFile(join(dir, name, key), Buffer.from(value, 'base64'), { mode: 0o440 });
    await symlink(join('..data', key), join(dir, key)).catch(() => undefined);
  }
  await rm(join(dir, '..data_tmp'), { force: true });
  await symlink(name, join(dir, '..data_tmp'));
  await rename(join(dir, '..data_tmp'), join(dir, '..data'));
}
