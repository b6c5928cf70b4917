import type { Clock } from '../async/clock.ts';
import type { Change } from '../informer/store.ts';

/** A namespace whose last protected pod is gone stays registered for so long. */
const KEPT_MS = 3_600_000;
/** Whoever may write the registration can put any number of names there. */
const READS_AT_ONCE = 20;
const READ_AGAIN_MS = 60_000;

export interface UsedNamespacesOptions {
  readonly clock: Pick<Clock, 'monotonicNow'>;
  /** Whether the cache has had its first list: before that, a namespace that it does not know may be in use. */
  readonly hasSynced: () => boolean;
  /** A live read: whether the namespace has a protected pod now. */
  readonly hasPods: (namespace: string, signal: AbortSignal) => Promise<boolean>;
}

/** Which namespaces have protected pods, as the cache of this replica sees it. */
export class UsedNamespaces {
  /** Called for a namespace that has its first protected pod. */
  onFirst: () => void = () => undefined;
  readonly #options: UsedNamespacesOptions;
  readonly #pods = new Map<string, number>();
  /** Since when a namespace that is registered has had none, on the monotonic clock. */
  #unusedSince = new Map<string, number>();
  /** Had no pod at a live read, an hour after the last was seen. */
  #given = new Set<string>();
  /** Those that were registered when this replica last looked. */
  #known: ReadonlySet<string> = new Set();

  constructor(options: UsedNamespacesOptions) {
    this.#options = options;
  }

  /** Takes every change of the store of protected pods, whose keys are `namespace/name`. */
  observe({ kind, key }: Pick<Change<unknown>, 'kind' | 'key'>): void {
    if (kind === 'updated') return;
    const namespace = key.slice(0, key.indexOf('/'));
    const count = (this.#pods.get(namespace) ?? 0) + (kind === 'added' ? 1 : -1);
    if (count > 0) this.#pods.set(namespace, count);
    else this.#pods.delete(namespace);
    if (kind === 'added' && count === 1) this.onFirst();
  }

  /** To be called with what is registered before `wanted`. */
  look(registered: readonly string[]): void {
    const { clock, hasSynced } = this.#options;
    const now = clock.monotonicNow();
    const unused = hasSynced() ? registered.filter((one) => !this.#pods.has(one)) : [];
    this.#unusedSince = new Map(unused.map((one) => [one, this.#unusedSince.get(one) ?? now]));
    this.#given = new Set();
  }

  /** Reads live, for namespaces that have had none for an hour. To be called after `look`. */
  async release(signal: AbortSignal): Promise<void> {
    const { clock, hasPods } = this.#options;
    const now = clock.monotonicNow();
    const due = [...this.#unusedSince].filter(([, since]) => now - since >= KEPT_MS).sort(([, a], [, b]) => a - b);
    const read = async ([one]: readonly [string, number]) => {
      try {
        if (await hasPods(one, signal)) this.#unusedSince.delete(one);
        else this.#given.add(one);
      } catch {
        // It stays until it can be looked at. Others come first meanwhile.
        this.#unusedSince.set(one, now - KEPT_MS + READ_AGAIN_MS);
      }
    };
    await Promise.all(due.slice(0, READS_AT_ONCE).map(read));
    signal.throwIfAborted();
  }

  /** What is to be registered, sorted; undefined while nobody can say. Nothing is left out that another replica may use. */
  wanted(registered: readonly string[]): readonly string[] | undefined {
    if (!this.#options.hasSynced()) return undefined;
    const all = new Set([...registered.filter((one) => !this.#given.has(one)), ...this.#pods.keys()]);
    return [...all].sort();
  }

  /** Whether nobody has one that is not registered. */
  isCovered(registered: readonly string[]): boolean {
    return [...this.#pods.keys()].every((one) => registered.includes(one));
  }

  /** Whether somebody else has taken away a namespace that is in use. Remembers what is registered, and what is lost. */
  lacks(registered: readonly string[]): boolean {
    const lost = [...this.#known].filter((one) => this.#pods.has(one) && !registered.includes(one));
    this.#known = new Set([...registered, ...lost]);
    return lost.length > 0;
  }
}
