import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlPlane } from '../../testkit/control-plane/control-plane.ts';
import type { Passing, Verdict } from '../cluster/support/api-gate.ts';
import { flaky } from '../cluster/support/flaky.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import type { Replica } from './replica.ts';

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

/** What both gates do with calls for some seconds, after they have done something to what is open. */
function bothGates(
  name: string,
  rule: () => (request: Passing) => Verdict | undefined,
  begin: (replica: Replica) => void = () => undefined,
): Fault {
  return {
    name,
    async inflict({ steady, restarted }) {
      const gates = [steady.gate, restarted.gate];
      for (const gate of gates) gate.rule = rule();
      for (const replica of [steady, restarted]) begin(replica);
      await sleep(LASTING_MS);
      for (const gate of gates) gate.rule = () => undefined;
    },
  };
}

const status = (code: number, reason: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  code,
  reason,
  message: 'injected',
});
const refusal = (code: number, reason: string): Verdict => ({ kind: 'refuse', code, body: status(code, reason) });
const EXPIRED = JSON.stringify({ type: 'ERROR', object: status(410, 'Expired') });
const isList = ({ query }: Passing) => query.has('limit');
const isWatch = ({ query }: Passing) => query.get('watch') === 'true';
/** A tenth of the calls that are neither lists nor watches. */
const FAILING_SHARE = 0.1;

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
  bothGates(
    'watches expired, lists refused',
    () => (request) => (isList(request) ? refusal(500, 'InternalError') : undefined),
    ({ gate }) => gate.endWatches(EXPIRED),
  ),
  bothGates(
    'watches refused',
    () => (request) => (isWatch(request) ? refusal(503, 'ServiceUnavailable') : undefined),
    ({ gate }) => gate.dropAll(),
  ),
  bothGates('calls fail', () => flaky(FAILING_SHARE).rule),
];
