import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { NotYet, until } from '../../testkit/until.ts';
import type { Context } from '../support/context.ts';

const PORT = 8443;

export const isReferenceNamed = () => Boolean(process.env.REFERENCE_HOOK);

/** Starts the executable that REFERENCE_HOOK names; resolves to the port that it listens on. */
export async function startReference(context: Context, kubeconfigPath: string): Promise<number> {
  const executable = process.env.REFERENCE_HOOK ?? '';
  context.progress('starting the other hook');
  const child = spawn(executable, [], {
    env: {
      PATH: process.env.PATH,
      KUBECONFIG: kubeconfigPath,
      TLS_CERT_FILE: context.files.certFile,
      TLS_KEY_FILE: context.files.keyFile,
    },
    stdio: 'ignore',
  });
  const failed = once(child, 'error').then(([error]) => {
    throw new Error(`REFERENCE_HOOK could not be started: ${(error as Error).message}`);
  });
  const atExit = () => child.kill('SIGKILL');
  process.once('exit', atExit);
  context.defer(async () => {
    process.off('exit', atExit);
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const listening = until('REFERENCE_HOOK to listen on port 8443', () => reachable(PORT), { signal: context.signal });
  await Promise.race([failed, listening]);
  return PORT;
}

async function reachable(port: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
  } catch (error) {
    throw new NotYet('nothing listens there', { cause: error });
  } finally {
    socket.destroy();
  }
}
