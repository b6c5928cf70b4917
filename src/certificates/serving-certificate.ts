import { X509Certificate } from 'node:crypto';
import type { Clock } from '../async/clock.ts';
import { LOG, type Log } from '../log/messages.ts';
import type { Pair } from './certificate-source.ts';
import { issue } from './issuing.ts';
import { type Lifetimes, servingValidity } from './lifetimes.ts';
import { expiryOf, isSignedBy, isTrusted, isValidAt } from './pem.ts';

export interface ServingOptions {
  readonly hosts: readonly [string, ...string[]];
  readonly lifetimes: Lifetimes;
  readonly log: Log;
  readonly clock: Pick<Clock, 'now'>;
}

/** The certificate that this replica serves. Its key is made here and is never written anywhere. */
export class Serving {
  onChange: (pair: Pair) => void = () => undefined;
  readonly #options: ServingOptions;
  #pair: Pair | undefined;
  #authority = '';

  constructor(options: ServingOptions) {
    this.#options = options;
  }

  get pair(): Pair | undefined {
    return this.#pair;
  }

  /** PEM of the authority that signed it; empty while there is none. */
  get authority(): string {
    return this.#authority;
  }

  isTrustedBy(bundle: string): boolean {
    const { hosts, clock } = this.#options;
    return this.#pair !== undefined && isTrusted(this.#pair.cert, bundle, hosts[0], clock.now());
  }

  /**
   * Signs a new one where half of the lifetime is over or the authority is another. `isSettled`: whether the API servers
   * know that authority; where they may not, what is served stays for as long as it is valid.
   */
  async renew(authority: Pair, isSettled: boolean): Promise<void> {
    const { lifetimes, hosts, log, clock } = this.#options;
    if (!this.#isDue(authority) || (!isSettled && this.#isValid())) return;
    const validity = servingValidity(clock.now(), lifetimes.servingMs, expiryOf(authority.cert));
    const pair = await issue(authority, { name: hosts[0], hosts, usage: 'server', ...validity });
    this.onChange(pair);
    this.#pair = pair;
    this.#authority = authority.cert;
    log.info(LOG.certificateLoaded, { expires: new Date(expiryOf(pair.cert)).toISOString() });
  }

  #isDue(authority: Pair): boolean {
    // Not valid: the clock has jumped.
    if (this.#pair === undefined || !this.#isValid()) return true;
    const { clock, lifetimes } = this.#options;
    if (!isSignedBy(new X509Certificate(this.#pair.cert), new X509Certificate(authority.cert))) return true;
    const endsAt = expiryOf(this.#pair.cert);
    // One that ends with its authority cannot be had for longer.
    return endsAt - clock.now() < lifetimes.servingMs / 2 && endsAt < expiryOf(authority.cert);
  }

  #isValid(): boolean {
    return this.#pair !== undefined && isValidAt(new X509Certificate(this.#pair.cert), this.#options.clock.now());
  }
}
