import type { JsonObject } from '../kube/client.ts';
import type { GuardedObjects } from '../kube/guarded-objects.ts';
import { podPath } from '../kube/paths.ts';

/** The Pod of a replica, as the API server has it. */
export interface ReplicaPod {
  readonly name: string;
  readonly uid: string;
  /** As the API server writes it. */
  readonly created: string;
  readonly isEnding: boolean;
  /** Since when it has been Ready, as its kubelet writes it; undefined if it is not. By that node's clock: only to be told apart. */
  readonly readySince: string | undefined;
}

/** Live reads of the Pods in which replicas of this installation run. */
export interface ReplicaPods {
  /** undefined only if the API server says that there is none. */
  read(name: string, signal: AbortSignal): Promise<ReplicaPod | undefined>;
}

export function createReplicaPods(objects: Pick<GuardedObjects, 'read'>, namespace: string): ReplicaPods {
  return {
    async read(name, signal) {
      const object = await objects.read(podPath(namespace, name), signal);
      return object && parse(object);
    },
  };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly lastTransitionTime?: string;
}

function parse(object: JsonObject): ReplicaPod {
  const { name, uid, creationTimestamp = '', deletionTimestamp } = object.metadata as Readonly<Record<string, string>>;
  const { conditions = [] } = (object.status ?? {}) as { conditions?: readonly Condition[] };
  const ready = conditions.find(({ type, status }) => type === 'Ready' && status === 'True');
  return {
    name: name ?? '',
    uid: uid ?? '',
    created: creationTimestamp,
    isEnding: deletionTimestamp !== undefined,
    readySince: ready && (ready.lastTransitionTime ?? ''),
  };
}
