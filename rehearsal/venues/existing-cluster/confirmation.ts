import { UsageError } from '../../../src/command-line.ts';
import type { ApiClient } from '../../../src/kube/client.ts';
import type { InstalledHook } from './installed-hook.ts';
import { checkNode } from './node-cordon.ts';
import * as standIns from './stand-ins.ts';

export interface Confirmation {
  readonly client: ApiClient;
  readonly hook: InstalledHook;
  readonly context: string;
  /** The namespace of the rehearsal. */
  readonly run: string;
  readonly nodes: readonly string[];
  readonly image: string;
  readonly members: number;
  /** Nobody is asked. */
  readonly yes: boolean;
  /** Asks the person at the terminal; undefined if there is none. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
  readonly write: (line: string) => void;
}

/**
 * Checks whether a rehearsal may take place here, says what it would do, and asks. Throws a UsageError if it may not or
 * nobody agrees. Nothing has been written before this, and nothing is if it throws.
 */
export async function checkAndConfirm(options: Confirmation): Promise<void> {
  const { client, hook, context, run, nodes, image, members, yes, ask, write } = options;
  const kind = standIns.kindFor(hook.settings);
  if (!hook.covers(standIns.namespaceLabels(hook.settings, run))) {
    throw new UsageError(`the registration ${hook.registration} does not cover evictions in the namespace ${run}`);
  }
  standIns.memberLabels(hook.settings, kind, run);
  await standIns.checkDefinition(client, kind);
  for (const node of nodes) await checkNode(client, node);
  const scope = Object.entries(standIns.scopeLabels(hook.settings)).map(([key, value]) => `${key}=${value}`);
  const labelled = scope.length === 0 ? '' : ` (${scope.join(', ')})`;
  for (const line of [
    `On the cluster of context "${context}" this will`,
    `  create the namespace ${run}${labelled} and the definition ${kind.plural}.${kind.group}`,
    `  run ${members} stand-in members and some unprotected pods (${image}) on ${nodes.join(', ')}`,
    '  cordon the one of these nodes that has most of them, and evict the pods of the rehearsal from it, no others',
    '  uncordon that node and delete all of the above at the end, also when it is interrupted',
  ]) {
    write(line);
  }
  if (yes) return;
  if (ask === undefined) throw new UsageError('nobody can be asked here: --yes goes on without');
  if (!(await ask('Go on? [y/N] '))) throw new UsageError('nothing was done');
}
