import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { unlessAborted } from '../async/abort.ts';
import type { Clock } from '../async/clock.ts';
import { CALL_CLASSES, type CallClass, SHARES, type Shares } from './call-class.ts';
import { type ProxyEnvironment, proxyFor } from './proxy-environment.ts';

export type { ProxyEnvironment } from './proxy-environment.ts';

/** How to reach the API server, and with which credentials. See `openConnection`. */
export interface Connection {
  readonly server: string;
  /** How many connections each class of calls has. */
  readonly shares: Shares;
  /**
   * The dispatchers and the authentication headers for a call made now. Reads credentials again at most every few
   * seconds.
   */
  prepare(): Promise<Prepared>;
  /** Call it after a 401: the next call reads every credential from its source again. */
  forgetCredentials(): void;
  close(): Promise<void>;
}

export interface Prepared {
  /** One for each class of calls, so that no class waits for a connection that another one holds. */
  readonly dispatchers: Readonly<Record<CallClass, Dispatcher>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** The part of the client library's KubeConfig that is used. */
export interface KubeConfigLike {
  getCurrentCluster(): { readonly server: string; readonly proxyUrl?: string } | null;
  applyToHTTPSOptions(options: HttpsOptions): Promise<void>;
}

interface HttpsOptions {
  headers?: Record<string, unknown>;
  ca?: unknown;
  cert?: unknown;
  key?: unknown;
  pfx?: unknown;
  passphrase?: unknown;
  rejectUnauthorized?: boolean;
  servername?: string;
  auth?: string | null;
}

/** Timeouts for steps that may never finish, and the number of connections. */
export interface ConnectionLimits {
  /**
   * After this time an exec plugin, or any other source of credentials, counts as hung, and the next call tries again.
   */
  readonly credentialsMs?: number;
  /**
   * For a connection with its TLS handshake. Through a proxy it applies to each step: the connection to the proxy, the
   * proxy's response, and the handshake behind it.
   */
  readonly connectMs?: number;
  readonly shares?: Shares;
}

const CREDENTIALS_FRESH_MS = 5_000;
const CREDENTIALS_TIMEOUT_MS = 60_000;
/** Many calls can fail with 401 at once, and must not each run an exec plugin. */
const FORGET_AT_MOST_EVERY_MS = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Opens a pool of keep-alive connections for each class of calls. The library would open a TLS connection per call
 * (docs/decisions/0003-transport.md). Calls `load` again after the API server refused the credentials. New
 * certificates, whether from `load` or from an exec plugin, apply to the calls after that.
 * Throws what `load` and `proxyFor` throw, and an Error if there are no credentials within a minute.
 */
export async function openConnection(
  load: () => KubeConfigLike,
  clock: Pick<Clock, 'monotonicNow' | 'setTimer'>,
  proxies: ProxyEnvironment = {},
  { credentialsMs = CREDENTIALS_TIMEOUT_MS, connectMs = CONNECT_TIMEOUT_MS, shares = SHARES }: ConnectionLimits = {},
): Promise<Connection> {
  let config = load();
  let { prepared, tlsKey } = await read(undefined);
  let readAt = clock.monotonicNow();
  let forgottenAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<Prepared> | undefined;

  /** Keeps the agents, and so their connections, while their certificates stay the same. */
  async function read(before: { prepared: Prepared; tlsKey: string } | undefined) {
    const cluster = config.getCurrentCluster();
    const options: HttpsOptions = { headers: {} };
    await within(clock, config.applyToHTTPSOptions(options), credentialsMs);
    const tls = tlsOptions(options);
    // As in client-go, NO_PROXY does not affect a `proxy-url`.
    const proxy = cluster?.proxyUrl || proxyFor(cluster?.server ?? '', proxies);
    const key = JSON.stringify([tls, proxy]);
    const isSame = before?.tlsKey === key;
    const dispatchers = isSame ? before.prepared.dispatchers : createAgents(shares, tls, connectMs, proxy);
    return { prepared: { dispatchers, headers: authHeaders(options) }, tlsKey: key };
  }

  async function refresh(): Promise<Prepared> {
    const old = prepared.dispatchers;
    ({ prepared, tlsKey } = await read({ prepared, tlsKey }));
    readAt = clock.monotonicNow();
    // Running calls may finish. A watch on the old agent ends with its own timeout.
    if (old !== prepared.dispatchers) for (const one of Object.values(old)) void one.close().catch(() => undefined);
    return prepared;
  }

  return {
    server: (config.getCurrentCluster()?.server ?? '').replace(/\/+$/, ''),
    shares,
    async prepare() {
      if (clock.monotonicNow() - readAt <= CREDENTIALS_FRESH_MS) return prepared;
      reading ??= refresh().finally(() => {
        reading = undefined;
      });
      return reading;
    },
    forgetCredentials() {
      if (clock.monotonicNow() - forgottenAt < FORGET_AT_MOST_EVERY_MS) return;
      forgottenAt = clock.monotonicNow();
      readAt = Number.NEGATIVE_INFINITY;
      try {
        config = load();
      } catch {
        // The previous credentials are better than none. The next 401 tries again.
      }
    },
    async close() {
      await Promise.all(Object.values(prepared.dispatchers).map((dispatcher) => dispatcher.destroy()));
    },
  };
}

/** Ignores a result that arrives late: by then another call may have started the work again. */
async function within(clock: Pick<Clock, 'setTimer'>, work: Promise<void>, ms: number): Promise<void> {
  const late = new AbortController();
  const tooLate = () => late.abort(new Error(`no credentials for the API server within ${ms / 1000} s`));
  const timer = clock.setTimer(tooLate, ms);
  try {
    await unlessAborted(work, late.signal);
  } finally {
    timer.cancel();
  }
}

function createAgents(shares: Shares, tls: Record<string, unknown>, timeout: number, proxy: string | undefined) {
  const agents = CALL_CLASSES.map((one) => [one, createAgent(shares[one].connections, tls, timeout, proxy)] as const);
  return Object.fromEntries(agents) as Prepared['dispatchers'];
}

function createAgent(
  connections: number,
  tls: Record<string, unknown>,
  timeout: number,
  proxy: string | undefined,
): Dispatcher {
  const keepAlive = { keepAlive: true, keepAliveInitialDelay: 30_000, timeout };
  const pool = { allowH2: false, connections, pipelining: 1, keepAliveTimeout: 60_000 };
  const connect = { ...tls, ...keepAlive };
  if (proxy === undefined) return new Agent({ ...pool, connect });
  return new ProxyAgent({
    ...pool,
    uri: proxy,
    connectTimeout: timeout,
    // TLS to the API server behind the proxy.
    requestTls: connect,
    // Without this, a silent proxy would block each connection of the pool for undici's default of five minutes.
    clientFactory: (origin, options) => new Pool(origin, { ...options, headersTimeout: timeout }),
  });
}

function authHeaders(options: HttpsOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value).trim();
  if (options.auth) headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return headers;
}

function tlsOptions(options: HttpsOptions): Record<string, unknown> {
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  const all = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
