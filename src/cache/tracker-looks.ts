import type { JsonObject } from '../kube/client.ts';
import { trackerPath } from '../kube/paths.ts';
import type { Reads } from '../kube/reads.ts';
import type { Namespace, OwnObjects, Tracker } from '../policy/model.ts';
import { type Absent, type Present, sightingOf } from '../policy/observation.ts';
import type { TrackedAt } from '../policy/tracking/tracking.ts';
import type { Cache } from './cache.ts';
import { storeKey } from './keys.ts';
import { trackerAt } from './trackers.ts';

export interface TrackerLooksOptions {
  readonly cache: Cache;
  readonly reads: Pick<Reads, 'object' | 'namespace'>;
}

type TrackerSighting = Absent | Present<Tracker>;

/** A tracker of the hook, at a place that is of a Namespace. */
type OwnPlace = TrackedAt & { readonly ofNamespace: string };

/** Carries out looks at trackers, in the cache or by live reads. */
export class TrackerLooks {
  readonly #options: TrackerLooksOptions;

  constructor(options: TrackerLooksOptions) {
    this.#options = options;
  }

  /**
   * An object of others is there or not. One of the hook that is not there is seen as a tracker without entries, which the
   * first entry creates.
   */
  async lookAt(place: TrackedAt, live: boolean, signal: AbortSignal): Promise<TrackerSighting> {
    if (isOwn(place)) return (live ? undefined : this.#ownInCache(place)) ?? this.#ownLive(place, signal);
    const { cache } = this.#options;
    const value = live ? await this.#liveTracker(place, signal) : cache.trackers.get(place);
    return sightingOf(value, live ? 'live' : 'cache', `no ${place.resource.kind} ${storeKey(place)}`);
  }

  /** Undefined if the cache does not know the Namespace, or has an object of an earlier one. */
  #ownInCache(place: OwnPlace): TrackerSighting | undefined {
    const { cache } = this.#options;
    const namespace = cache.namespaces.get(place.ofNamespace);
    const tracker = trackerAt(cache, place);
    if (namespace === undefined || (tracker === undefined && cache.trackers.get(place) !== undefined)) return undefined;
    return sightingOf(tracker ?? toBeCreated(place, namespace), 'cache');
  }

  async #ownLive(place: OwnPlace, signal: AbortSignal): Promise<TrackerSighting> {
    const { cache, reads } = this.#options;
    const cached = cache.trackers.get(place);
    const [object, owner] = await Promise.all([
      reads.object(trackerPath(place), signal),
      reads.namespace(place.ofNamespace, signal),
    ]);
    // Its last prune deleted it. The next write must not rest on what the cache still has.
    if (object === undefined && cached && cache.trackers.get(place) === cached) cache.trackers.drop(cached);
    if (owner === undefined) return sightingOf<Tracker>(undefined, 'live', `no Namespace ${place.ofNamespace}`);
    const namespace = cache.project.namespace(owner);
    if (object === undefined) return sightingOf(toBeCreated(place, namespace), 'live');
    if (!hasLabel(object, place.resource.own)) {
      const why = `${place.resource.kind} ${storeKey(place)} is not one of this installation`;
      return sightingOf<Tracker>(undefined, 'live', why);
    }
    const tracker = cache.project.tracker(object, place.resource);
    cache.trackers.assume(tracker);
    const { uid, resourceVersion } = tracker;
    const isOfThisOne = tracker.owner?.namespace === namespace.name && tracker.owner.uid === namespace.uid;
    return sightingOf(
      isOfThisOne ? tracker : { ...toBeCreated(place, namespace), leftover: { uid, resourceVersion } },
      'live',
    );
  }

  async #liveTracker(place: TrackedAt, signal: AbortSignal): Promise<Tracker | undefined> {
    const { cache, reads } = this.#options;
    const object = await reads.object(trackerPath(place), signal);
    if (object === undefined) return undefined;
    const tracker = cache.project.tracker(object, place.resource);
    cache.trackers.assume(tracker);
    return tracker;
  }
}

const isOwn = (place: TrackedAt): place is OwnPlace => place.ofNamespace !== undefined;

function toBeCreated({ resource, namespace, name }: OwnPlace, owner: Namespace): Tracker {
  return Object.freeze({
    resource,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    uid: '',
    resourceVersion: '',
    owner: Object.freeze({ namespace: owner.name, uid: owner.uid }),
    // The hook cannot know: as for a Namespace, every name may come back.
    reusesNames: true,
    entries: NO_ENTRIES,
  });
}

const NO_ENTRIES = Object.freeze({});

function hasLabel({ metadata }: JsonObject, own: OwnObjects | undefined): boolean {
  const { labels } = (metadata ?? {}) as { readonly labels?: Readonly<Record<string, string>> | null };
  return own !== undefined && labels?.[own.label.key] === own.label.value;
}
