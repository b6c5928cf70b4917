import type { Clock } from '../async/clock.ts';
import { Backoff } from '../informer/backoff.ts';
import { describeError } from '../kube/errors.ts';
import { LOG, type Log } from '../log/messages.ts';
import { type Authorities, bundleOf } from './authorities.ts';
import { AuthorityRotation } from './authority-rotation.ts';
import { BundlePropagation } from './bundle-propagation.ts';
import type { CertificateSource, Expiry, Pair } from './certificate-source.ts';
import type { Lifetimes } from './lifetimes.ts';
import { certificatesIn, expiryOf } from './pem.ts';
import { Serving } from './serving-certificate.ts';
import type { CertificateObjects, SeenRegistration } from './stored-objects.ts';

export interface KeeperOptions {
  readonly objects: Pick<CertificateObjects, 'readSecret' | 'writeSecret' | 'readRegistration' | 'writeBundle'>;
  /** Tells when the registration has changed, beside the looks every so often. */
  readonly watch: { start(onChange: (resourceVersion: string) => void): void; stop(): Promise<void> };
  /** The names that are served; the first is the one by which the API server calls. */
  readonly hosts: readonly [string, ...string[]];
  readonly registration: string;
  readonly secret: string;
  readonly lifetimes: Lifetimes;
  readonly log: Log;
  readonly clock: Clock;
  random(): number;
}

/** How often a look starts over because something was written, here or elsewhere. */
const TRIES = 10;
const FAILURES = { firstMs: 1_000, maxMs: 30_000, resetAfterMs: 120_000 };
/** Somebody who writes the bundle again and again is not to be raced. */
const CORRECTIONS = { firstMs: 500, maxMs: 60_000, resetAfterMs: 300_000 };

/**
 * Keeps the authorities, the registration's caBundle and this replica's own serving certificate. Every replica does all of
 * it, level-triggered and without a leader: each look reads the registration, then the Secret, and writes only on the
 * versions that it read, so a replica that is behind cannot undo what another has done (docs/decisions/0006-certificates.md).
 */
export class Keeper implements CertificateSource {
  readonly #options: KeeperOptions;
  readonly #serving: Serving;
  readonly #tender: AuthorityRotation;
  readonly #carried: BundlePropagation;
  readonly #stop = new AbortController();
  readonly #failures: Backoff;
  readonly #corrections: Backoff;
  #done: Promise<void> = Promise.resolve();
  #seenVersion = '';
  #writtenBundle = '';
  /** On the monotonic clock: before this the same bundle is not written again. */
  #correctAt = Number.NEGATIVE_INFINITY;
  #problem = 'there is no certificate yet';
  #isReady = false;
  #lastFailure = '';
  #isAbsent = false;
  #isWoken = false;
  #endPause: () => void = () => undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#serving = new Serving(options);
    this.#tender = new AuthorityRotation(options);
    this.#carried = new BundlePropagation(options.lifetimes.settleMs, options.clock);
    this.#failures = new Backoff(FAILURES, options.clock, () => options.random());
    this.#corrections = new Backoff(CORRECTIONS, options.clock, () => options.random());
  }

  current(): Pair | undefined {
    return this.#serving.pair;
  }

  notReady(): string | undefined {
    return this.#isReady ? undefined : this.#problem;
  }

  expiries(): readonly Expiry[] {
    const certs = { serving: this.#serving.pair?.cert, ca: this.#tender.authorities?.signing.cert } as const;
    return (['serving', 'ca'] as const).flatMap((certificate) => {
      const cert = certs[certificate];
      return cert === undefined ? [] : [{ certificate, at: expiryOf(cert) }];
    });
  }

  start(onChange: (pair: Pair) => void): void {
    this.#serving.onChange = onChange;
    this.#options.watch.start((resourceVersion) => {
      if (resourceVersion !== this.#seenVersion) this.#wake();
    });
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await Promise.all([this.#options.watch.stop(), this.#done]);
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#isWoken = false;
      await this.#pause(await this.#look());
    }
  }

  #wake(): void {
    this.#isWoken = true;
    this.#endPause();
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isWoken) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#endPause = resolve;
    const timer = this.#options.clock.setTimer(resolve, ms);
    await promise;
    timer.cancel();
  }

  /** Brings everything up to date as far as it can. Resolves to the milliseconds until the next look is due. */
  async #look(): Promise<number> {
    try {
      await this.#lookUntilNothingIsWritten();
      this.#lastFailure = '';
      return this.#nextLookMs();
    } catch (error) {
      if (this.#stop.signal.aborted) return 0;
      const failure = describeError(error);
      if (failure !== this.#lastFailure) this.#options.log.warn(LOG.certificateTrouble, { error: failure });
      this.#lastFailure = failure;
      this.#problem = failure;
      // No later than where all is well: what is served has to be renewed without the API server too.
      return Math.min(this.#failures.next(), this.#options.lifetimes.lookEveryMs);
    }
  }

  #nextLookMs(): number {
    const { signing, next } = this.#tender.authorities ?? {};
    const settledIn = this.#carried.settledIn([signing, next].flatMap((pair) => pair?.cert ?? []));
    const correctIn = this.#correctAt - this.#options.clock.monotonicNow();
    return Math.min(this.#options.lifetimes.lookEveryMs, settledIn, correctIn > 0 ? correctIn : settledIn);
  }

  async #lookUntilNothingIsWritten(): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      this.#stop.signal.throwIfAborted();
      if (await this.#lookOnce()) return;
    }
    throw new Error('the Secret or the registration changes again and again');
  }

  /** False: something was written, or had changed meanwhile; look again. */
  async #lookOnce(): Promise<boolean> {
    const { signal } = this.#stop;
    const { objects } = this.#options;
    try {
      // In this order: who changes the Secret changes the registration after it. See the class.
      const registration = await objects.readRegistration(signal);
      const secret = await objects.readSecret(signal);
      this.#seenVersion = registration?.resourceVersion ?? '';
      this.#carried.see(registration);
      const authorities = await this.#tender.tend({
        secret,
        registration,
        servedBy: this.#serving.authority,
        isReady: this.#isReady,
        isSettled: (cert) => this.#carried.isSettled(cert),
        signal,
      });
      if (authorities === undefined || (await this.#writeBundle(authorities, registration))) return false;
      await this.#renew(authorities, registration);
      this.#judge(registration);
      return true;
    } catch (error) {
      // No API server is needed to sign by an authority that has been read before.
      if (this.#tender.authorities !== undefined) await this.#renew(this.#tender.authorities);
      throw error;
    }
  }

  /** True: the registration was written, or has to be read again. */
  async #writeBundle(authorities: Authorities, registration: SeenRegistration | undefined): Promise<boolean> {
    const { objects, log, clock } = this.#options;
    const bundle = bundleOf(authorities);
    if (registration === undefined || registration.webhooks.every((webhook) => webhook.bundle === bundle)) return false;
    const isCorrection = bundle === this.#writtenBundle;
    if (isCorrection && clock.monotonicNow() < this.#correctAt) return false;
    if ((await objects.writeBundle(registration, bundle, this.#stop.signal)) === 'changed') return true;
    if (isCorrection) this.#correctAt = clock.monotonicNow() + this.#corrections.next();
    this.#writtenBundle = bundle;
    const fields = { registration: this.#options.registration, authorities: certificatesIn(bundle).length };
    if (isCorrection) log.warn(LOG.bundleCorrected, fields);
    else log.info(LOG.bundleWritten, fields);
    return true;
  }

  #renew({ signing }: Authorities, registration?: SeenRegistration): Promise<void> {
    // What the registration carries no more, as after a restore of the Secret, is not worth keeping until the next is known.
    return this.#serving.renew(signing, this.#isRefused(registration) || this.#carried.isSettled(signing.cert));
  }

  /** Whether the registration makes the API server refuse what is served. */
  #isRefused(registration: SeenRegistration | undefined): boolean {
    return registration?.webhooks.some(({ bundle }) => !this.#serving.isTrustedBy(bundle)) ?? false;
  }

  /** Ready once the API server takes what is served, or where nobody is registered to ask; from then on for good. */
  #judge(registration: SeenRegistration | undefined): void {
    const { registration: name, log, hosts } = this.#options;
    if (registration === undefined && !this.#isAbsent) log.warn(LOG.registrationMissing, { registration: name });
    this.#isAbsent = registration === undefined;
    if (registration?.webhooks.length === 0) {
      this.#problem = `no webhook of the registration ${name} calls the Service at ${hosts[0]}`;
    } else if (this.#isRefused(registration)) {
      this.#problem = `the caBundle of the registration ${name} does not verify the serving certificate`;
    } else this.#isReady = true;
  }
}
