import type { ApiClient } from '../../kube/client.ts';
import { ApiError, isNotFound } from '../../kube/errors.ts';
import { nodePath } from '../../kube/paths.ts';
import { UsageError } from '../flags.ts';

interface RawNode {
  readonly metadata: { readonly resourceVersion: string };
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string; readonly effect: string }[];
  };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Throws a UsageError where a stand-in pod could not run on that node as it is. */
export async function checkNode(client: ApiClient, name: string): Promise<void> {
  const node = await readNode(client, name);
  if (isCordoned(node)) throw new UsageError(`node ${name} is cordoned already, and is left alone`);
  if (!node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) {
    throw new UsageError(`node ${name} is not Ready`);
  }
  const taint = node.spec?.taints?.find(({ effect }) => effect !== 'PreferNoSchedule');
  if (taint !== undefined)
    throw new UsageError(`node ${name} has the taint ${taint.key}, so no stand-in pod can run there`);
}

/**
 * Cordons a node that is not, and only then: whoever has cordoned it before keeps their cordon. Guarded by the version that
 * was looked at, so that it is known whose cordon it is.
 */
export async function cordon(client: ApiClient, name: string): Promise<void> {
  for (let triesLeft = 5; ; triesLeft--) {
    const node = await readNode(client, name);
    if (isCordoned(node)) throw new UsageError(`node ${name} has been cordoned by somebody else, and is left alone`);
    const { resourceVersion } = node.metadata;
    const body = { metadata: { resourceVersion }, spec: { unschedulable: true } };
    try {
      await patch(client, name, 'application/merge-patch+json', body);
      return;
    } catch (error) {
      // Kubelets write to their nodes all the time.
      if (!(error instanceof ApiError && error.code === 409 && triesLeft > 0)) throw error;
    }
  }
}

/** Takes a cordon away; where there is none (any more), nothing happens. */
export async function uncordon(client: ApiClient, name: string): Promise<void> {
  const path = '/spec/unschedulable';
  const body = [
    { op: 'test', path, value: true },
    { op: 'remove', path },
  ];
  await patch(client, name, 'application/json-patch+json', body).catch((error: unknown) => {
    if (!(error instanceof ApiError && (error.code === 422 || error.code === 404))) throw error;
  });
}

async function readNode(client: ApiClient, name: string): Promise<RawNode> {
  try {
    return (await client.json({ method: 'GET', path: nodePath(name) })) as unknown as RawNode;
  } catch (error) {
    if (isNotFound(error)) throw new UsageError(`there is no node ${name}`, { cause: error });
    throw error;
  }
}

const isCordoned = ({ spec }: RawNode) => spec?.unschedulable === true;

const patch = (client: ApiClient, name: string, contentType: string, body: unknown) =>
  client.json({ method: 'PATCH', path: nodePath(name), contentType, body });
