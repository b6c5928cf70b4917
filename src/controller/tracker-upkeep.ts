import type { Cache } from '../cache/cache.ts';
import { storeKey } from '../cache/keys.ts';
import { trackerPath } from '../kube/paths.ts';
import type { Reads } from '../kube/reads.ts';
import type { Entries, Writes } from '../kube/writes.ts';
import { LOG, type Log } from '../log/messages.ts';
import type { Tracker } from '../policy/model.ts';
import { storedKey } from '../policy/tracking/configmap.ts';
import { keepValue } from '../policy/tracking/kept-entries.ts';
import type { ReconcileResult } from './controller.ts';

export interface TrackerUpkeepOptions {
  readonly cache: Pick<Cache, 'trackers' | 'project'>;
  readonly writes: Pick<Writes, 'removeEntries' | 'deleteTracker'>;
  readonly reads: Pick<Reads, 'object' | 'namespace'>;
  readonly log: Log;
}

/** When to look again after the API server refused a removal. */
export const REFUSED_RETRY_MS = 10_000;

/** Takes entries from trackers, and deletes the hook's own trackers once they have none. */
export class TrackerUpkeep {
  readonly #options: TrackerUpkeepOptions;

  constructor(options: TrackerUpkeepOptions) {
    this.#options = options;
  }

  /** Each entry must have the value that was read. With the last one an object of the hook goes, too. False if something changed. */
  async removeEntries(tracker: Tracker, entries: Entries, signal: AbortSignal): Promise<boolean> {
    const { cache, writes } = this.#options;
    const { resource, uid, resourceVersion, leftOut } = tracker;
    const path = trackerPath(tracker);
    const isOwn = resource.own !== undefined;
    if (isOwn && leftOut === undefined && entries.length === Object.keys(tracker.entries).length) {
      return (await writes.deleteTracker(path, { uid, resourceVersion }, signal)).kind === 'written';
    }
    const [first, ...others] = entries;
    const stored = (entry: Entries[0]) => ({ ...entry, key: storedKey(tracker, entry.key) });
    const removed: Entries = [stored(first), ...others.map(stored)];
    const result = await writes.removeEntries({ path, isOwn }, removed, signal);
    if (result.kind === 'changed') return false;
    cache.trackers.assume(cache.project.tracker(result.object, resource));
    return true;
  }

  /**
   * Deletes an object of the hook that says nothing. It has no entry, because two replicas each pruned one of its last two.
   * Or its Namespace is gone, and its entries would be about pods of the next one (S8). Only a live read shows that.
   */
  async clear(tracker: Tracker, signal: AbortSignal): Promise<ReconcileResult> {
    const { writes, log } = this.#options;
    const { entries, owner, uid, resourceVersion, leftOut } = tracker;
    const isEmpty = Object.keys(entries).length === 0 && leftOut === undefined;
    if (!isEmpty && (await this.#exists(owner, signal))) return { requeueAfterMs: REFUSED_RETRY_MS };
    const result = await writes.deleteTracker(trackerPath(tracker), { uid, resourceVersion }, signal);
    if (result.kind === 'written' && !isEmpty) log.info(LOG.leftoverDeleted, { tracker: storeKey(tracker) });
    return {};
  }

  /** The whole value of an entry that is too long to be kept; undefined if it has changed. */
  async writtenValue(
    tracker: Tracker,
    { key, value }: { readonly key: string; readonly value: string },
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const object = (await this.#options.reads.object(trackerPath(tracker), signal)) as RawEntries | undefined;
    const written = (tracker.resource.own ? object?.data : object?.metadata?.annotations)?.[storedKey(tracker, key)];
    return written !== undefined && keepValue(written) === value ? written : undefined;
  }

  async #exists(owner: Tracker['owner'], signal: AbortSignal): Promise<boolean> {
    if (owner === undefined || owner.namespace === '') return false;
    const found = await this.#options.reads.namespace(owner.namespace, signal);
    return found !== undefined && this.#options.cache.project.namespace(found).uid === owner.uid;
  }
}

interface RawEntries {
  readonly metadata?: { readonly annotations?: Strings | null } | null;
  readonly data?: Strings | null;
}

type Strings = Readonly<Record<string, string>>;
