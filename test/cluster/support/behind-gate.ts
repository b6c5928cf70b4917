import type { HookProcess } from '../../../testkit/hook-process.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { type ApiGate, startApiGate } from './api-gate.ts';
import { type Approach, prepareHook } from './own-hook.ts';
import type { Rig } from './rig.ts';

/** A hook with a gate of its own before the API server, so that what it asks, and how many watches it has, can be seen. */
export interface GatedHook {
  readonly hook: HookProcess;
  readonly gate: ApiGate;
}

/** Not started yet. */
export async function prepareBehindGate(
  rig: Rig,
  name: string,
  approach: Omit<Approach, 'server' | 'ca'> = {},
): Promise<GatedHook> {
  const gate = await startApiGate(rig);
  return { gate, hook: await prepareHook(rig, name, { ...approach, server: gate.url, ca: rig.authority.ca }) };
}

/** The same, and between hook and gate a proxy that can misbehave. */
export async function prepareBehindProxy(
  rig: Rig,
  name: string,
  approach: Omit<Approach, 'server' | 'ca'> = {},
): Promise<GatedHook & { readonly proxy: TcpProxy }> {
  const gate = await startApiGate(rig);
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(gate.url).port) });
  rig.atStop(() => proxy.close());
  const server = `https://127.0.0.1:${proxy.port}`;
  return { gate, proxy, hook: await prepareHook(rig, name, { ...approach, server, ca: rig.authority.ca }) };
}
