import type { Clock } from '../async/clock.ts';
import { createListWatch } from '../informer/list-watch.ts';
import { Reflector, type ReflectorOptions, type Sink } from '../informer/reflector.ts';
import type { ApiClient, JsonObject } from '../kube/client.ts';
import { ApiError, describeError } from '../kube/errors.ts';
import { REGISTRATIONS } from '../kube/paths.ts';
import { LOG, type Log } from '../log/messages.ts';
import type { Profile } from '../policy/profiles/profile.ts';
import { conflictsOf, type RegisteredWebhook, type Rival, rivalsIn } from '../policy/profiles/rivals.ts';

export interface RivalOptions {
  readonly client: ApiClient;
  readonly profiles: readonly Pick<Profile, 'name' | 'conflicts'>[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly backoff?: ReflectorOptions<unknown>['backoff'];
  /** Called after each list and event, and when the API server refuses one. */
  readonly onChange?: () => void;
  /** Called for a registration beyond those that are kept. */
  readonly onLeftOut?: () => void;
}

export type RivalCount = Pick<Rival, 'profile' | 'rival' | 'webhooks'>;

/** A registration, and its rivals by name. Nothing else of it is kept. */
interface Observed {
  readonly name: string;
  readonly rivals: ReadonlyMap<string, number>;
}

const KIND = 'validatingwebhookconfigurations';
/** Of those with rivals. There is one as a rule; whoever writes more must not fill the memory. */
const KEPT_MAX = 1_000;

/**
 * Finds webhooks beside which a profile in force cannot work: the API server asks them and the hook at once, and returns the
 * refusal that comes first. It only reports them: no decision, and not the readiness, depends on what it knows. A webhook
 * counts whichever namespaces and objects it selects.
 */
export class RivalWatch {
  readonly #options: RivalOptions;
  readonly #names: ReadonlySet<string>;
  /** Each once: a profile that is leaving may have the name of another one. */
  readonly #conflicts: readonly Pick<Rival, 'profile' | 'rival'>[];
  readonly #reflector: Reflector<Observed>;
  /** Each profile and name that was logged. */
  readonly #said = new Set<string>();
  #registrations: Map<string, Observed> | undefined;

  constructor(options: RivalOptions) {
    const { client, profiles, clock, random, log, backoff } = options;
    this.#options = options;
    this.#names = conflictsOf(profiles);
    this.#conflicts = pairsOf(profiles);
    this.#reflector = new Reflector<Observed>({
      name: KIND,
      listWatch: createListWatch(client, REGISTRATIONS),
      project: (object) => this.#project(object),
      sink: this.#sink(),
      clock,
      random,
      // A missing right is said once, by the check of permissions.
      log: (level, message, fields) => log[this.#isRefused() ? 'debug' : level](message, fields),
      onInterrupted: () => options.onChange?.(),
      ...(backoff === undefined ? {} : { backoff }),
    });
  }

  /** undefined before the first list: then nobody knows. */
  get found(): readonly Rival[] | undefined {
    if (this.#names.size === 0) return [];
    return this.#registrations && [...this.#registrations.values()].flatMap((one) => this.#rivalsOf(one));
  }

  /** How many webhooks there are, by profile and name; 0 of one that is not there. Empty while nobody knows. */
  get counts(): readonly RivalCount[] {
    const { found } = this;
    if (found === undefined) return [];
    return this.#conflicts.map(({ profile, rival }) => {
      const own = found.filter((one) => one.profile === profile && one.rival === rival);
      return { profile, rival, webhooks: own.reduce((sum, { webhooks }) => sum + webhooks, 0) };
    });
  }

  /** Why what it knows may be wrong; undefined if it is not. */
  get problem(): string | undefined {
    if (this.#names.size === 0) return undefined;
    const { failure } = this.#reflector;
    if (failure === undefined) return this.#registrations === undefined ? 'not listed yet' : undefined;
    return this.#isRefused() ? `the hook may not ${failure.verb} ${KIND}` : describeError(failure.error);
  }

  /** Without conflicts there is nothing to look for, and no right to. */
  start(): void {
    if (this.#names.size > 0) this.#reflector.start();
  }

  stop(): Promise<void> {
    return this.#reflector.stop();
  }

  #isRefused(): boolean {
    const error = this.#reflector.failure?.error;
    return error instanceof ApiError && error.code === 403;
  }

  #project(object: JsonObject): Observed {
    const { name = '' } = (object.metadata ?? {}) as { readonly name?: string };
    const webhooks = (object.webhooks ?? []) as readonly RegisteredWebhook[];
    return { name, rivals: rivalsIn(name, webhooks, this.#names) };
  }

  #sink(): Sink<Observed> {
    const { onChange } = this.#options;
    return {
      beginList: () => {
        const listed = new Map<string, Observed>();
        return {
          page: (some) => {
            for (const one of some) this.#keep(listed, one);
          },
          complete: () => {
            this.#registrations = listed;
            onChange?.();
          },
        };
      },
      put: (one) => {
        this.#keep(this.#registrations ?? new Map(), one);
        onChange?.();
      },
      remove: ({ name }) => {
        this.#registrations?.delete(name);
        onChange?.();
      },
    };
  }

  #keep(kept: Map<string, Observed>, one: Observed): void {
    if (one.rivals.size === 0) {
      kept.delete(one.name);
      return;
    }
    if (kept.size >= KEPT_MAX && !kept.has(one.name)) {
      this.#options.onLeftOut?.();
      return;
    }
    kept.set(one.name, one);
    for (const { profile, rival, registration } of this.#rivalsOf(one)) {
      // Once: whoever lets it come and go must not fill the log. The metric follows it.
      if (this.#said.has(`${profile} ${rival}`)) continue;
      this.#said.add(`${profile} ${rival}`);
      this.#options.log.warn(LOG.rival, { profile, rival, registration });
    }
  }

  #rivalsOf({ name: registration, rivals }: Observed): Rival[] {
    return this.#conflicts.flatMap(({ profile, rival }) => {
      const webhooks = rivals.get(rival);
      return webhooks === undefined ? [] : [{ profile, rival, registration, webhooks }];
    });
  }
}

function pairsOf(profiles: RivalOptions['profiles']): Pick<Rival, 'profile' | 'rival'>[] {
  const all = profiles.flatMap(({ name: profile, conflicts }) => conflicts.map((rival) => ({ profile, rival })));
  return [...new Map(all.map((one) => [`${one.profile} ${one.rival}`, one])).values()];
}

/** For people: what was found, and whether that can be believed. */
export function describeRivals({ counts, problem }: Pick<RivalWatch, 'counts' | 'problem'>): string[] {
  const lines = counts.filter(({ webhooks }) => webhooks > 0);
  return [
    ...lines.map(({ profile, rival, webhooks }) => `rival webhook of profile ${profile}: ${rival} (${webhooks})`),
    ...(problem === undefined ? [] : [`rival webhooks are not known: ${problem}`]),
  ];
}
