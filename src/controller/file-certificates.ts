import { X509Certificate } from 'node:crypto';
import type { Clock } from '../async/clock.ts';
import { type CertificateFiles, type LoadedFiles, watchPair } from '../certificates/certificate-files.ts';
import type { CertificateSource, Expiry, Pair, RegistrationState } from '../certificates/certificate-source.ts';
import { certificatesIn, expiryOf, isTrusted, isValidAt } from '../certificates/pem.ts';
import { Backoff } from '../informer/backoff.ts';
import { describeError } from '../kube/errors.ts';
import { LOG, type Log } from '../log/messages.ts';
import { BundlePropagation } from '../registration/bundle-propagation.ts';
import type { ManagedRegistration, Outcome } from '../registration/managed-registration.ts';
import type { ObservedRegistration } from '../registration/registration.ts';
import type { CreateWatch } from '../registration/registration-watch.ts';
import { type ControllerMetrics, oneAtATime, type ReconcileResult, type Reconciler } from './controller.ts';

export interface FileCertificateOptions {
  readonly registration: ManagedRegistration;
  /** The name by which the API server calls. */
  readonly host: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
}

const LOOK_EVERY_MS = 60_000;
/** How long the registration carries an authority before what it signed is served: an API server learns of it by a watch. */
const SETTLE_MS = 5_000;
const FAILURES = { firstMs: 1_000, maxMs: 30_000, resetAfterMs: 120_000 };
/** How often in a row it looks again at once because something was written, here or elsewhere. */
const CHANGES_IN_A_ROW = 10;

/**
 * Keeps the registration right where certificates come from files. A new certificate is served once the registration carries
 * its authority: API servers would refuse it before.
 */
export class FileCertificateReconciler implements Reconciler<'registration'> {
  readonly kind = 'certificates';
  readonly idOf = (key: 'registration') => key;
  onChange: (pair: Pair) => void = () => undefined;
  readonly #options: FileCertificateOptions;
  readonly #propagation: BundlePropagation;
  readonly #failures: Backoff;
  #served: LoadedFiles;
  #next: LoadedFiles | undefined;
  #failure: string | undefined;
  #unreadyBecause: string | undefined = 'the registration has not been looked at';
  #observedVersion = '';
  #isVerified = false;
  #changesInARow = 0;

  constructor(options: FileCertificateOptions, served: LoadedFiles) {
    this.#options = options;
    this.#served = served;
    this.#propagation = new BundlePropagation(SETTLE_MS, options.clock);
    this.#failures = new Backoff(FAILURES, options.clock, options.random);
  }

  get pair(): Pair {
    return this.#served;
  }

  /** Why this keeps the hook unready; undefined if it does not. */
  get problem(): string | undefined {
    if (this.#options.registration.problem !== undefined) return this.#options.registration.problem;
    return this.#unreadyBecause && (this.#failure ?? this.#unreadyBecause);
  }

  registration(): RegistrationState {
    return { ...this.#options.registration.state(), isVerified: this.#isVerified };
  }

  expiries(): readonly Expiry[] {
    return [{ certificate: 'serving', at: expiryOf(this.#served.cert) }];
  }

  /** To be called when the files have something new; it is served later. */
  offer(next: LoadedFiles): void {
    this.#next = next;
  }

  /** To be called when the registration has this resourceVersion, empty if it is gone; returns whether that is news. */
  onRegistration(resourceVersion: string | undefined): boolean {
    if (resourceVersion === this.#observedVersion) return false;
    this.#options.registration.heard();
    return true;
  }

  /** A failure is handled here, and logged once for each cause in a row. */
  async reconcile(_key: 'registration', signal: AbortSignal): Promise<ReconcileResult> {
    try {
      const outcome = await this.#reconcile(signal);
      this.#failure = undefined;
      if (outcome === 'quiet') this.#changesInARow = 0;
      else if (++this.#changesInARow < CHANGES_IN_A_ROW) return { requeueAfterMs: 0 };
      else throw new Error('the registration changes again and again');
      return { requeueAfterMs: Math.min(LOOK_EVERY_MS, this.#options.registration.lookAgainMs, this.#settledInMs()) };
    } catch (error) {
      signal.throwIfAborted();
      const failure = describeError(error);
      if (failure !== this.#failure) this.#options.log.warn(LOG.certificateTrouble, { error: failure });
      this.#failure = failure;
      this.#changesInARow = 0;
      // One that has ended helps nobody.
      if (!this.#isServedValid()) this.#serveNext();
      return { requeueAfterMs: Math.min(this.#failures.next(), this.#options.registration.retryWithinMs) };
    }
  }

  async #reconcile(signal: AbortSignal): Promise<Outcome> {
    const { registration } = this.#options;
    const observed = await registration.read(signal);
    this.#observedVersion = observed?.resourceVersion ?? '';
    this.#propagation.record(observed);
    if (this.#next !== undefined && this.#mayServe(this.#next, observed)) this.#serveNext();
    const isRefused = this.#isRefused(observed);
    this.#isVerified = (observed?.own.length ?? 0) > 0 && !isRefused;
    if (!isRefused) this.#unreadyBecause = undefined;
    else if (this.#unreadyBecause !== undefined) {
      this.#unreadyBecause = `the caBundle of the registration ${registration.name} does not verify the serving certificate`;
    }
    const needed = [this.#served.authorities, this.#next?.authorities ?? ''].join('\n');
    return registration.settle(observed, { needed, isAll: true }, signal);
  }

  #mayServe({ authorities }: LoadedFiles, observed: ObservedRegistration | undefined): boolean {
    if (observed === undefined || observed.own.length === 0 || !this.#isServedValid()) return true;
    return certificatesIn(authorities).every((one) => this.#propagation.isSettled(one.toString()));
  }

  #serveNext(): void {
    if (this.#next === undefined) return;
    this.onChange(this.#next);
    this.#served = this.#next;
    this.#next = undefined;
    this.#options.log.info(LOG.certificateLoaded, { expires: new Date(expiryOf(this.#served.cert)).toISOString() });
  }

  #isServedValid(): boolean {
    return isValidAt(new X509Certificate(this.#served.cert), this.#options.clock.now());
  }

  /** Whether the registration makes the API server refuse what is served. */
  #isRefused(observed: ObservedRegistration | undefined): boolean {
    const { host, clock } = this.#options;
    return observed?.own.some(({ bundle }) => !isTrusted(this.#served.cert, bundle, host, clock.now())) ?? false;
  }

  #settledInMs(): number {
    const awaited = certificatesIn(this.#next?.authorities ?? '').map((one) => one.toString());
    return this.#propagation.settledIn(awaited);
  }
}

/** The reconciler, the controller that runs it, and the watches that wake it, as one source. */
export function createFileCertificates(
  files: CertificateFiles,
  loaded: LoadedFiles,
  options: FileCertificateOptions,
  createWatch: CreateWatch,
  on: ControllerMetrics,
): CertificateSource {
  const { clock, log } = options;
  const reconciler = new FileCertificateReconciler(options, loaded);
  const controller = oneAtATime(reconciler, options, on);
  const wake = () => controller.queue.add('registration');
  const watch = createWatch((resourceVersion) => {
    if (reconciler.onRegistration(resourceVersion)) wake();
  });
  let end = () => {};
  return {
    current: () => reconciler.pair,
    start(onChange) {
      reconciler.onChange = onChange;
      controller.start();
      wake();
      watch.start();
      end = watchPair(files, loaded, log, clock, (next) => {
        reconciler.offer(next);
        wake();
      });
    },
    async stop() {
      end();
      await Promise.all([controller.stop(), watch.stop()]);
    },
    notReady: () => reconciler.problem,
    expiries: () => reconciler.expiries(),
    registration: () => reconciler.registration(),
  };
}
