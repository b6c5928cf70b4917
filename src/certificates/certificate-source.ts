/** A certificate and its private key, both PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** When a certificate ends, epoch milliseconds. */
export interface Expiry {
  readonly certificate: 'serving' | 'ca' | 'client-ca';
  readonly at: number;
}

/** Of the registration, for metrics. */
export interface RegistrationState {
  /** Whether a webhook of the registration calls this installation. */
  readonly isRegistered: boolean;
  /** Whether every one of those has a caBundle that verifies what this replica serves. */
  readonly isVerified: boolean;
  /** For how long evictions of protected pods may have gone past the hook since this replica runs, milliseconds. */
  readonly unprotectedMs: number;
  /** How often somebody else's change was undone, and how often that had to wait. */
  readonly corrections: Readonly<Record<'webhooks' | 'bundle' | 'postponed', number>>;
  /** How many authorities of others were left out of the caBundle, because there were too many. */
  readonly authoritiesLeftOut: number;
}

/** Where the serving certificate comes from: files, or an authority of the hook's own. */
export interface CertificateSource {
  /** What to serve now; undefined while there is nothing yet. */
  current(): Pair | undefined;
  /** From now on; `onChange` is called with every new pair, and what it throws is tried again. */
  start(onChange: (pair: Pair) => void): void;
  /** From now on it writes nothing more, nor does a write that is under way begin again. What is served stays. */
  stop(): Promise<void>;
  /** Why the hook is not ready for the sake of its certificate; undefined if it is. */
  notReady(): string | undefined;
  expiries(): readonly Expiry[];
  /** Of the registration that it keeps right; undefined if it keeps none. */
  registration(): RegistrationState | undefined;
}
