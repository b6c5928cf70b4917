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
}
