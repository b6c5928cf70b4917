import type { Clock } from '../async/clock.ts';
import { LOG, type Log } from '../log/messages.ts';
import { type Authorities, bundleOf, planAuthorities, type Retired, strangersIn } from './authorities.ts';
import type { AuthoritySecret, ObservedSecret } from './authority-secret.ts';
import type { Pair } from './certificate-source.ts';
import { createAuthority } from './issuing.ts';
import { caValidity, type Lifetimes } from './lifetimes.ts';
import { expiryOf } from './pem.ts';

export interface AuthorityRotationOptions {
  readonly secret: Pick<AuthoritySecret, 'write'>;
  /** Of the Secret, for messages. */
  readonly secretName: string;
  readonly lifetimes: Lifetimes;
  readonly log: Log;
  readonly clock: Pick<Clock, 'now'>;
}

/** What one look found, and what this replica knows beside it. */
export interface Look {
  /** PEM: what the webhooks of the registration carry. */
  readonly bundles: readonly string[];
  /** Read after the registration. */
  readonly secret: ObservedSecret | undefined;
  /** PEM of the authority of what this replica serves; empty if it serves nothing. */
  readonly servedBy: string;
  /** Whether this replica has been ready. */
  readonly isReady: boolean;
  /** Whether the API servers know this authority. */
  readonly isSettled: (cert: string) => boolean;
}

/** What is to be done about the authorities in the Secret. */
export type RotationStep =
  | { readonly kind: 'keep'; readonly authorities: Authorities }
  /** The Secret is somebody else's. */
  | { readonly kind: 'refuse'; readonly why: string }
  | { readonly kind: 'create'; readonly why: string }
  | { readonly kind: 'introduce'; readonly authorities: Authorities }
  | { readonly kind: 'store'; readonly message: string; readonly authorities: Authorities };

/** Makes, renews and retires the authorities in the Secret, each time by one guarded write. */
export class AuthorityRotation {
  readonly #options: AuthorityRotationOptions;

  constructor(options: AuthorityRotationOptions) {
    this.#options = options;
  }

  plan(look: Look): RotationStep {
    if (look.secret === undefined) return { kind: 'create', why: 'there was no Secret' };
    const { content } = look.secret;
    switch (content.kind) {
      case 'foreign': {
        const what = `the Secret ${this.#options.secretName} holds something else (${content.keys.join(', ')})`;
        return { kind: 'refuse', why: `${what}: name another in CA_SECRET, or delete it` };
      }
      case 'empty':
        return { kind: 'create', why: 'the Secret was empty' };
      case 'broken':
        return { kind: 'create', why: content.why };
      case 'authorities':
        return this.#planRenewal(content.authorities, look);
    }
  }

  #planRenewal(authorities: Authorities, look: Look): RotationStep {
    const { lifetimes, clock } = this.#options;
    const step = planAuthorities(authorities, {
      now: clock.now(),
      caLifetimeMs: lifetimes.caMs,
      servingLifetimeMs: lifetimes.servingMs,
      isNextSettled: authorities.next !== undefined && look.isSettled(authorities.next.cert),
    });
    switch (step.kind) {
      case 'keep':
        return this.#planAdoption(authorities, look);
      case 'replace':
        return { kind: 'create', why: step.why };
      case 'introduce':
        return { kind: 'introduce', authorities };
      case 'write': {
        const message = step.change === 'promoted' ? LOG.authorityPromoted : LOG.authorityRetired;
        return { kind: 'store', message, authorities: step.authorities };
      }
    }
  }

  /** What the replicas before this one may still serve by, files or cert-manager's, stays in the bundle for a while. */
  #planAdoption(authorities: Authorities, look: Look): RotationStep {
    const strangers = look.isReady ? [] : this.#strangers(look, bundleOf(authorities));
    if (strangers.length === 0) return { kind: 'keep', authorities };
    const retired = [...strangers, ...authorities.retired];
    return { kind: 'store', message: LOG.authorityAdopted, authorities: { ...authorities, retired } };
  }

  /** `rewritten`: the Secret was written, here or meanwhile by somebody else; look again. Throws for `refuse`. */
  async carryOut(step: RotationStep, look: Look, signal: AbortSignal): Promise<'kept' | 'rewritten'> {
    switch (step.kind) {
      case 'keep':
        return 'kept';
      case 'refuse':
        throw new Error(step.why);
      case 'create': {
        const authorities = { signing: await this.#newAuthority(), retired: this.#strangers(look, '') };
        return this.#store(authorities, LOG.authorityCreated, look, signal, { why: step.why });
      }
      case 'introduce': {
        const authorities = { ...step.authorities, next: await this.#newAuthority() };
        return this.#store(authorities, LOG.authorityIntroduced, look, signal);
      }
      case 'store':
        return this.#store(step.authorities, step.message, look, signal);
    }
  }

  #strangers({ bundles, servedBy }: Look, known: string): Retired[] {
    const { clock, lifetimes } = this.#options;
    const until = clock.now() + lifetimes.servingMs;
    return strangersIn([servedBy, ...bundles].join('\n'), known, clock.now()).map((cert) => ({ cert, until }));
  }

  #newAuthority(): Promise<Pair> {
    const { clock, lifetimes } = this.#options;
    const at = clock.now();
    return createAuthority(`reschedule-hook ${new Date(at).toISOString()}`, caValidity(at, lifetimes.caMs));
  }

  async #store(
    authorities: Authorities,
    message: string,
    look: Look,
    signal: AbortSignal,
    fields: Record<string, unknown> = {},
  ): Promise<'rewritten'> {
    const { secret, secretName, log } = this.#options;
    signal.throwIfAborted();
    const result = await secret.write(authorities, look.secret, signal);
    if (result.kind === 'changed') return 'rewritten';
    const { cert } = authorities.next ?? authorities.signing;
    log.info(message, { ...fields, secret: secretName, expires: new Date(expiryOf(cert)).toISOString() });
    return 'rewritten';
  }
}
