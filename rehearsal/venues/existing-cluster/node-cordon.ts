import { UsageError } from '../../../src/command-line.ts';
import type { ApiClient } from '../../../src/kube/client.ts';
import { ApiError, isNotFound } from '../../../src/kube/errors.ts';
import { nodePath } from '../../../src/kube/paths.ts';

interface RawNode {
  readonly metadata: { readonly resourceVersion: string };
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string; readonly effect: string }[];
  };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Throws a UsageError if a stand-in pod could not run on that node as it is. */
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

/** An annotation of a node while a rehearsal has it cordoned. Its value is the run, so that everybody sees whose cordon it is. */
const CORDONED_FOR = 'reschedule.hook/cordoned-for';

/**
 * Cordons a node. If somebody else has cordoned it before, they keep their cordon, and this throws. The write is guarded by
 * the version that was read.
 */
export async function cordon(client: ApiClient, name: string, run: string): Promise<void> {
  for (let triesLeft = 5; ; triesLeft--) {
    const node = await readNode(client, name);
    if (isCordoned(node)) throw new UsageError(`node ${name} has been cordoned by somebody else, and is left alone`);
    const { resourceVersion } = node.metadata;
    const body = {
      metadata: { resourceVersion, annotations: { [CORDONED_FOR]: run } },
      spec: { unschedulable: true },
    };
    try {
      await patch(client, name, 'application/merge-patch+json', body);
      return;
    } catch (error) {
      // Kubelets write to their nodes all the time.
      if (!(error instanceof ApiError && error.code === 409 && triesLeft > 0)) throw error;
    }
  }
}

/** Takes the cordon of that run away, also one whose response was lost. If there is none any more, nothing happens. */
export async function uncordon(client: ApiClient, name: string, run: string): Promise<void> {
  const annotation = `/metadata/annotations/${CORDONED_FOR.replace('/', '~1')}`;
  const own = [
    { op: 'test', path: annotation, value: run },
    { op: 'remove', path: annotation },
  ];
  const cordoned = [
    { op: 'test', path: '/spec/unschedulable', value: true },
    { op: 'remove', path: '/spec/unschedulable' },
  ];
  if (await patchIfSo(client, name, [...own, ...cordoned])) return;
  // Somebody may have uncordoned it meanwhile.
  await patchIfSo(client, name, own);
}

/** False if a test of the patch fails, or if there is no such node. */
async function patchIfSo(client: ApiClient, name: string, body: readonly object[]): Promise<boolean> {
  try {
    await patch(client, name, 'application/json-patch+json', body);
    return true;
  } catch (error) {
    if (error instanceof ApiError && (error.code === 422 || error.code === 404)) return false;
    throw error;
  }
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
