import type { Clock } from '../async/clock.ts';
import { type Authorities, bundleOf } from '../certificates/authorities.ts';
import { AuthorityRotation, type Look } from '../certificates/authority-rotation.ts';
import type { AuthoritySecret } from '../certificates/authority-secret.ts';
import type { Expiry, Pair, RegistrationState } from '../certificates/certificate-source.ts';
import type { Lifetimes } from '../certificates/lifetimes.ts';
import { expiryOf } from '../certificates/pem.ts';
import { ServingCertificate } from '../certificates/serving-certificate.ts';
import { Backoff } from '../informer/backoff.ts';
import { describeError } from '../kube/errors.ts';
import { LOG, type Log } from '../log/messages.ts';
import { BundlePropagation } from '../registration/bundle-propagation.ts';
import type { ManagedRegistration, Outcome } from '../registration/managed-registration.ts';
import type { ObservedRegistration } from '../registration/registration.ts';
import type { ReconcileResult, Reconciler } from './controller.ts';

/**
 * `authority`: the authorities in the Secret, and what this replica serves by them. `registration`: what the registration
 * says and carries, and whether the hook is ready for it. It never calls for the Secret, as such a call may hang.
 */
export type CertificateKey = 'authority' | 'registration';

export interface CertificateOptions {
  readonly secret: Pick<AuthoritySecret, 'read' | 'write'>;
  readonly registration: ManagedRegistration;
  /** For messages. */
  readonly secretName: string;
  /** The names that are served; the first is the one by which the API server calls. */
  readonly hosts: readonly [string, ...string[]];
  readonly lifetimes: Lifetimes;
  readonly log: Log;
  readonly clock: Pick<Clock, 'now' | 'monotonicNow'>;
  readonly random: () => number;
  /** Puts a key on the queue. */
  readonly wake: (key: CertificateKey) => void;
}

/** How often in a row a key is reconciled at once because something was written, here or elsewhere. */
const CHANGES_IN_A_ROW = 10;
const FAILURES = { firstMs: 1_000, maxMs: 30_000, resetAfterMs: 120_000 };

/**
 * Keeps the authorities, the registration and this replica's own serving certificate. Every replica does all of it,
 * without a leader. These keep a replica that is behind from undoing what another has done:
 * - `authority` reads the registration first and then the Secret, and writes the Secret only on the version that it read;
 * - it wakes `registration` for that before it goes on itself;
 * - `registration` takes something away only from the version that `authority` had read before a Secret with nothing left
 *   to do. By what it knows of an older Secret it only adds.
 * Each key has a worker, so that neither waits for calls of the other. See docs/decisions/0006-certificates.md.
 */
export class CertificateReconciler implements Reconciler<CertificateKey> {
  readonly kind = 'certificates';
  readonly idOf = (key: CertificateKey) => key;
  readonly #options: CertificateOptions;
  readonly #rotation: AuthorityRotation;
  readonly #propagation: BundlePropagation;
  readonly #serving: ServingCertificate;
  readonly #trouble: Readonly<Record<CertificateKey, Trouble>>;
  /** As last read; what is served is renewed by them without the API server. */
  #authorities: Authorities | undefined;
  /** The resourceVersion of the registration as each key last read it; empty if there was none. */
  readonly #versionAt: Record<CertificateKey, string> = { authority: '', registration: '' };
  /** The version that `authority` read before a Secret with nothing left to do, until `registration` has looked by it. */
  #judgedVersion: string | undefined;
  /** How many reads of the registration have begun, and which of them was the last to be remembered. */
  #reads = { begun: 0, remembered: 0 };
  #isVerified = false;
  #unreadyBecause = 'there is no certificate yet';
  #isReady = false;

  constructor(options: CertificateOptions) {
    const { clock, random, lifetimes } = options;
    this.#options = options;
    this.#rotation = new AuthorityRotation(options);
    this.#propagation = new BundlePropagation(lifetimes.settleMs, clock);
    this.#serving = new ServingCertificate(options);
    this.#trouble = { authority: newTrouble(clock, random), registration: newTrouble(clock, random) };
  }

  /** What is served; undefined before there is something. */
  get pair(): Pair | undefined {
    return this.#serving.pair;
  }

  /** Why this keeps the hook unready; undefined if it does not. */
  get problem(): string | undefined {
    if (this.#options.registration.problem !== undefined) return this.#options.registration.problem;
    if (this.#isReady) return undefined;
    return this.#trouble.authority.failure ?? this.#trouble.registration.failure ?? this.#unreadyBecause;
  }

  registration(): RegistrationState {
    return { ...this.#options.registration.state(), isVerified: this.#isVerified };
  }

  expiries(): readonly Expiry[] {
    const certs = { serving: this.#serving.pair?.cert, ca: this.#authorities?.signing.cert } as const;
    return (['serving', 'ca'] as const).flatMap((certificate) => {
      const cert = certs[certificate];
      return cert === undefined ? [] : [{ certificate, at: expiryOf(cert) }];
    });
  }

  /** Called with every new pair; what it throws is tried again. */
  set onChange(onChange: (pair: Pair) => void) {
    this.#serving.onChange = onChange;
  }

  /**
   * To be called when the registration has this resourceVersion, empty if it is gone; undefined if something else is new that
   * it depends on. Wakes its key, unless that is known.
   */
  onRegistration(resourceVersion: string | undefined): void {
    if (resourceVersion === this.#versionAt.registration) return;
    this.#options.registration.heard();
    this.#options.wake('registration');
  }

  /**
   * Looks again no later than if all is well, whatever fails: what is served has to be renewed without the API server too.
   * So a failure is handled here, and logged once for each cause in a row.
   */
  async reconcile(key: CertificateKey, signal: AbortSignal): Promise<ReconcileResult> {
    const trouble = this.#trouble[key];
    try {
      const outcome =
        key === 'authority' ? await this.#reconcileAuthority(signal) : await this.#reconcileRegistration(signal);
      if (outcome === 'quiet') {
        trouble.failure = undefined;
        trouble.changesInARow = 0;
        return { requeueAfterMs: this.#nextLookMs(key) };
      }
      if (++trouble.changesInARow >= CHANGES_IN_A_ROW) {
        throw new Error('the Secret or the registration changes again and again');
      }
      // First the registration: who changes the Secret changes the registration after it.
      this.#options.wake('registration');
      this.#options.wake(key);
      return {};
    } catch (error) {
      signal.throwIfAborted();
      this.#reportFailure(trouble, describeError(error));
      const { lifetimes, registration } = this.#options;
      const mostMs = key === 'registration' ? registration.retryWithinMs : Number.POSITIVE_INFINITY;
      return { requeueAfterMs: Math.min(trouble.backoff.next(), lifetimes.lookEveryMs, mostMs) };
    }
  }

  async #reconcileAuthority(signal: AbortSignal): Promise<Outcome> {
    try {
      const observed = await this.#read('authority', signal);
      const look = await this.#look(observed, signal);
      const step = this.#rotation.plan(look);
      if ((await this.#rotation.carryOut(step, look, signal)) === 'rewritten') return 'changed';
      await this.#renewServing(observed);
      this.#judgedVersion = versionOf(observed);
      this.#options.wake('registration');
      return 'quiet';
    } catch (error) {
      // No API server is needed to sign by an authority that has been read before.
      if (!signal.aborted) await this.#renewServing(undefined);
      throw error;
    }
  }

  async #reconcileRegistration(signal: AbortSignal): Promise<Outcome> {
    const judged = this.#judgedVersion;
    this.#judgedVersion = undefined;
    const observed = await this.#read('registration', signal);
    this.#isVerified = this.#verifies(observed);
    this.#judgeReadiness(observed);
    const version = versionOf(observed);
    // The other key judges what a change of the registration means for what signs, and for what is served.
    if (version !== this.#versionAt.authority) this.#options.wake('authority');
    const needed = this.#authorities === undefined ? '' : bundleOf(this.#authorities);
    return this.#options.registration.settle(observed, { needed, isAll: version === judged }, signal);
  }

  /** What is remembered of the reads has to come in their order: one that another has overtaken is made again. */
  async #read(key: CertificateKey, signal: AbortSignal): Promise<ObservedRegistration | undefined> {
    for (;;) {
      const turn = ++this.#reads.begun;
      const observed = await this.#options.registration.read(signal);
      if (turn < this.#reads.remembered) continue;
      this.#reads.remembered = turn;
      this.#propagation.record(observed);
      this.#versionAt[key] = versionOf(observed);
      if (this.#versionAt.registration !== versionOf(observed)) this.#options.wake('registration');
      return observed;
    }
  }

  /** After the registration; see the class. */
  async #look(observed: ObservedRegistration | undefined, signal: AbortSignal): Promise<Look> {
    const secret = await this.#options.secret.read(signal);
    if (secret?.content.kind === 'authorities') this.#authorities = secret.content.authorities;
    return {
      bundles: observed?.own.map(({ bundle }) => bundle) ?? [],
      secret,
      servedBy: this.#serving.authority,
      isReady: this.#isReady,
      isSettled: (cert) => this.#propagation.isSettled(cert),
    };
  }

  /** Whether there is something new to serve. */
  async #renewServing(registration: ObservedRegistration | undefined): Promise<boolean> {
    if (this.#authorities === undefined) return false;
    const { signing } = this.#authorities;
    // After a restore of the Secret the registration carries the new one alone: waiting would only lose answers.
    const isWorthIt = this.#isRefused(registration) && this.#propagation.isPublished(signing.cert);
    return this.#serving.renew(signing, isWorthIt || this.#propagation.isSettled(signing.cert));
  }

  /** Ready once the API server takes what is served, or if nobody is registered to ask; from then on for good. */
  #judgeReadiness(registration: ObservedRegistration | undefined): void {
    if (this.#serving.pair === undefined) return;
    if (this.#isRefused(registration)) {
      const { name } = this.#options.registration;
      this.#unreadyBecause = `the caBundle of the registration ${name} does not verify the serving certificate`;
    } else this.#isReady = true;
  }

  #verifies(registration: ObservedRegistration | undefined): boolean {
    return (registration?.own.length ?? 0) > 0 && !this.#isRefused(registration);
  }

  /** Whether the registration makes the API server refuse what is served. */
  #isRefused(registration: ObservedRegistration | undefined): boolean {
    return registration?.own.some(({ bundle }) => !this.#serving.isTrustedBy(bundle)) ?? false;
  }

  #nextLookMs(key: CertificateKey): number {
    const { lookEveryMs } = this.#options.lifetimes;
    if (key === 'authority') {
      const { signing, next } = this.#authorities ?? {};
      return Math.min(lookEveryMs, this.#propagation.settledIn([signing, next].flatMap((pair) => pair?.cert ?? [])));
    }
    return Math.min(lookEveryMs, this.#options.registration.lookAgainMs);
  }

  /** What fails for both keys, as when the API server is away, is said once. */
  #reportFailure(trouble: Trouble, failure: string): void {
    const { authority, registration } = this.#trouble;
    const isKnown = [authority.failure, registration.failure].includes(failure);
    if (!isKnown) this.#options.log.warn(LOG.certificateTrouble, { error: failure });
    trouble.failure = failure;
    trouble.changesInARow = 0;
  }
}

const versionOf = (observed: ObservedRegistration | undefined) => observed?.resourceVersion ?? '';

/** What goes wrong with one key. */
interface Trouble {
  readonly backoff: Backoff;
  /** Why it failed when it was last reconciled; undefined if it did not. */
  failure: string | undefined;
  changesInARow: number;
}

function newTrouble(clock: CertificateOptions['clock'], random: () => number): Trouble {
  return { backoff: new Backoff(FAILURES, clock, random), failure: undefined, changesInARow: 0 };
}
