import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { ControlPlane } from '../../../testkit/control-plane/control-plane.ts';
import type { KubectlResult } from '../../../testkit/control-plane/kubectl.ts';

const SCRIPTS = join(import.meta.dirname, '../../../scripts');

/** Runs one of the shell scripts with the pinned kubectl. A non-zero exit code is a result. */
export function runScript(
  plane: ControlPlane,
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<KubectlResult> {
  const own = { PATH: `${dirname(plane.assets.kubectl)}:${process.env.PATH}`, HOME: plane.dir, KUBERC: 'off' };
  const all = [...args, '--kubeconfig', plane.kubeconfigPath];
  return new Promise((resolve) => {
    execFile(join(SCRIPTS, name), all, { env: { ...own, ...env } }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, stdout, stderr });
    });
  });
}
