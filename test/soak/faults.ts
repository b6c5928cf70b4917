import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from '../../testkit/control-plane/control-plane.ts';
import type { HookProcess } from '../../testkit/hook-process.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';

export interface Replica {
  readonly hook: HookProcess;
  /** Between it and the API server. */
  readonly proxy: TcpProxy;
}

export interface Targets {
  readonly steady: Replica;
  readonly restarted: Replica;
  readonly apiServer: ControlPlane['apiServer'];
}

export interface Fault {
  readonly name: string;
  /** Settles when what it broke works again. */
  inflict(targets: Targets): Promise<void>;
}

const LASTING_MS = 4_000;
/** Enough for a list, not for two. */
const CUT_BYTES = 20_000;

/** Something that both proxies do for some seconds. */
function bothProxies(name: string, begin: (proxy: TcpProxy) => void, end: (proxy: TcpProxy) => void): Fault {
  return {
    name,
    async inflict({ steady, restarted }) {
      for (const { proxy } of [steady, restarted]) begin(proxy);
      await sleep(LASTING_MS);
      for (const { proxy } of [steady, restarted]) end(proxy);
    },
  };
}

const pass = (proxy: TcpProxy) => proxy.pass();

/** In turn, one each round. */
export const FAULTS: readonly Fault[] = [
  { name: 'none', inflict: async () => undefined },
  {
    name: 'a replica killed',
    async inflict({ restarted: { hook } }) {
      hook.kill('SIGKILL');
      await hook.exited;
      await hook.start();
    },
  },
  {
    name: 'connections reset',
    async inflict({ steady, restarted }) {
      for (let i = 0; i < 10; i++) {
        for (const { proxy } of [steady, restarted]) proxy.reset();
        await sleep(LASTING_MS / 10);
      }
    },
  },
  {
    name: 'the API server restarted',
    async inflict({ apiServer }) {
      await apiServer.stop();
      await sleep(LASTING_MS / 4);
      await apiServer.start();
    },
  },
  bothProxies('calls hang', (proxy) => proxy.hang(), pass),
  { name: 'a replica restarted', inflict: ({ restarted: { hook } }) => hook.restart() },
  bothProxies(
    'watches silent',
    (proxy) => proxy.holdSilent(),
    (proxy) => proxy.release(),
  ),
  bothProxies('connections half open', (proxy) => proxy.halfOpen(), pass),
  bothProxies('everything slow', (proxy) => proxy.delay(300), pass),
  bothProxies('answers cut', (proxy) => proxy.cutAfter(CUT_BYTES), pass),
];
