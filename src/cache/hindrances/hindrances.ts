import { createListWatch, type ListWatch } from '../../informer/list-watch.ts';
import type { Cached, Change, Store } from '../../informer/store.ts';
import type { ApiClient, JsonObject } from '../../kube/client.ts';
import { servedVersion } from '../../kube/discovery.ts';
import { isNotFound } from '../../kube/errors.ts';
import type { Pod } from '../../policy/model.ts';
import { short } from '../../policy/names.ts';
import { type HindranceSource, type Reported, wordFor } from '../../policy/profiles/hindrance.ts';
import type { Profile } from '../../policy/profiles/profile.ts';
import { storeKey } from '../keys.ts';

/** A custom resource, of which nothing counts but the word for what it reports. */
export interface Reporter extends Cached {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly word?: string;
}

/** One kind of resource with its reports, and what is known of it. */
interface Watched {
  readonly source: HindranceSource;
  readonly store: Store<Reporter>;
}

/**
 * What custom resources report of their operators, for those that keep no entries. It explains, and decides nothing. So nobody
 * waits for it, and it may be missing.
 */
export class Hindrances {
  /** What is watched: two profiles that name the same share it. */
  readonly watched: readonly Watched[];
  readonly #stores: ReadonlyMap<HindranceSource, Store<Reporter>>;

  constructor(profiles: readonly Pick<Profile, 'hindrances'>[], createStore: () => Store<Reporter>) {
    const all = profiles.flatMap(({ hindrances = [] }) => hindrances);
    const same = [
      ...Map.groupBy(all, ({ group, plural, reports }) => JSON.stringify([group, plural, reports])).values(),
    ];
    const shared = same.map((sources) => ({ sources, store: createStore() }));
    this.watched = shared.flatMap(({ sources: [source], store }) => (source === undefined ? [] : [{ source, store }]));
    this.#stores = new Map(shared.flatMap(({ sources, store }) => sources.map((source) => [source, store] as const)));
  }

  /** What hinders the operator of the pod now, as far as is known; empty for a pod of no profile. */
  reported(pod: Pod | undefined, profile: Profile | undefined): { readonly reported?: Reported } {
    if (pod === undefined) return {};
    for (const source of profile?.hindrances ?? []) {
      const name = pod.labels[source.label];
      const found = name && this.#stores.get(source)?.get(storeKey({ namespace: pod.namespace, name }));
      if (found && found.word !== undefined) return { reported: { kind: source.kind, name, word: found.word } };
    }
    return {};
  }

  subscribe(handler: (change: Change<Reporter>) => void): void {
    for (const { store } of this.watched) store.subscribe(handler);
  }
}

export function projectReporter(object: JsonObject, { reports }: HindranceSource): Reporter {
  const { namespace, name, uid, resourceVersion } = (object.metadata ?? {}) as Readonly<Record<string, string>>;
  const word = wordFor(object, reports);
  return Object.freeze({
    namespace: short(namespace),
    name: short(name),
    uid: short(uid),
    resourceVersion: short(resourceVersion),
    ...(word === undefined ? {} : { word }),
  });
}

/** Lists and watches the version that the API server prefers. Operators drop versions, so it asks again once that is gone. */
export function listWatchOf(client: ApiClient, { group, plural }: HindranceSource, scope: string): ListWatch {
  let found: ListWatch | undefined;
  const look = async (signal: AbortSignal) => {
    // Where there is none, a list that is refused says so.
    const version = (await servedVersion(client, group, plural, signal)) ?? 'v1';
    return createListWatch(client, `/apis/${group}/${version}${scope}/${plural}`);
  };
  return {
    async list(options) {
      found ??= await look(options.signal);
      try {
        return await found.list(options);
      } catch (error) {
        if (isNotFound(error)) found = undefined;
        throw error;
      }
    },
    async watch(options) {
      found ??= await look(options.signal);
      return found.watch(options);
    },
  };
}
