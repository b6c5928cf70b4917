import type { Clock } from '../async/clock.ts';
import { LOG, type Log } from '../log/messages.ts';
import {
  type Authorities,
  bundleOf,
  planAuthorities,
  type Retired,
  readAuthorities,
  strangersIn,
  writeAuthorities,
} from './authorities.ts';
import type { Pair } from './certificate-source.ts';
import { createAuthority } from './issuing.ts';
import { caValidity, type Lifetimes } from './lifetimes.ts';
import { expiryOf } from './pem.ts';
import type { CertificateObjects, SeenRegistration, SeenSecret } from './stored-objects.ts';

export interface AuthorityRotationOptions {
  readonly objects: Pick<CertificateObjects, 'writeSecret'>;
  /** Its name, for messages. */
  readonly secret: string;
  readonly lifetimes: Lifetimes;
  readonly log: Log;
  readonly clock: Pick<Clock, 'now'>;
}

/** What was seen in one look, and what this replica knows beside it. */
export interface Look {
  readonly secret: SeenSecret | undefined;
  readonly registration: SeenRegistration | undefined;
  /** PEM of the authority of what this replica serves; empty if it serves nothing. */
  readonly servedBy: string;
  readonly isReady: boolean;
  readonly isSettled: (cert: string) => boolean;
  readonly signal: AbortSignal;
}

/** Looks after the authorities in the Secret: makes, renews and retires them, each time by one guarded write. */
export class AuthorityRotation {
  readonly #options: AuthorityRotationOptions;
  #authorities: Authorities | undefined;

  constructor(options: AuthorityRotationOptions) {
    this.#options = options;
  }

  /** As last read; undefined before. */
  get authorities(): Authorities | undefined {
    return this.#authorities;
  }

  /** The authorities, if nothing had to be written; else look again. Throws where the Secret is not ours to write. */
  async tend(look: Look): Promise<Authorities | undefined> {
    const stored = readAuthorities(look.secret?.data ?? {});
    switch (stored.kind) {
      case 'foreign':
        throw new Error(
          `the Secret ${this.#options.secret} holds something else (${stored.keys.join(', ')}): name another in CA_SECRET, or delete it`,
        );
      case 'empty':
        return this.#create(look, look.secret === undefined ? 'there was no Secret' : 'the Secret was empty');
      case 'broken':
        return this.#create(look, stored.why);
      case 'authorities':
        this.#authorities = stored.authorities;
        return this.#renew(stored.authorities, look);
    }
  }

  async #renew(authorities: Authorities, look: Look): Promise<Authorities | undefined> {
    const { lifetimes, clock } = this.#options;
    const step = planAuthorities(authorities, {
      now: clock.now(),
      caLifetimeMs: lifetimes.caMs,
      servingLifetimeMs: lifetimes.servingMs,
      isNextCarried: authorities.next !== undefined && look.isSettled(authorities.next.cert),
    });
    switch (step.kind) {
      case 'keep':
        return this.#adopt(authorities, look);
      case 'replace':
        return this.#create(look, step.why);
      case 'introduce':
        return this.#store({ ...authorities, next: await this.#newAuthority() }, look, LOG.authorityIntroduced);
      case 'write': {
        const message = step.change === 'promoted' ? LOG.authorityPromoted : LOG.authorityRetired;
        return this.#store(step.authorities, look, message);
      }
    }
  }

  /** What the replicas before this one may still serve by, files or cert-manager's, stays in the bundle for a while. */
  async #adopt(authorities: Authorities, look: Look): Promise<Authorities | undefined> {
    const strangers = look.isReady ? [] : this.#strangers(look, bundleOf(authorities));
    if (strangers.length === 0) return authorities;
    const retired = [...strangers, ...authorities.retired];
    return this.#store({ ...authorities, retired }, look, LOG.authorityAdopted);
  }

  async #create(look: Look, why: string): Promise<undefined> {
    const authorities = { signing: await this.#newAuthority(), retired: this.#strangers(look, '') };
    return this.#store(authorities, look, LOG.authorityCreated, { why });
  }

  #strangers({ registration, servedBy }: Look, known: string): Retired[] {
    const { clock, lifetimes } = this.#options;
    const until = clock.now() + lifetimes.servingMs;
    const bundles = (registration?.webhooks ?? []).map(({ bundle }) => bundle);
    return strangersIn([...bundles, servedBy].join('\n'), known, clock.now()).map((cert) => ({ cert, until }));
  }

  #newAuthority(): Promise<Pair> {
    const { clock, lifetimes } = this.#options;
    const at = clock.now();
    return createAuthority(`reschedule-hook ${new Date(at).toISOString()}`, caValidity(at, lifetimes.caMs));
  }

  async #store(
    authorities: Authorities,
    { secret, signal }: Look,
    message: string,
    fields: Record<string, unknown> = {},
  ): Promise<undefined> {
    const { objects, log, secret: name } = this.#options;
    const outcome = await objects.writeSecret(writeAuthorities(authorities), secret, signal);
    if (outcome === 'changed') return;
    const { cert } = authorities.next ?? authorities.signing;
    log.info(message, { ...fields, secret: name, expires: new Date(expiryOf(cert)).toISOString() });
  }
}
