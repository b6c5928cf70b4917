import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LOG } from '../../../src/log/messages.ts';
import { writeServing } from '../../../testkit/certificates.ts';
import { kubeconfig } from '../../../testkit/control-plane/pki.ts';
import { HookProcess } from '../../../testkit/hook-process.ts';
import { freePorts } from '../../../testkit/ports.ts';
import type { Rig } from './rig.ts';

/** Who a hook is, and whom it takes for the API server. */
export interface Approach {
  /** Default: the API server itself. */
  readonly server?: string;
  /** PEM. Default: the API server's own authority. */
  readonly ca?: string;
  /** Default: one of the ServiceAccount of config/. */
  readonly token?: string;
  /** Instead of a token: the file that it is read from, by the provider that serves a ServiceAccount in a pod. */
  readonly tokenFile?: string;
  /** Settings. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A hook with a kubeconfig of its own, not started yet; it ends with the rig. */
export async function prepareHook(rig: Rig, name: string, approach: Approach = {}): Promise<HookProcess> {
  const { controlPlane } = rig;
  const { server = controlPlane.server, ca = controlPlane.caData } = approach;
  const token = approach.token ?? (await rig.access.token());
  const file = join(controlPlane.dir, `${name}.kubeconfig`);
  const text = kubeconfig(server, ca, token);
  const { tokenFile } = approach;
  const provider = `auth-provider: { name: tokenFile, config: { tokenFile: "${tokenFile}" } }`;
  await writeFile(file, tokenFile === undefined ? text : text.replace(`token: ${token}`, provider));
  const files = await writeServing(join(controlPlane.dir, `${name}-serving`), await rig.authority.issue());
  const [webhook = 0, health = 0] = await freePorts(2);
  const { env = {} } = approach;
  const options = { kubeconfigPath: file, files, env };
  const hook = new HookProcess(options, { webhook, health });
  rig.atStop(async () => void (await hook.stop()));
  return hook;
}

/** Starts it and waits until it can be asked, which is before it is ready; `ready` settles when it is. */
export async function startUnready(hook: HookProcess): Promise<{ ready: Promise<void> }> {
  const ready = hook.start();
  ready.catch(() => undefined);
  await Promise.race([ready, hook.waitForLine(({ message }) => message === LOG.started)]);
  return { ready };
}
