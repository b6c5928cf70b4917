import { X509Certificate } from 'node:crypto';
import type { Clock } from '../async/clock.ts';
import { LOG, type Log } from '../log/messages.ts';
import type { Pair } from './certificate-source.ts';
import { issue } from './issuing.ts';
import { type Lifetimes, servingValidity } from './lifetimes.ts';
import { expiryOf, isSignedBy, isTrusted, isValidAt } from './pem.ts';

export interface ServingCertificateOptions {
  /** The names that are served; the first is the one by which the API server calls. */
  readonly hosts: readonly [string, ...string[]];
  readonly lifetimes: Lifetimes;
  readonly log: Log;
  readonly clock: Pick<Clock, 'now'>;
}

/** The certificate that this replica serves. Its key is made here and is never written anywhere. */
export class ServingCertificate {
  onChange: (pair: Pair) => void = () => undefined;
  readonly #options: ServingCertificateOptions;
  #pair: Pair | undefined;
  #authority = '';

  constructor(options: ServingCertificateOptions) {
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
   * Signs a new one if half of the lifetime is over or the authority is another; resolves to whether it did. `mayReplace`:
   * whether the API servers take one of that authority. If they may not, what is served stays for as long as it is valid.
   */
  async renew(authority: Pair, mayReplace: boolean): Promise<boolean> {
    const { lifetimes, hosts, log, clock } = this.#options;
    if (!this.#isDue(authority) || (!mayReplace && this.#isValid())) return false;
    const validity = servingValidity(clock.now(), lifetimes.servingMs, expiryOf(authority.cert));
    const pair = await issue(authority, { name: hosts[0], hosts, usage: 'server', ...validity });
    this.onChange(pair);
    this.#pair = pair;
    this.#authority = authority.cert;
    log.info(LOG.certificateLoaded, { expires: new Date(expiryOf(pair.cert)).toISOString() });
    return true;
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

/** The API server calls by the first; the others are for people who try it. */
export function hostsOf(service: string, namespace: string): [string, ...string[]] {
  const name = `${service}.${namespace}`;
  return [`${name}.svc`, `${name}.svc.cluster.local`, name, service, 'localhost', '127.0.0.1', '::1'];
}
