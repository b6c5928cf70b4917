import { type Clock, sleep } from '../async/clock.ts';
import { type Cache, createCache } from '../cache/cache.ts';
import { Observer } from '../cache/observer.ts';
import type { ApiClient } from '../kube/client.ts';
import { describeError } from '../kube/errors.ts';
import { createReads } from '../kube/reads.ts';
import type { Decision } from '../policy/decision.ts';
import type { EvictionRequest, Node } from '../policy/model.ts';
import { next } from '../policy/next.ts';
import { type Observation, seenValue } from '../policy/observation.ts';
import type { PolicySettings } from '../policy/profiles/profile.ts';

export interface ViewOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: () => number;
  readonly settings: PolicySettings;
  /** Only pods and trackers of this namespace are read; absent: of all. */
  readonly namespace?: string;
  /** Aborts when the user stops the command. */
  readonly stop: AbortSignal;
}

/** What the policy says of an eviction, and what it rests on. */
export interface Judged {
  readonly seen: Observation;
  readonly decision: Decision;
}

interface PodName {
  readonly namespace: string;
  readonly name: string;
}

/** `asNode`: in the place of the pod's node. */
export type Judge = (pod: PodName, asNode?: (node: Node) => Node) => Promise<Judged>;

/** The cluster as a replica of the hook sees it, for commands that only read. */
export interface View {
  readonly cache: Cache;
  /** Decides as the hook would, and carries nothing out. */
  readonly judge: Judge;
  /** The kinds of resources that may say what hinders operators, and could not be read. */
  readonly unreadReports: readonly string[];
  close(): Promise<void>;
}

/** Nobody needs what operators report, so nobody waits longer for it. */
const REPORTS_WITHIN_MS = 5_000;
const LOOK_EVERY_MS = 50;
/** More looks than any decision takes. */
const LOOKS_MAX = 30;

/** Lists and watches what the hook does. Throws if something of it cannot be read. */
export async function openView({ client, clock, random, settings, namespace, stop }: ViewOptions): Promise<View> {
  const { promise: synced, resolve, reject } = Promise.withResolvers<void>();
  const cache = createCache({
    ...(namespace === undefined ? {} : { namespace }),
    client,
    settings,
    clock,
    random,
    log: () => undefined,
    onSynced: resolve,
    onInterrupted: (kind, error) => reject(new Error(`${kind} cannot be read: ${describeError(error)}`)),
  });
  const onStop = () => reject(new Error('stopped'));
  stop.addEventListener('abort', onStop, { once: true });
  cache.start();
  try {
    await synced;
  } catch (error) {
    await cache.stop();
    throw error;
  } finally {
    stop.removeEventListener('abort', onStop);
  }
  const unreadReports = await awaitReports(cache, clock, stop);
  return {
    cache,
    judge: createJudge({ cache, client, settings, clock, stop }),
    unreadReports,
    close: () => cache.stop(),
  };
}

/** Resolves to the plurals of what has not been read by then. */
async function awaitReports({ hindrances }: Cache, clock: Clock, stop: AbortSignal): Promise<readonly string[]> {
  const unread = () => hindrances.watched.flatMap(({ source, store }) => (store.hasSynced ? [] : [source.plural]));
  const startedAt = clock.monotonicNow();
  while (unread().length > 0 && clock.monotonicNow() - startedAt < REPORTS_WITHIN_MS && !stop.aborted) {
    await sleep(clock, LOOK_EVERY_MS, stop);
  }
  return [...new Set(unread())];
}

/** By the very policy of the hook: cached where that suffices, and live reads. */
export function createJudge({
  cache,
  client,
  settings,
  clock,
  stop,
}: Pick<ViewOptions, 'client' | 'settings' | 'clock' | 'stop'> & { readonly cache: Cache }): Judge {
  const observer = new Observer({ cache, reads: createReads(client), settings, clock });
  return (pod, asNode = (node) => node) => judge(observer, settings, pod, asNode, stop);
}

async function judge(
  observer: Observer,
  settings: PolicySettings,
  { namespace, name }: PodName,
  asNode: (node: Node) => Node,
  signal: AbortSignal,
): Promise<Judged> {
  const request: EvictionRequest = { isEviction: true, namespace, name, username: '', dryRun: false };
  let seen = observer.begin(request);
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const step = next(seen, settings);
    if (step.kind !== 'look') {
      const decision = step.kind === 'awaitCache' ? step.otherwise : step;
      return { seen: await lookAtNodeToo(observer, seen, signal), decision };
    }
    seen = withNode(await observer.look(seen, step, signal), asNode);
  }
  throw new Error(`no decision about ${namespace}/${name} after ${LOOKS_MAX} looks`);
}

/** No rule may have needed the node. People want to know of it all the same. */
function lookAtNodeToo(observer: Observer, seen: Observation, signal: AbortSignal): Promise<Observation> | Observation {
  if (seenValue(seen.pod)?.node === undefined || seen.node.kind !== 'unread') return seen;
  return observer.look(seen, { at: 'node', live: false }, signal);
}

function withNode(seen: Observation, asNode: (node: Node) => Node): Observation {
  const { node } = seen;
  return node.kind === 'present' ? { ...seen, node: { ...node, value: asNode(node.value) } } : seen;
}
