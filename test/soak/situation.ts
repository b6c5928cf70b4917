import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../../src/kube/errors.ts';
import type { Rig } from '../cluster/support/rig.ts';
import type { Stage } from './operators.ts';

const COMPONENTS = ['kube-scheduler', 'kube-controller-manager', 'kwok', 'kube-apiserver'];
const LOG_LINES = 5;

interface RawNode {
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly unschedulable?: boolean; readonly taints?: readonly { readonly key: string }[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** How things are when something did not come about: whoever reads of a failure has nothing else. */
export async function situation(rig: Rig, stages: readonly Stage[]): Promise<string[]> {
  const parts = [...stages.map(podsOf), nodesOf(rig), ...COMPONENTS.map((name) => tailOf(rig, name))];
  return Promise.all(parts.map((part) => part.catch((error) => `not known: ${describeError(error)}`)));
}

async function podsOf({ scene }: Stage): Promise<string> {
  const pods = (await scene.pods()).map(
    ({ name, node, phase, ready, terminating }) =>
      `${name} on ${node ?? 'no node'} ${phase}${ready ? ' Ready' : ''}${terminating ? ' terminating' : ''}`,
  );
  const last = JSON.stringify(scene.events.at(-1));
  const entries = Object.keys(await scene.namespaceEntries());
  return `${scene.namespace}: pods ${pods.join(', ')}; entries ${entries.join(', ')}; the operator's last ${last}`;
}

async function nodesOf({ client }: Rig): Promise<string> {
  const { items } = await client.json({ method: 'GET', path: '/api/v1/nodes' });
  const nodes = (items as readonly RawNode[]).map(({ metadata, spec, status }) => {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    const taints = spec?.taints?.map(({ key }) => key) ?? [];
    return `${metadata.name} Ready ${ready}${spec?.unschedulable ? ' cordoned' : ''} ${taints.join(' ')}`.trim();
  });
  return `nodes: ${nodes.join(', ')}`;
}

async function tailOf({ controlPlane }: Rig, name: string): Promise<string> {
  const log = await readFile(join(controlPlane.dir, `${name}.log`), 'utf-8');
  return `${name}, process ${controlPlane.pids()[name]}: ${log.trimEnd().split('\n').slice(-LOG_LINES).join(' | ')}`;
}
