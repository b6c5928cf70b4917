import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IMAGE } from '../../bench/support/image.ts';
import type { HookProcess } from '../../testkit/hook-process.ts';
import { type ApiGate, startApiGate } from '../cluster/support/api-gate.ts';
import type { SelfKept } from '../cluster/support/own-certificates.ts';
import type { Rig } from '../cluster/support/rig.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import type { Orders } from './inside.ts';

/** One replica of the hook, and what misbehaves between it and the API server. */
export interface Replica {
  readonly hook: HookProcess;
  /** Before the gate: breaks connections. */
  readonly proxy: TcpProxy;
  /** Before the API server: answers calls itself, and changes watches. */
  readonly gate: ApiGate;
  /** Resolves when the hook has done so. It has to run. */
  order(orders: Orders): Promise<void>;
}

const INSIDE = new URL('./inside.ts', import.meta.url).href;
/** What inside.ts says, which must not be loaded here. */
const FOLLOWED = 'the orders were followed';

/** Not started yet. It will run as in the image: by default V8 takes room for garbage in steps of megabytes. */
export async function aReplica(
  rig: Rig,
  kept: SelfKept,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<Replica> {
  const gate = await startApiGate(rig, { keepAlive: true, isForgetful: true });
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(gate.url).port) });
  rig.atStop(() => proxy.close());
  const file = join(rig.controlPlane.dir, `${name}.orders`);
  const write = (orders: Orders) => writeFile(file, JSON.stringify(orders));
  await write({ aheadMs: 0 });
  const own = { NODE_OPTIONS: `--import=${INSIDE}`, SOAK_ORDERS: file };
  const trusted = { server: `https://127.0.0.1:${proxy.port}`, ca: rig.authority.ca };
  const hook = await kept.replica({ ...IMAGE.env, ...env, ...own }, trusted, IMAGE.nodeArgs);
  return {
    hook,
    proxy,
    gate,
    async order(orders) {
      await write(orders);
      const since = hook.lines.length;
      hook.kill('SIGUSR2');
      await hook.waitForLine(({ message }) => message === FOLLOWED, { since, timeoutMs: 120_000 });
    },
  };
}
