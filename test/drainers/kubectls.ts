import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { UsageError } from '../../src/command-line.ts';
import { describeError } from '../../src/kube/errors.ts';

/** The version of a kubectl, such as 1.37.2, as it says itself. Rejects if it says none. */
export async function clientVersion(kubectl: string): Promise<string> {
  const { stdout } = await promisify(execFile)(kubectl, ['version', '--client', '--output=json']);
  return String(JSON.parse(stdout).clientVersion.gitVersion).replace(/^v/, '');
}

/** Without the patch version, which changes more often than what it does. */
export const minorOf = (version: string) => /\d+\.\d+/.exec(version)?.[0] ?? version;

/**
 * Rejects if the kubectl there is not of that version, because the page would give its drains to another one.
 * @throws UsageError
 */
export async function assertVersion({ version, path }: { readonly version: string; readonly path: string }) {
  const option = `--kubectl ${version}=${path}`;
  const says = await clientVersion(path).catch((error: unknown) => {
    throw new UsageError(`${option}: it does not say its version: ${describeError(error).split('\n')[0]}`);
  });
  if (says !== version && !says.startsWith(`${version}.`)) {
    throw new UsageError(`${option}: that kubectl is ${says}; write --kubectl ${minorOf(says)}=${path}`);
  }
}
