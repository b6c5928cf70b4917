import type { Change, Store } from '../informer/store.ts';
import type { Namespace, Pod, Tracker } from '../policy/model.ts';
import { latestElsewhere } from '../policy/tracking/elsewhere.ts';
import type { TrackedAt, Tracking } from '../policy/tracking/tracking.ts';
import { type TrackerKey, trackerKey } from './keys.ts';

/** The trackers of every kind that is read: a store for each, because each has its own list and watch. */
export class Trackers {
  /** In the order of `Tracking.resources`. */
  readonly stores: readonly Store<Tracker>[];
  readonly #byPlural: ReadonlyMap<string, Store<Tracker>>;

  constructor(stores: ReadonlyMap<string, Store<Tracker>>) {
    this.#byPlural = stores;
    this.stores = [...stores.values()];
  }

  /** As the cache has it. See `trackerAt` for whether to believe it. */
  get(key: TrackerKey): Tracker | undefined {
    return this.#of(key)?.get(trackerKey(key));
  }

  *values(): Generator<Tracker> {
    for (const store of this.stores) yield* store.values();
  }

  subscribe(handler: (change: Change<Tracker>) => void): () => void {
    const ends = this.stores.map((store) => store.subscribe(handler));
    return () => {
      for (const end of ends) end();
    };
  }

  put(tracker: Tracker): void {
    this.#of(tracker)?.put(tracker);
  }

  /** See `Store.assume`. */
  assume(tracker: Tracker): void {
    this.#of(tracker)?.assume(tracker);
  }

  /** A read has not found it. That says nothing of what the watch has told. */
  drop(key: TrackerKey): void {
    this.#of(key)?.drop(trackerKey(key));
  }

  /** A list of one page of every kind. */
  replace(trackers: readonly Tracker[]): void {
    for (const store of this.stores) store.replace(trackers.filter((one) => this.#of(one) === store));
  }

  #of({ resource }: TrackerKey): Store<Tracker> | undefined {
    return this.#byPlural.get(resource.plural);
  }
}

export interface KnownTrackers {
  readonly trackers: Pick<Trackers, 'get'>;
  readonly namespaces: Pick<Store<Namespace>, 'get'>;
}

/** Whether the tracker is a Namespace itself. */
export const isNamespace = ({ resource }: Pick<Tracker, 'resource'>): boolean =>
  resource.apiPath === '/api/v1' && resource.plural === 'namespaces';

/** The tracker at that place. Undefined if there is none, or if it is that of an earlier Namespace (S8). */
export function trackerAt(cache: KnownTrackers, place: TrackedAt): Tracker | undefined {
  const tracker = cache.trackers.get(place);
  return tracker !== undefined && isBelieved(cache, tracker, place.ofNamespace) ? tracker : undefined;
}

/** The tracker that the pod's entry is written to, as `trackerAt` has it. Undefined also if the pod has no place. */
export function trackerOf(cache: KnownTrackers, pod: Pod, tracking: Tracking): Tracker | undefined {
  const place = tracking.locate(pod);
  return place.kind === 'at' ? trackerAt(cache, place) : undefined;
}

/** The pod's latest entry on the trackers that are only read. */
export function entryElsewhere(cache: KnownTrackers, pod: Pod, tracking: Tracking) {
  return latestElsewhere(
    pod,
    tracking.alsoAt(pod).map((place) => trackerAt(cache, place)),
  );
}

/** Whether an object of the hook belongs to the Namespace that has its name now. Objects of others always count. */
export function isBelieved(
  { namespaces }: Pick<KnownTrackers, 'namespaces'>,
  { resource, owner }: Tracker,
  ofNamespace = owner?.namespace,
): boolean {
  if (resource.own === undefined) return true;
  if (owner === undefined || ofNamespace === undefined || owner.namespace !== ofNamespace) return false;
  return owner.uid !== '' && namespaces.get(ofNamespace)?.uid === owner.uid;
}
