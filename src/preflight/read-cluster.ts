import { createListWatch } from '../informer/list-watch.ts';
import type { View } from '../installed/view.ts';
import type { ApiClient, JsonObject } from '../kube/client.ts';
import { ApiError, describeError } from '../kube/errors.ts';
import type { Node, Pod } from '../policy/model.ts';
import { seenValue } from '../policy/observation.ts';
import { podsOfGroup } from '../policy/profiles/group.ts';
import { immovable, isMarked, isProtected, type PolicySettings, profileOf } from '../policy/profiles/profile.ts';
import type { Budget, DrainFacts, ProtectedPod } from './forecast/facts.ts';
import {
  type ClaimObject,
  leanPod,
  type NodeObject,
  type ObjectMeta,
  type PodObject,
  type VolumeObject,
} from './scheduling/objects.ts';

const PAGE = 500;

/** What to read, and by what. */
export interface DrainQuery {
  readonly client: ApiClient;
  readonly view: View;
  readonly settings: PolicySettings;
  /** Those that are to be drained. */
  readonly nodes: readonly string[];
  readonly now: number;
  readonly signal: AbortSignal;
}

/** Reads what a forecast of a drain of these nodes needs. Throws an Error that names what cannot be read. */
export async function readDrain(query: DrainQuery): Promise<DrainFacts> {
  const { client, nodes, now, signal } = query;
  const list = <T>(path: string, keep = (one: T) => one) => listAll<T>(client, path, keep, signal);
  const isOn = ({ spec: { nodeName } }: PodObject) => nodeName !== undefined && nodes.includes(nodeName);
  const [all, pods, budgets, claims, volumes, namespaces] = await Promise.all([
    list<NodeObject>('/api/v1/nodes'),
    list<PodObject>('/api/v1/pods', (pod) => (isOn(pod) ? pod : leanPod(pod))),
    list<Budget>('/apis/policy/v1/poddisruptionbudgets'),
    list<ClaimObject>('/api/v1/persistentvolumeclaims'),
    list<VolumeObject>('/api/v1/persistentvolumes'),
    list<{ metadata: ObjectMeta }>('/api/v1/namespaces'),
  ]);
  const on = pods.filter(isOn);
  return {
    now,
    nodes,
    pods: on,
    protectedPods: await protectedAmong(on, query),
    immovable: immovableAmong(on, query),
    budgets,
    world: {
      nodes: all,
      pods,
      claims,
      volumes,
      namespaces: new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}])),
    },
  };
}

function immovableAmong(pods: readonly PodObject[], { view, settings }: DrainQuery): ReadonlySet<PodObject> {
  const isOne = (object: PodObject) => {
    const pod = view.cache.project.podMetadata(object as unknown as JsonObject);
    return profileOf(pod, settings) !== undefined && immovable(pod) !== undefined;
  };
  return new Set(pods.filter(isOne));
}

async function protectedAmong(pods: readonly PodObject[], query: DrainQuery): Promise<ProtectedPod[]> {
  const { view, settings } = query;
  const projected = pods.map((object) => ({ object, pod: view.cache.project.pod(object as unknown as JsonObject) }));
  const own = projected.filter(({ pod }) => isProtected(pod, settings));
  const found: ProtectedPod[] = [];
  // One after the other: a drain of many pods must not become a flood of reads.
  for (const { object, pod } of own) found.push(...(await oneProtected(object, pod, query)));
  return found;
}

async function oneProtected(object: PodObject, pod: Pod, query: DrainQuery): Promise<ProtectedPod[]> {
  const { view, settings, nodes } = query;
  const profile = profileOf(pod, settings);
  if (profile === undefined) return [];
  const { seen, decision } = await view.judge(pod, cordoned);
  const tracker = seenValue(seen.tracker);
  const { reported } = seen;
  const known = [...view.cache.pods.values()];
  const siblings = known.filter((one) => one.namespace === pod.namespace && sameOwner(one, pod)).length;
  const group = profile.maxConcurrent === undefined ? [] : podsOfGroup(pod, profile, known);
  const busyElsewhere = group.some((one) => !nodes.includes(one.node ?? '') && (isMarked(one) || !one.ready));
  return [
    {
      object,
      pod,
      profile,
      decision,
      siblings,
      busyElsewhere,
      ...(tracker && { tracker }),
      ...(reported && { reported }),
    },
  ];
}

function sameOwner({ owner: one }: Pod, { owner: other }: Pod): boolean {
  return one !== undefined && one.kind === other?.kind && one.name === other.name;
}

/** As kubectl and the node controller will make it. */
const cordoned = (node: Node): Node => ({ ...node, unschedulable: true });

async function listAll<T>(client: ApiClient, path: string, keep: (one: T) => T, signal: AbortSignal): Promise<T[]> {
  const source = createListWatch(client, path);
  const found: T[] = [];
  try {
    for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
      const page = await source.list({ limit: PAGE, signal, ...(token === undefined ? {} : { continueToken: token }) });
      found.push(...(page.items as unknown as readonly T[]).map(keep));
      token = page.continueToken;
    }
  } catch (error) {
    const kind = path.slice(path.lastIndexOf('/') + 1);
    const missing =
      error instanceof ApiError && error.code === 403 ? `missing permission: list ${kind}` : `${kind} cannot be read`;
    throw new Error(`${missing} (${describeError(error)})`, { cause: error });
  }
  return found;
}
