import { ignore, unlessAborted } from '../async/abort.ts';
import { Bulkhead } from '../async/bulkhead.ts';
import { KeyedMutex } from '../async/keyed-mutex.ts';
import type { Cache } from '../cache/cache.ts';
import { storeKey, trackerKey } from '../cache/keys.ts';
import { isOlder } from '../informer/resource-version.ts';
import { describeError, isContentRefused } from '../kube/errors.ts';
import type { WriteResult } from '../kube/guarded-objects.ts';
import { collectionPath, trackerPath } from '../kube/paths.ts';
import type { Writes } from '../kube/writes.ts';
import type { Mark, MarkNote } from '../policy/decision.ts';
import { encodeEntry, entryKey } from '../policy/entry.ts';
import type { Pod, Tracker } from '../policy/model.ts';
import { isMarked, type PolicySettings } from '../policy/profiles/profile.ts';
import { newConfigMap, storedKey } from '../policy/tracking/configmap.ts';

export interface MarkerOptions {
  readonly cache: Cache;
  readonly writes: Writes;
  readonly settings: PolicySettings;
  readonly clock: { now(): number };
  /** Called for each request that is refused because too many wait for marks. */
  readonly onFull?: () => void;
}

/**
 * `joined`: the pod was marked by a mark that another request had begun. `lost`: another webhook took the mark away before it
 * was stored.
 */
export type MarkOutcome = 'marked' | 'joined' | 'lost' | 'changed';
type Written = Exclude<MarkOutcome, 'joined'>;

/**
 * Requests that may wait for marks. Each holds a connection until it is answered, and the server has 1,000. So slow
 * marks leave connections to the evictions of pods that need no mark, and those of one namespace leave some to others.
 */
const WAITING_MAX = 600;

interface RunningMark {
  readonly outcome: Promise<Written>;
  readonly nobodyWaits: AbortController;
  waiting: number;
}

/**
 * Carries out a mark: the entry first, then the pod's annotation (S5). Each write is guarded by the observation (S4).
 * One instance has at most one mark in flight: drainers ask every few seconds, and a slow mark would be begun each time.
 */
export class Marker {
  readonly #options: MarkerOptions;
  readonly #trackers = new KeyedMutex();
  /** By instance. */
  readonly #running = new Map<string, RunningMark>();
  readonly #waiting = new Bulkhead({ running: WAITING_MAX, leavesPlaces: true, waiting: 0 });

  constructor(options: MarkerOptions) {
    this.#options = options;
  }

  /**
   * Joins the mark of this instance that is in flight, else begins one. The mark in flight may rest on another decision:
   * after `joined`, decide again, as if the request had come when the pod was marked.
   * `changed`: the cluster differs from the observation, so decide again on live reads. Anything written by then is
   * harmless.
   * `signal` only ends the wait for a turn, once nobody else waits for this mark. A write that has begun continues, and
   * so does the mark after its entry, even if the response has left. Otherwise an API server slower than the webhook's
   * timeout would prevent every mark. No write takes longer than a call may.
   */
  async mark(decision: Mark, signal: AbortSignal): Promise<MarkOutcome> {
    signal.throwIfAborted();
    const leave = this.#waiting.enterNow(decision.pod.namespace);
    if (leave === undefined) {
      this.#options.onFull?.();
      throw new Error('too many evictions wait for marks already');
    }
    const key = instanceKey(decision.pod);
    const joined = this.#running.get(key);
    const running = joined ?? this.#begin(key, decision);
    running.waiting++;
    const giveUp = () => {
      leave();
      running.waiting--;
      if (running.waiting === 0) running.nobodyWaits.abort(signal.reason);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      if (joined === undefined) return await running.outcome;
      return (await unlessAborted(running.outcome, signal)) === 'changed' ? 'changed' : 'joined';
    } finally {
      signal.removeEventListener('abort', giveUp);
      leave();
    }
  }

  #begin(key: string, decision: Mark): RunningMark {
    const nobodyWaits = new AbortController();
    const outcome = this.#carryOut(decision, nobodyWaits.signal).finally(() => this.#running.delete(key));
    outcome.catch(ignore);
    const running = { outcome, nobodyWaits, waiting: 0 };
    this.#running.set(key, running);
    return running;
  }

  async #carryOut(mark: Mark, signal: AbortSignal): Promise<Written> {
    const { pod, annotation, request, note, entryOn } = mark;
    const { cache, writes } = this.#options;
    // A mark of somebody else is none of this process.
    if (mark.reason !== 'Remembered') this.#remember(pod, note, entryOn === undefined);
    if (entryOn !== undefined && !(await this.#writeEntry(mark, entryOn, signal))) return 'changed';
    if (request !== undefined) {
      const { path, resourceVersion, changes } = request;
      return (await writes.changeObject(path, resourceVersion, changes)).kind === 'changed' ? 'changed' : 'marked';
    }
    if (annotation === undefined) return 'marked';
    const { namespace, name, uid, resourceVersion } = pod;
    const guard = annotation.ifUnchanged ? { uid, resourceVersion } : { uid };
    const result = await writes.markPod({ namespace, name, ...guard }, annotation);
    if (result.kind === 'changed') return 'changed';
    const now = cache.project.pod(result.object);
    cache.pods.assume(now);
    if (isMarked(now)) return 'marked';
    cache.markMemory.lost(storeKey(pod), pod.uid);
    return 'lost';
  }

  /** Returns are counted here only if no entry does so. */
  #remember(pod: Pod, { firstAt, marks = 1, nodeUid, returns }: MarkNote, isOnlyMemory: boolean): void {
    const { cache, clock } = this.#options;
    const isCounted = isOnlyMemory && nodeUid !== undefined && returns !== undefined;
    const returned = !isCounted ? {} : { return: { nodeUid, count: returns } };
    cache.markMemory.begin({ podKey: storeKey(pod), pod, at: firstAt ?? clock.now(), marks, ...returned });
  }

  /**
   * Writes the entry. The pods of a draining node often share one tracker, so their writes take turns. Otherwise one
   * write would change the resourceVersion and the API server would refuse the next. The write counts only if the entry
   * of this pod is unchanged.
   */
  async #writeEntry({ pod, note, isLocked }: Mark, seen: Tracker, signal: AbortSignal): Promise<boolean> {
    const { cache, settings, clock } = this.#options;
    return this.#trackers.run(trackerKey(seen), signal, async () => {
      const key = entryKey(pod.namespace, pod.name);
      const tracker = newerOf(seen, cache.trackers.get(seen));
      if (!isSame(tracker, seen) || tracker.entries[key] !== seen.entries[key]) return false;
      if (isLocked && tracker.resourceVersion !== seen.resourceVersion) return false;
      const value = encodeEntry({
        uid: pod.uid,
        at: clock.now(),
        ...note,
        installation: settings.installation,
        namespace: pod.namespace,
        pod: pod.name,
        ...(pod.node === undefined ? {} : { node: pod.node }),
      });
      const result = await this.#orRefused(trackerKey(tracker), this.#write(tracker, key, value));
      if (result.kind === 'changed') return false;
      cache.refusals.forget(trackerKey(tracker));
      cache.trackers.assume(cache.project.tracker(result.object, tracker.resource));
      return true;
    });
  }

  /** What is left of an earlier Namespace goes first, and the next look finds its place empty. */
  async #write(tracker: Tracker, key: string, value: string): Promise<WriteResult> {
    const { writes } = this.#options;
    const { resource, namespace, resourceVersion, leftover } = tracker;
    const [path, isOwn] = [trackerPath(tracker), resource.own !== undefined];
    if (leftover !== undefined) {
      await writes.deleteTracker(path, leftover);
      return { kind: 'changed' };
    }
    if (resourceVersion !== '')
      return writes.writeEntry({ path, resourceVersion, isOwn }, storedKey(tracker, key), value);
    const object = newConfigMap({ ...tracker, entries: { [key]: value } });
    return writes.createTracker(collectionPath(resource.apiPath, resource.plural, namespace), object);
  }

  /** `changed` once the tracker has refused entries often enough: the pod is then to be marked without one. */
  async #orRefused(trackerKey: string, written: Promise<WriteResult>): Promise<WriteResult> {
    try {
      return await written;
    } catch (error) {
      const { refusals } = this.#options.cache;
      if (!isContentRefused(error)) throw error;
      refusals.refused(trackerKey, `the tracking resource refuses entries: ${describeError(error)}`);
      if (refusals.get(trackerKey)?.isSettled) return { kind: 'changed' };
      throw error;
    }
  }
}

const instanceKey = ({ namespace, name, uid }: Pick<Pod, 'namespace' | 'name' | 'uid'>) =>
  `${namespace}/${name}/${uid}`;

/** One that was not there yet may have been created meanwhile, for the same Namespace. */
function isSame(tracker: Tracker, seen: Tracker): boolean {
  if (tracker.uid === seen.uid) return true;
  return seen.resourceVersion === '' && seen.leftover === undefined && tracker.owner?.uid === seen.owner?.uid;
}

function newerOf(seen: Tracker, cached: Tracker | undefined): Tracker {
  if (cached === undefined || seen.leftover !== undefined) return seen;
  return isOlder(cached.resourceVersion, seen.resourceVersion) ? seen : cached;
}
